/* Operators that move numbers or change shapes: each result element is looked up where the definition says it comes from.
 * Exact.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "one-node.h"
#include "tap.h"

static unsigned long long seed = 987654321;
enum { CASES = 80 };

static int failures, runs, runs_alike;

static size_t draw_shape(size_t rank, size_t shape[XO_MAX_RANK])
{
    size_t count = 1;
    for (size_t k = 0; k < rank; k++)
        count *= shape[k] = one_pick(&seed, 1, 5);
    return count;
}

static void locate(size_t n, size_t rank, const size_t *shape, size_t *index)
{
    for (size_t k = rank; k-- > 0; n /= shape[k])
        index[k] = n % shape[k];
}

static size_t place(size_t rank, const size_t *shape, const size_t *index)
{
    size_t at = 0;
    for (size_t k = 0; k < rank; k++)
        at = at * shape[k] + index[k];
    return at;
}

static int computed(struct one *o, size_t rank, const size_t *shape)
{
    int fine = !one_compute(o) && o->result[0].dimensions == rank;
    for (size_t k = 0; fine && k < rank; k++)
        fine = o->result[0].shape[k] == shape[k];
    if (!fine)
        failures++, printf("# %s: %s\n", o->node.op, o->info.text);
    return fine;
}

static void same(const struct one *o, size_t k, float want)
{
    failures += ((const float *)o->result[0].data)[k] != want;
}

static void finish(struct one *o, float *x)
{
    runs += o->ran;
    runs_alike += o->ran_alike;
    one_end(o);
    free(x);
}

static void report(const char *what)
{
    tap_ok(!failures && runs == runs_alike, "%s: every number comes from where the definition says, in %d cases, run (%d) "
           "or folded", what, CASES, runs);
    failures = runs = runs_alike = 0;
}

static void transpose_case(void)
{
    size_t rank = one_pick(&seed, 1, 5), shape[XO_MAX_RANK], count = draw_shape(rank, shape), to[XO_MAX_RANK], index[XO_MAX_RANK];
    size_t source[XO_MAX_RANK];
    int64_t perm[XO_MAX_RANK];
    int given = (int)one_pick(&seed, 0, 3);
    float *x = one_random(&seed, count, -1, 1);
    struct one o;
    for (size_t k = 0; k < rank; k++)
        perm[k] = (int64_t)(given ? k : rank - 1 - k);
    for (size_t k = rank; given && k-- > 1; ) {
        size_t j = one_pick(&seed, 0, k);
        int64_t kept = perm[k];
        perm[k] = perm[j];
        perm[j] = kept;
    }
    one_begin(&o, "Transpose", 13);
    one_floats(&o, rank, shape, x);
    if (given)
        one_ints(&o, "perm", rank, perm);
    for (size_t k = 0; k < rank; k++)
        to[k] = shape[perm[k]];
    if (computed(&o, rank, to))
        for (size_t n = 0; n < count; n++) {
            locate(n, rank, to, index);
            for (size_t k = 0; k < rank; k++)
                source[perm[k]] = index[k];
            same(&o, n, x[place(rank, shape, source)]);
        }
    finish(&o, x);
}

/* Python's slice, by walking: which indices does start:end:step name? */
static size_t walk(int64_t length, int64_t start, int64_t end, int64_t step, size_t named[8])
{
    size_t count = 0;
    start = start < 0 ? start + length : start;
    end = end < 0 ? end + length : end;
    if (step > 0)
        for (int64_t i = start < 0 ? 0 : start; i < end && i < length; i += step)
            named[count++] = (size_t)i;
    else
        for (int64_t i = start >= length ? length - 1 : start; i > end && i >= 0; i += step)
            named[count++] = (size_t)i;
    return count;
}

