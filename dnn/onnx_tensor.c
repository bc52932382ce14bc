/* Tensors of an ONNX file: raw bytes, typed lists or external data -> our few types.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "array.h"
#include "onnx.h"

/* Constants of one network: more is no network for this machine, but a file that means harm. */
#define MAX_CONSTANT_NBYTES ((size_t)1 << 33)

/* Where the numbers of a tensor are written if they are neither raw nor external. */
enum list { FLOATS, INT32S, INT64S, UINT64S, DOUBLES };

struct kind {
    int onnx;
    const char *name;
    enum list list;
    size_t width;                      /* bytes of a raw element           */
    bool is_signed;
    enum xo_dtype type;                /* what it becomes                  */
};
static const struct kind kinds[] = {
    { ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,   "float",   FLOATS,  4, true,  XO_F32 },
    { ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE,  "double",  DOUBLES, 8, true,  XO_F32 },
    { ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16, "float16", INT32S,  2, false, XO_F32 },
    { ONNX__TENSOR_PROTO__DATA_TYPE__UINT8,   "uint8",   INT32S,  1, false, XO_U8 },
    { ONNX__TENSOR_PROTO__DATA_TYPE__INT8,    "int8",    INT32S,  1, true,  XO_I8 },
    { ONNX__TENSOR_PROTO__DATA_TYPE__BOOL,    "bool",    INT32S,  1, false, XO_BOOL },
    { ONNX__TENSOR_PROTO__DATA_TYPE__INT32,   "int32",   INT32S,  4, true,  XO_I32 },
    { ONNX__TENSOR_PROTO__DATA_TYPE__INT64,   "int64",   INT64S,  8, true,  XO_I64 },
    { ONNX__TENSOR_PROTO__DATA_TYPE__UINT16,  "uint16",  INT32S,  2, false, XO_I64 },
    { ONNX__TENSOR_PROTO__DATA_TYPE__INT16,   "int16",   INT32S,  2, true,  XO_I64 },
    { ONNX__TENSOR_PROTO__DATA_TYPE__UINT32,  "uint32",  UINT64S, 4, false, XO_I64 },
    { ONNX__TENSOR_PROTO__DATA_TYPE__UINT64,  "uint64",  UINT64S, 8, false, XO_I64 },
};

/* One tensor being read. */
struct source {
    struct xo_onnx *o;
    const Onnx__TensorProto *t;
    const char *what;
    const struct kind *kind;
    size_t count;
    const uint8_t *raw;                /* NULL: the typed list */
};

static const char *name_of(const Onnx__TensorProto *t) { return t->name && *t->name ? t->name : "without a name"; }

static int refuse(const struct source *s, int status, const char *finding, const char *expected)
{
    return xo_fail(s->o->info, status, "%s: %s %.80s: %s; expected %s", s->o->name, s->what, name_of(s->t), finding,
                   expected);
}

/* ---- one element ---------------------------------------------------------------------------------- */

static uint64_t little_endian(const uint8_t *p, size_t width)
{
    uint64_t v = 0;
    for (size_t k = 0; k < width; k++)
        v |= (uint64_t)p[k] << 8 * k;
    return v;
}

static int64_t sign_extended(uint64_t v, size_t width)
{
    unsigned shift = 64 - 8 * (unsigned)width;
    return (int64_t)(v << shift) >> shift;
}

/* IEEE 754 binary16: sign, 5 bits of exponent with bias 15, 10 bits of fraction. */
static double half(unsigned bits)
{
    int exponent = bits >> 10 & 0x1f;
    double fraction = bits & 0x3ff, magnitude;
    if (exponent == 31)
        magnitude = fraction > 0 ? (double)NAN : (double)INFINITY;
    else
        magnitude = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
    return bits & 0x8000 ? -magnitude : magnitude;
}

static double real_of(const struct source *s, size_t k)
{
    uint64_t bits;
    uint32_t single;
    float f;
    double d;
    if (!s->raw && s->kind->list == FLOATS)
        return (double)s->t->float_data[k];
    if (!s->raw && s->kind->list == DOUBLES)
        return s->t->double_data[k];
    if (!s->raw)
        return half((unsigned)s->t->int32_data[k] & 0xffff);
    bits = little_endian(s->raw + k * s->kind->width, s->kind->width);
    single = (uint32_t)bits;
    memcpy(&f, &single, 4);
    memcpy(&d, &bits, 8);
    return s->kind->width == 2 ? half((unsigned)bits) : s->kind->width == 4 ? (double)f : d;
}

/* false: the number does not fit its own type, or int64. */
static bool whole_of(const struct source *s, size_t k, int64_t *out)
{
    const struct kind *kind = s->kind;
    uint64_t bits, kept;
    if (s->raw)
        bits = little_endian(s->raw + k * kind->width, kind->width);
    else
        bits = kind->list == INT32S ? (uint64_t)(int64_t)s->t->int32_data[k]
             : kind->list == INT64S ? (uint64_t)s->t->int64_data[k] : s->t->uint64_data[k];
    kept = kind->width == 8 ? bits : bits & (((uint64_t)1 << 8 * kind->width) - 1);
    *out = kind->is_signed ? sign_extended(kept, kind->width) : (int64_t)kept;
    if (s->raw)
        return kind->is_signed || *out >= 0;
    return (uint64_t)*out == bits && (kind->is_signed || *out >= 0);
}

/* ---- all of them ---------------------------------------------------------------------------------- */

