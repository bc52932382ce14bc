/* Are the bytes of an ONNX file what they claim to be?  protobuf-c, which unpacks them, recurses once per nesting
 * level and allocates whatever a field asks for; so the wire format (protobuf.dev, "Encoding") is walked here first,
 * with a stack of our own and guided by the same descriptors:
 *     message = (tag value)*    tag = varint of field number << 3 | wire type
 *     wire type 0 varint, 1 eight bytes, 2 length and as many bytes, 5 four bytes
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <string.h>
#include "onnx.h"

enum {
    MAX_DEPTH = 32,                    /* the deepest legal file without subgraphs has 9        */
    MAX_FIELD = 200,                   /* newer files may hold fields we do not know: below it  */
    MEMBER_NBYTES = 48                 /* protobuf-c's note of one field while it unpacks       */
};
enum wire { VARINT = 0, EIGHT_BYTES = 1, LENGTH = 2, FOUR_BYTES = 5 };

/* What unpacking may take: honest files stay below 11 bytes per byte (floats that are not packed). */
#define BASE_NBYTES ((size_t)16 << 20)
#define NBYTES_PER_BYTE 12

struct level {
    const ProtobufCMessageDescriptor *type;
    size_t end;
    uint64_t seen;                     /* fields that may come once, by index */
};

struct scan {
    const uint8_t *bytes;
    size_t at, nbytes;
    size_t field_at;                   /* where the current field begins      */
    size_t needed;                     /* bytes protobuf-c will ask for       */
    const char *name;
    struct xo_info *info;
    size_t depth;
    struct level level[MAX_DEPTH];
};

static int damaged(const struct scan *s, const char *finding, const char *expected)
{
    return xo_fail(s->info, XO_ESYNTAX, "%s: byte %zu: %s; expected %s", s->name, s->field_at, finding, expected);
}

static struct level *top(struct scan *s) { return &s->level[s->depth - 1]; }

static int read_varint(struct scan *s, uint64_t *value)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 70; shift += 7) {
        uint8_t byte;
        if (s->at == top(s)->end)
            return damaged(s, "the file or the message ends within a number", "all of it");
        byte = s->bytes[s->at++];
        if (shift < 64)
            v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *value = v;
            return 0;
        }
    }
    return damaged(s, "a number of more than 10 bytes", "at most 10");
}

static int skip(struct scan *s, size_t nbytes)
{
    if (top(s)->end - s->at < nbytes)
        return damaged(s, "the file or the message ends within a number", "all of it");
    s->at += nbytes;
    return 0;
}

/* How a value of this type is written, and how much room it takes once read. */
static enum wire wire_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_FIXED32: case PROTOBUF_C_TYPE_SFIXED32: case PROTOBUF_C_TYPE_FLOAT:
        return FOUR_BYTES;
    case PROTOBUF_C_TYPE_FIXED64: case PROTOBUF_C_TYPE_SFIXED64: case PROTOBUF_C_TYPE_DOUBLE:
        return EIGHT_BYTES;
    case PROTOBUF_C_TYPE_STRING: case PROTOBUF_C_TYPE_BYTES: case PROTOBUF_C_TYPE_MESSAGE:
        return LENGTH;
    default:
        return VARINT;
    }
}

static size_t element_nbytes(ProtobufCType type)
{
    return type == PROTOBUF_C_TYPE_FLOAT || type == PROTOBUF_C_TYPE_INT32 || type == PROTOBUF_C_TYPE_ENUM ? 4 : 8;
}

/* Many numbers in one field. */
static int scan_packed(struct scan *s, const ProtobufCFieldDescriptor *f, size_t length)
{
    enum wire wire = wire_of(f->type);
    size_t width = wire == FOUR_BYTES ? 4 : 8, count = length / width, run = 0;
    if (wire != VARINT && length % width)
        return damaged(s, "packed numbers that end within one", "a whole number of them");
    for (size_t k = count = wire == VARINT ? 0 : count; wire == VARINT && k < length; k++) {
        bool ends = !(s->bytes[s->at + k] & 0x80);
        run = ends ? 0 : run + 1;
        count += ends;
        if (run > 9)
            return damaged(s, "a packed number of more than 10 bytes", "at most 10");
    }
    if (run)
        return damaged(s, "packed numbers that end within one", "a whole number of them");
    s->needed += count * element_nbytes(f->type);
    s->at += length;
    return 0;
}

static int enter(struct scan *s, const ProtobufCMessageDescriptor *type, size_t length)
{
    if (s->depth == MAX_DEPTH)
        return damaged(s, "messages nested more than 32 deep", "an ONNX file, which needs 9");
    s->needed += type->sizeof_message;
    s->level[s->depth++] = (struct level){ type, s->at + length, 0 };
    return 0;
}