static void slice_case(void)
{
    size_t rank = one_pick(&seed, 1, 4), shape[XO_MAX_RANK], count = draw_shape(rank, shape), to[XO_MAX_RANK], index[XO_MAX_RANK];
    size_t named[4][8], source[XO_MAX_RANK], cut = 0, results = 1;
    int64_t start[4], end[4], axis[4], step[4];
    int64_t opset = one_pick(&seed, 0, 1) ? 9 : 13;
    float *x = one_random(&seed, count, -1, 1);
    struct one o;
    for (size_t k = 0; k < rank; k++) {
        int64_t length = (int64_t)shape[k], s = (int64_t)one_pick(&seed, 0, 14) - 7, e = (int64_t)one_pick(&seed, 0, 14) - 7;
        int64_t by = opset < 10 ? 1 : (int64_t)one_pick(&seed, 1, 3) * (one_pick(&seed, 0, 1) ? 1 : -1);
        int edge = (int)one_pick(&seed, 0, 3);
        s = edge ? s : by > 0 ? INT64_MIN : INT64_MAX;
        e = edge ? e : by > 0 ? INT64_MAX : INT64_MIN;
        to[k] = edge ? walk(length, s, e, by, named[k]) : walk(length, by > 0 ? 0 : length - 1, by > 0 ? length : -1 - length, by, named[k]);
        if (one_pick(&seed, 0, 3) == 0 || !to[k]) {        /* this axis stays whole */
            to[k] = walk(length, 0, length, 1, named[k]);
            continue;
        }
        start[cut] = s, end[cut] = e, step[cut] = by;
        axis[cut++] = (int64_t)k - (int64_t)(one_pick(&seed, 0, 1) ? rank : 0);
    }
    one_begin(&o, "Slice", opset);
    one_floats(&o, rank, shape, x);
    if (opset < 10) {
        one_ints(&o, "starts", cut, start);
        one_ints(&o, "ends", cut, end);
        one_ints(&o, "axes", cut, axis);
    } else {
        one_list(&o, cut, start);
        one_list(&o, cut, end);
        one_list(&o, cut, axis);
        one_list(&o, cut, step);
    }
    for (size_t k = 0; k < rank; k++)
        results *= to[k];
    if (computed(&o, rank, to))
        for (size_t n = 0; n < results; n++) {
            locate(n, rank, to, index);
            for (size_t k = 0; k < rank; k++)
                source[k] = named[k][index[k]];
            same(&o, n, x[place(rank, shape, source)]);
        }
    finish(&o, x);
}

static void expand_case(void)
{
    size_t rank = one_pick(&seed, 1, 4), full[XO_MAX_RANK] = { 0 }, cut = one_pick(&seed, 0, rank - 1), shape[XO_MAX_RANK], count = 1;
    size_t index[XO_MAX_RANK], source[XO_MAX_RANK], results = draw_shape(rank, full);
    int64_t wanted[XO_MAX_RANK];
    float *x;
    struct one o;
    for (size_t k = 0; k < rank; k++) {
        size_t length = k < cut ? 1 : one_pick(&seed, 0, 1) ? full[k] : 1;
        wanted[k] = length == full[k] && one_pick(&seed, 0, 1) ? 1 : (int64_t)full[k];
        if (k >= cut)
            count *= shape[k - cut] = length;
        else
            wanted[k] = (int64_t)full[k];
    }
    x = one_random(&seed, count, -1, 1);
    one_begin(&o, "Expand", 8);
    one_floats(&o, rank - cut, shape, x);
    one_list(&o, rank, wanted);
    if (computed(&o, rank, full))
        for (size_t n = 0; n < results; n++) {
            locate(n, rank, full, index);
            for (size_t k = cut; k < rank; k++)
                source[k - cut] = shape[k - cut] == 1 ? 0 : index[k];
            same(&o, n, x[place(rank - cut, shape, source)]);
        }
    finish(&o, x);
}