static int store_reals(const struct source *s, float *out)
{
    for (size_t k = 0; k < s->count; k++) {
        char finding[64];
        double x = real_of(s, k);
        out[k] = (float)x;
        if (isfinite(out[k]))
            continue;
        snprintf(finding, sizeof finding, "element %zu is %g", k, x);
        return refuse(s, XO_EVALUE, finding, "finite numbers of float32");
    }
    return 0;
}

static int store_integers(const struct source *s, void *out)
{
    for (size_t k = 0; k < s->count; k++) {
        char finding[64];
        int64_t n;
        if (!whole_of(s, k, &n)) {
            snprintf(finding, sizeof finding, "element %zu does not fit %s", k, s->kind->name);
            return refuse(s, XO_EVALUE, finding, "numbers of the type, at most 2^63 - 1");
        }
        switch (s->kind->type) {
        case XO_U8: ((uint8_t *)out)[k] = (uint8_t)n; break;
        case XO_I8: ((int8_t *)out)[k] = (int8_t)n; break;
        case XO_BOOL: ((uint8_t *)out)[k] = n != 0; break;
        case XO_I32: ((int32_t *)out)[k] = (int32_t)n; break;
        default: ((int64_t *)out)[k] = n; break;
        }
    }
    return 0;
}

/* ---- what stands around them ---------------------------------------------------------------------- */

static int find_kind(struct source *s)
{
    char finding[64];
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        if (kinds[k].onnx == s->t->data_type)
            s->kind = &kinds[k];
    if (s->kind)
        return 0;
    snprintf(finding, sizeof finding, "data type %ld%s", (long)s->t->data_type,
             s->t->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16 ? " (bfloat16)"
             : s->t->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__STRING ? " (text)" : "");
    return refuse(s, XO_EUNSUPPORTED, finding, "float, double, float16, bool or an integer type");
}

static int find_shape(struct source *s, struct xo_tensor *out)
{
    char finding[96];
    size_t nbytes, width;
    if (s->t->n_dims > XO_MAX_RANK) {
        snprintf(finding, sizeof finding, "%zu dimensions", s->t->n_dims);
        return refuse(s, XO_EUNSUPPORTED, finding, "at most 8");
    }
    out->dimensions = s->t->n_dims;
    for (size_t k = 0; k < out->dimensions; k++) {
        if (s->t->dims[k] < 0 || (uint64_t)s->t->dims[k] > PTRDIFF_MAX) {
            snprintf(finding, sizeof finding, "dimension %zu is %lld", k, (long long)s->t->dims[k]);
            return refuse(s, XO_EVALUE, finding, "0 or more");
        }
        out->shape[k] = (size_t)s->t->dims[k];
    }
    width = xo_dtype_nbytes(s->kind->type) > s->kind->width ? xo_dtype_nbytes(s->kind->type) : s->kind->width;
    if (!xo_shape_nbytes(&nbytes, out->dimensions, out->shape, width)
        || nbytes > MAX_CONSTANT_NBYTES - s->o->constant_nbytes)
        return refuse(s, XO_ETOOBIG, "its shape asks for more memory than a network may have",
                      "at most 8 GiB of constants");
    s->count = nbytes / width;
    return 0;
}

static size_t list_count(const struct source *s)
{
    const Onnx__TensorProto *t = s->t;
    switch (s->kind->list) {
    case FLOATS: return t->n_float_data;
    case INT32S: return t->n_int32_data;
    case INT64S: return t->n_int64_data;
    case UINT64S: return t->n_uint64_data;
    default: return t->n_double_data;
    }
}

/* Every claim of size is checked against bytes that are there, before anything is allocated. */
static int find_data(struct source *s)
{
    static const uint8_t nothing[1];
    char finding[96];
    size_t nbytes = s->count * s->kind->width;
    if (s->t->has_data_location && s->t->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
        return xo_onnx_external(s->o, &s->raw, nbytes, s->t);
    if (s->t->has_raw_data && (s->t->raw_data.len || !list_count(s))) {
        s->raw = s->t->raw_data.data ? s->t->raw_data.data : nothing;
        if (s->t->raw_data.len == nbytes)
            return 0;
        snprintf(finding, sizeof finding, "%zu bytes of data", s->t->raw_data.len);
    } else {
        if (list_count(s) == s->count)
            return 0;
        snprintf(finding, sizeof finding, "%zu numbers of type %s", list_count(s), s->kind->name);
        nbytes = s->count;
    }
    return xo_fail(s->o->info, XO_EVALUE, "%s: %s %.80s: %s; expected %zu by its shape", s->o->name, s->what,
                   name_of(s->t), finding, nbytes);
}

int xo_onnx_tensor(struct xo_onnx *o, struct xo_tensor *out, const Onnx__TensorProto *t, const char *what)
{
    struct source s = { .o = o, .t = t, .what = what };
    struct xo_tensor tensor = { 0 };
    int status = find_kind(&s);
    if (!status && t->segment)
        status = refuse(&s, XO_EUNSUPPORTED, "cut into segments", "one whole");
    if (!status)
        status = find_shape(&s, &tensor);
    if (!status)
        status = find_data(&s);
    if (status)
        return status;
    tensor.type = s.kind->type;
    tensor.data = xo_arena_alloc(&o->g->arena, s.count ? s.count : 1, xo_dtype_nbytes(tensor.type));
    if (!tensor.data)
        return ENOMEM;
    status = tensor.type == XO_F32 ? store_reals(&s, tensor.data) : store_integers(&s, tensor.data);
    if (status)
        return status;
    o->constant_nbytes += s.count * xo_dtype_nbytes(tensor.type);
    *out = tensor;
    return 0;
}