static int scan_length(struct scan *s, const ProtobufCFieldDescriptor *f)
{
    uint64_t length;
    int status = read_varint(s, &length);
    size_t left = top(s)->end - s->at;
    if (status)
        return status;
    if (length > left)
        return xo_fail(s->info, XO_ESYNTAX, "%s: byte %zu: %s.%s claims %llu bytes, %zu are left; "
                       "expected a complete ONNX file", s->name, s->field_at, top(s)->type->short_name,
                       f ? f->name : "field", (unsigned long long)length, left);
    if (f && f->type == PROTOBUF_C_TYPE_MESSAGE)
        return enter(s, f->descriptor, (size_t)length);
    if (f && wire_of(f->type) != LENGTH)
        return scan_packed(s, f, (size_t)length);
    if (f && f->type == PROTOBUF_C_TYPE_STRING && memchr(s->bytes + s->at, 0, (size_t)length))
        return damaged(s, "a text with a NUL in it", "none");
    s->needed += (size_t)length + 2 * sizeof(void *);
    s->at += (size_t)length;
    return 0;
}

/* A second graph in a model would be merged into the first, at a quadratic price: refused like any repetition. */
static int check_once(struct scan *s, const ProtobufCFieldDescriptor *f)
{
    struct level *l = top(s);
    uint64_t bit = (uint64_t)1 << (size_t)(f - l->type->fields);
    if (f->label == PROTOBUF_C_LABEL_REPEATED || f->type != PROTOBUF_C_TYPE_MESSAGE)
        return 0;
    if (l->seen & bit)
        return xo_fail(s->info, XO_ESYNTAX, "%s: byte %zu: a second %s.%s; expected one", s->name, s->field_at,
                       l->type->short_name, f->name);
    l->seen |= bit;
    return 0;
}

static int check_wire(const struct scan *s, const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *f,
                      unsigned wire)
{
    bool packed = f->label == PROTOBUF_C_LABEL_REPEATED && wire == LENGTH;
    if (wire == wire_of(f->type) || packed)
        return 0;
    return xo_fail(s->info, XO_ESYNTAX, "%s: byte %zu: %s.%s has wire type %u; expected %u (not an ONNX file?)",
                   s->name, s->field_at, type->short_name, f->name, wire, (unsigned)wire_of(f->type));
}

static int scan_field(struct scan *s)
{
    const ProtobufCMessageDescriptor *type = top(s)->type;
    const ProtobufCFieldDescriptor *f;
    uint64_t tag;
    int status;
    s->field_at = s->at;
    status = read_varint(s, &tag);
    if (status)
        return status;
    if (tag >> 3 == 0 || tag >> 3 > MAX_FIELD)
        return xo_fail(s->info, XO_ESYNTAX, "%s: byte %zu: field number %llu in %s; expected an ONNX file", s->name,
                       s->field_at, (unsigned long long)(tag >> 3), type->short_name);
    f = protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3));
    if (f)
        status = check_wire(s, type, f, tag & 7);
    if (f && !status)
        status = check_once(s, f);
    if (status)
        return status;
    s->needed += MEMBER_NBYTES + 8;
    switch (tag & 7) {
    case VARINT: return read_varint(s, &tag);
    case EIGHT_BYTES: return skip(s, 8);
    case LENGTH: return scan_length(s, f);
    case FOUR_BYTES: return skip(s, 4);
    default: return damaged(s, "a wire type that protocol buffers do not have", "an ONNX file");
    }
}

int xo_onnx_scan(const uint8_t *bytes, size_t nbytes, const char *name, struct xo_info *info)
{
    struct scan s = { .bytes = bytes, .nbytes = nbytes, .name = name, .info = info, .depth = 1 };
    int status = 0;
    if (nbytes == 0)
        return xo_fail(info, XO_ESYNTAX, "%s: an empty file; expected an ONNX file", name);
    s.level[0] = (struct level){ &onnx__model_proto__descriptor, nbytes, 0 };
    while (s.depth && !status) {
        if (s.at == top(&s)->end)
            s.depth--;
        else
            status = scan_field(&s);
        if (!status && (s.needed > BASE_NBYTES + nbytes * NBYTES_PER_BYTE))
            status = xo_fail(info, XO_ETOOBIG,
                             "%s: byte %zu: %zu bytes so far unfold to %zu; expected at most %d per "
                             "byte", name, s.field_at, s.at, s.needed, NBYTES_PER_BYTE);
    }
    return status;
}