static void concat_case(void)
{
    size_t rank = one_pick(&seed, 1, 4), shape[XO_MAX_RANK], axis = one_pick(&seed, 0, rank - 1), parts = one_pick(&seed, 1, 4);
    size_t to[XO_MAX_RANK], length[4], index[XO_MAX_RANK], results;
    float *x[4];
    struct one o;
    draw_shape(rank, shape);
    memcpy(to, shape, sizeof shape);
    to[axis] = 0;
    one_begin(&o, "Concat", 4);
    for (size_t k = 0; k < parts; k++) {
        shape[axis] = length[k] = one_pick(&seed, 0, 4);
        to[axis] += length[k];
        x[k] = one_random(&seed, 625, -1, 1);
        one_floats(&o, rank, shape, x[k]);
    }
    one_int(&o, "axis", (int64_t)axis - (int64_t)(one_pick(&seed, 0, 1) ? rank : 0));
    results = 1;
    for (size_t k = 0; k < rank; k++)
        results *= to[k];
    if (computed(&o, rank, to))
        for (size_t n = 0; n < results; n++) {
            size_t part = 0;
            locate(n, rank, to, index);
            while (index[axis] >= length[part])
                index[axis] -= length[part++];
            shape[axis] = length[part];
            same(&o, n, x[part][place(rank, shape, index)]);
        }
    for (size_t k = 0; k < parts; k++)
        free(x[k]);
    finish(&o, NULL);
}

static void split_case(void)
{
    size_t rank = one_pick(&seed, 1, 4), shape[XO_MAX_RANK], axis = one_pick(&seed, 0, rank - 1), parts = one_pick(&seed, 1, 4);
    size_t index[XO_MAX_RANK], count = 1, from = 0;
    int64_t length[4], all = 0;
    int how = (int)one_pick(&seed, 0, 2);  /* equal, attribute, input */
    float *x;
    struct one o;
    draw_shape(rank, shape);
    for (size_t k = 0; k < parts; k++)
        all += length[k] = how ? (int64_t)one_pick(&seed, 0, 4) : 2;
    shape[axis] = (size_t)all;
    for (size_t k = 0; k < rank; k++)
        count *= shape[k];
    x = one_random(&seed, count, -1, 1);
    one_begin(&o, "Split", how == 1 ? 11 : 13);
    one_floats(&o, rank, shape, x);
    if (how == 1)
        one_ints(&o, "split", parts, length);
    if (how == 2)
        one_list(&o, parts, length);
    one_int(&o, "axis", (int64_t)axis);
    one_outputs(&o, parts);
    if (one_compute(&o))
        failures++, printf("# %s\n", o.info.text);
    else
        for (size_t p = 0; p < parts; from += (size_t)length[p++]) {
            size_t n = xo_tensor_count(&o.result[p]), piece[XO_MAX_RANK];
            memcpy(piece, shape, sizeof shape);
            piece[axis] = (size_t)length[p];
            failures += all > 0 && n != count / (size_t)all * (size_t)length[p];
            for (size_t k = 0; k < n; k++) {
                locate(k, rank, piece, index);
                index[axis] += from;
                failures += ((const float *)o.result[p].data)[k] != x[place(rank, shape, index)];
            }
        }
    finish(&o, x);
}

static void gather_case(void)
{
    size_t rank = one_pick(&seed, 1, 4), shape[XO_MAX_RANK], count = draw_shape(rank, shape), axis = one_pick(&seed, 0, rank - 1);
    size_t irank = one_pick(&seed, 0, 2), ishape[XO_MAX_RANK], many = draw_shape(irank, ishape), to[2 * XO_MAX_RANK] = { 0 }, results = 1;
    size_t index[XO_MAX_RANK], source[XO_MAX_RANK];
    int64_t which[25];
    float *x = one_random(&seed, count, -1, 1);
    struct one o;
    for (size_t k = 0; k < many; k++)
        which[k] = (int64_t)one_pick(&seed, 0, 2 * shape[axis] - 1) - (int64_t)shape[axis];
    one_begin(&o, "Gather", 11);
    one_floats(&o, rank, shape, x);
    one_tensor(&o, XO_I64, irank, ishape, which);
    one_int(&o, "axis", (int64_t)axis);
    for (size_t k = 0; k < rank - 1 + irank; k++)
        results *= to[k] = k < axis ? shape[k] : k < axis + irank ? ishape[k - axis] : shape[k + 1 - irank];
    if (computed(&o, rank - 1 + irank, to))
        for (size_t n = 0; n < results; n++) {
            int64_t i;
            locate(n, rank - 1 + irank, to, index);
            i = which[place(irank, ishape, index + axis)];
            for (size_t k = 0; k < rank; k++)
                source[k] = k < axis ? index[k] : k == axis ? (size_t)(i < 0 ? i + (int64_t)shape[axis] : i) : index[k + irank - 1];
            same(&o, n, x[place(rank, shape, source)]);
        }
    finish(&o, x);
}

static void pad_case(void)
{
    static const char *const mode[] = { "constant", "edge", "reflect" };
    size_t rank = one_pick(&seed, 1, 4), shape[XO_MAX_RANK], count = draw_shape(rank, shape), to[XO_MAX_RANK], results = 1;
    size_t index[XO_MAX_RANK], source[XO_MAX_RANK], how = one_pick(&seed, 0, 2);
    int64_t pads[8], opset = one_pick(&seed, 0, 1) ? 10 : 13;
    float *x = one_random(&seed, count, -1, 1), value = one_pick(&seed, 0, 1) ? 2.5f : 0;
    struct one o;
    for (size_t k = 0; k < rank; k++) {
        size_t most = how == 2 ? shape[k] - 1 : 3, less = one_pick(&seed, 0, 4) == 0 && shape[k] > 1;
        pads[k] = less ? -1 : (int64_t)one_pick(&seed, 0, most);
        pads[rank + k] = (int64_t)one_pick(&seed, 0, most);
        results *= to[k] = (size_t)((int64_t)shape[k] + pads[k] + pads[rank + k]);
    }
    one_begin(&o, "Pad", opset);
    one_floats(&o, rank, shape, x);
    if (how || one_pick(&seed, 0, 1))
        one_text(&o, "mode", mode[how]);
    if (opset < 11) {
        one_ints(&o, "pads", 2 * rank, pads);
        one_float(&o, "value", value);
    } else {
        one_list(&o, 2 * rank, pads);
        if (value > 0)
            one_floats(&o, 0, NULL, &value);
    }
    if (computed(&o, rank, to))
        for (size_t n = 0; n < results; n++) {
            int outside = 0;
            locate(n, rank, to, index);
            for (size_t k = 0; k < rank; k++) {
                int64_t i = (int64_t)index[k] - pads[k], last = (int64_t)shape[k] - 1;
                outside |= how == 0 && (i < 0 || i > last);
                if (how == 1)
                    i = i < 0 ? 0 : i > last ? last : i;
                while (how == 2 && (i < 0 || i > last))
                    i = i < 0 ? -i : 2 * last - i;
                source[k] = (size_t)i;
            }
            same(&o, n, outside ? value : x[place(rank, shape, source)]);
        }
    finish(&o, x);
}

/* ---- views: the order stays, the shape is what counts ---------------------------------------------- */

static void view(const char *op, int64_t opset, const char *attribute, size_t in, const size_t *shape, size_t numbers,
                 const int64_t *number, size_t out, const size_t *want, const char *fact)
{
    float x[256];
    size_t count = 1;
    struct one o;
    int fine;
    for (size_t k = 0; k < in; k++)
        count *= shape[k];
    for (size_t k = 0; k < count; k++)
        x[k] = (float)k;
    one_begin(&o, op, opset);
    one_floats(&o, in, shape, x);
    if (attribute && number && !strcmp(attribute, "axis"))
        one_int(&o, attribute, *number);
    else if (attribute && number)
        one_ints(&o, attribute, numbers, number);
    else if (number)
        one_list(&o, numbers, number);
    fine = computed(&o, out, want) && !memcmp(o.result[0].data, x, count * sizeof *x) && o.ran == o.ran_alike;
    failures = 0;
    tap_ok(fine, "%s", fact);
    one_end(&o);
}

#define S(...) sizeof (size_t[]){ __VA_ARGS__ } / sizeof(size_t), (const size_t[]){ __VA_ARGS__ }
#define N(...) sizeof (int64_t[]){ __VA_ARGS__ } / sizeof(int64_t), (const int64_t[]){ __VA_ARGS__ }

static void views(void)
{
    view("Reshape", 13, NULL, S(2, 3, 4), N(0, -1), S(2, 12), "Reshape: 0 copies, -1 is the rest");
    view("Reshape", 13, NULL, S(2, 3, 4), N(-1, 0, 2), S(4, 3, 2), "Reshape: -1 in front");
    view("Reshape", 13, NULL, S(1), N(1, 1, 1), S(1, 1, 1), "Reshape: more axes");
    view("Flatten", 13, NULL, S(2, 3, 4), 0, NULL, S(2, 12), "Flatten: axis 1 by default");
    view("Flatten", 13, "axis", S(2, 3, 4), N(0), S(1, 24), "Flatten: axis 0");
    view("Flatten", 13, "axis", S(2, 3, 4), N(-1), S(6, 4), "Flatten: a negative axis");
    view("Flatten", 13, "axis", S(2, 3, 4), N(3), S(24, 1), "Flatten: the axis behind the last");
    view("Squeeze", 11, "axes", S(2, 1, 3, 1), N(1), S(2, 3, 1), "Squeeze: axes as attribute");
    view("Squeeze", 13, NULL, S(2, 1, 3, 1), N(-1, 1), S(2, 3), "Squeeze: axes as input");
    view("Squeeze", 13, NULL, S(2, 1, 3, 1), 0, NULL, S(2, 3), "Squeeze: all axes of length 1");
    view("Unsqueeze", 11, "axes", S(2, 3), N(0, 3), S(1, 2, 3, 1), "Unsqueeze: axes as attribute");
    view("Unsqueeze", 13, NULL, S(2, 3), N(-1, 1), S(2, 1, 3, 1), "Unsqueeze: axes as input, negative");
    view("Identity", 13, NULL, S(2, 3), 0, NULL, S(2, 3), "Identity");
    view("Dropout", 7, NULL, S(2, 3), 0, NULL, S(2, 3), "Dropout drops nothing");
}

static void dropout_mask(void)
{
    struct one o;
    one_begin(&o, "Dropout", 12);
    one_floats(&o, 1, (size_t[]){ 3 }, (float[]){ 1, 2, 3 });
    one_floats(&o, 0, NULL, (float[]){ 0.5f });
    one_tensor(&o, XO_BOOL, 0, NULL, (uint8_t[]){ 0 });
    one_outputs(&o, 2);
    tap_ok(!one_compute(&o) && o.result[1].type == XO_BOOL && !memcmp(o.result[1].data, (uint8_t[]){ 1, 1, 1 }, 3) &&
           ((const float *)o.result[0].data)[2] == 3, "Dropout's mask is all true");
    one_end(&o);
}

/* ---- shapes as numbers ----------------------------------------------------------------------------- */

static void list_equals(struct one *o, size_t count, const int64_t *want, const char *fact)
{
    int fine = !one_compute(o) && o->result[0].type == XO_I64 && xo_tensor_count(&o->result[0]) == count &&
               !memcmp(o->result[0].data, want, count * sizeof *want);
    tap_ok(fine, "%s", fact);
    one_end(o);
}

static void shapes(void)
{
    const float x[24] = { 0 };
    const size_t shape[] = { 2, 3, 4 };
    struct one o;
    one_begin(&o, "Shape", 13);
    one_floats(&o, 3, shape, x);
    list_equals(&o, N(2, 3, 4), "Shape");
    one_begin(&o, "Shape", 15);
    one_floats(&o, 3, shape, x);
    one_int(&o, "start", -2);
    one_int(&o, "end", 2);
    list_equals(&o, N(3), "Shape, a piece of it (opset 15)");
    one_begin(&o, "Size", 13);
    one_floats(&o, 3, shape, x);
    list_equals(&o, N(24), "Size");
    one_begin(&o, "ConstantOfShape", 9);
    one_list(&o, 2, (int64_t[]){ 2, 3 });
    o.attribute[o.node.attributes++] = (struct xo_attribute){ .name = "value", .kind = XO_ATTR_TENSOR,
        .tensor = { XO_I64, 1, { 1 }, (int64_t[]){ -7 } } };
    list_equals(&o, N(-7, -7, -7, -7, -7, -7), "ConstantOfShape of an int64");
    one_begin(&o, "Cast", 13);
    one_floats(&o, 1, (size_t[]){ 4 }, (float[]){ 2.9f, -2.9f, 1e30f, -1e30f });
    one_int(&o, "to", 7);
    list_equals(&o, N(2, -2, INT64_MAX, INT64_MIN), "Cast to int64 cuts towards zero, and stops at the ends");
    one_begin(&o, "Neg", 13);
    one_list(&o, 3, (int64_t[]){ 1, -2, INT64_MIN });
    list_equals(&o, N(-1, 2, INT64_MIN), "Neg of int64");
    one_begin(&o, "Abs", 13);
    one_list(&o, 2, (int64_t[]){ 1, -2 });
    list_equals(&o, N(1, 2), "Abs of int64");
    one_begin(&o, "ReduceSum", 13);
    one_list(&o, 3, (int64_t[]){ 4, 5, 6 });
    one_int(&o, "keepdims", 0);
    list_equals(&o, N(15), "ReduceSum of int64");
    one_begin(&o, "ConstantOfShape", 9);
    one_list(&o, 2, (int64_t[]){ 2, 0 });
    tap_ok(!one_compute(&o) && o.result[0].type == XO_F32 && o.result[0].shape[1] == 0, "ConstantOfShape of nothing");
    one_end(&o);
    one_begin(&o, "Cast", 13);
    one_list(&o, 3, (int64_t[]){ 0, -3, 300 });
    one_int(&o, "to", 9);
    tap_ok(!one_compute(&o) && o.result[0].type == XO_BOOL && !memcmp(o.result[0].data, (uint8_t[]){ 0, 1, 1 }, 3),
           "Cast to bool");
    one_end(&o);
    one_begin(&o, "Cast", 13);
    one_list(&o, 2, (int64_t[]){ 7, -3 });
    one_int(&o, "to", 1);
    tap_ok(!one_compute(&o) && ((const float *)o.result[0].data)[1] == -3, "Cast to float32");
    one_end(&o);
    one_begin(&o, "Not", 13);
    one_tensor(&o, XO_BOOL, 1, (size_t[]){ 2 }, (uint8_t[]){ 0, 1 });
    tap_ok(!one_compute(&o) && !memcmp(o.result[0].data, (uint8_t[]){ 1, 0 }, 2), "Not");
    one_end(&o);
}

static void refused(struct one *o, int want, const char *word)
{
    int status = one_compute(o);
    printf("# %d: %s\n", status, o->info.text);
    tap_ok(status == want && strstr(o->info.text, word) && strstr(o->info.text, "node tested ("), "refused: %s", word);
    one_end(o);
}

static void refuse(const char *op, int64_t opset, size_t numbers, const int64_t *number, int want, const char *word)
{
    const float x[24] = { 0 };
    struct one o;
    one_begin(&o, op, opset);
    one_floats(&o, 3, (size_t[]){ 2, 3, 4 }, x);
    if (number)
        one_list(&o, numbers, number);
    refused(&o, want, word);
}

static void refusals(void)
{
    const float x[24] = { 0 };
    struct one o;
    refuse("Reshape", 13, N(5, -1), XO_ESHAPE, "new shape (5, 4) for an input of (2, 3, 4)");
    refuse("Reshape", 13, N(-1, -1), XO_EVALUE, "number 1 of the new shape is -1");
    refuse("Reshape", 13, N(1, 1, 1, 0), XO_EVALUE, "number 3 of the new shape is 0");
    refuse("Reshape", 13, N(1, 1, 1, 1, 1, 1, 1, 1, 24), XO_ETOOBIG, "has 9 numbers; expected at most 8");
    refuse("Squeeze", 13, N(1), XO_ESHAPE, "axis 1 has length 3; expected 1");
    refuse("Unsqueeze", 13, N(0, 1, 2, 3, 4, 5), XO_EVALUE, "6 new axes");
    refuse("Expand", 13, N(5), XO_ESHAPE, "shapes (2, 3, 4) and (5)");
    refuse("Expand", 13, N(1 << 20, 1 << 20, 1, 1, 1), XO_ETOOBIG, "more than 2 GB");
    refuse("Pad", 13, N(1, 1), XO_ESHAPE, "2 pads; expected 6");
    refuse("Gather", 13, N(2), XO_EVALUE, "index 2; expected one of 2");
    refuse("Split", 13, N(1), XO_ESHAPE, "1 pieces, 1 long in all");
    refuse("Concat", 13, N(1), XO_EVALUE, "no axis");
    refuse("Cast", 13, 0, NULL, XO_EUNSUPPORTED, "a cast to ONNX type -1");
    one_begin(&o, "Transpose", 13);
    one_floats(&o, 3, (size_t[]){ 2, 3, 4 }, x);
    one_ints(&o, "perm", 2, (int64_t[]){ 0, 1 });
    refused(&o, XO_ESHAPE, "perm names 2 axes; expected 3");
    one_begin(&o, "Pad", 10);
    one_floats(&o, 1, (size_t[]){ 3 }, x);
    one_ints(&o, "pads", 2, (int64_t[]){ 0, 3 });
    one_text(&o, "mode", "reflect");
    refused(&o, XO_EVALUE, "pads 0 and 3 for a length of 3");
    one_begin(&o, "Pad", 10);
    one_floats(&o, 1, (size_t[]){ 3 }, x);
    one_ints(&o, "pads", 2, (int64_t[]){ 0, 3 });
    one_text(&o, "mode", "wrap");
    refused(&o, XO_EUNSUPPORTED, "mode wrap");
    one_begin(&o, "ConstantOfShape", 9);
    one_list(&o, 2, (int64_t[]){ 1 << 20, 1 << 20 });
    refused(&o, XO_ETOOBIG, "more than 2 GB");
    one_begin(&o, "Concat", 13);
    one_floats(&o, 2, (size_t[]){ 2, 3 }, x);
    one_floats(&o, 2, (size_t[]){ 2, 4 }, x);
    one_int(&o, "axis", 0);
    refused(&o, XO_ESHAPE, "input 1 is float32 (2, 4), input 0 float32 (2, 3)");
}

int main(void)
{
    static const struct { const char *op; void (*one_case)(void); } moves[] = {
        { "Transpose", transpose_case }, { "Slice", slice_case }, { "Expand", expand_case }, { "Concat", concat_case },
        { "Split", split_case }, { "Gather", gather_case }, { "Pad", pad_case }
    };
    printf("# seed %llu\n", seed);
    for (size_t m = 0; m < sizeof moves / sizeof *moves; m++) {
        for (int k = 0; k < CASES; k++)
            moves[m].one_case();
        report(moves[m].op);
    }
    views();
    dropout_mask();
    shapes();
    refusals();
    return tap_done();
}
