/* Graphs of one node, for tests of operators: built in memory, computed in two ways (folded as constants; as a run
 * with the first input given at run time), which must agree to the last bit.
 *
 *     struct one o;
 *     one_begin(&o, "Gemm", 13);
 *     one_floats(&o, 2, (size_t[]){ 3, 4 }, a);
 *     one_left_out(&o);
 *     one_int(&o, "transB", 1);
 *     if (!one_compute(&o))
 *         ... o.result[0] ...
 *     one_end(&o);
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ONE_NODE_H
#define ONE_NODE_H

#include "graph.h"
#include "tap.h"

enum { ONE_MOST = 8 };
struct one {
    struct xo_graph g;
    struct xo_graph_node node;
    struct xo_attribute attribute[ONE_MOST];
    struct xo_value value[2 * ONE_MOST];
    size_t input[ONE_MOST], output[ONE_MOST];
    struct xo_tensor result[ONE_MOST]; /* of the folded graph                                        */
    int ran, ran_alike;                /* as a run too?  That needs (images, ...) going in and coming out */
    struct xo_info info;
};
void one_begin(struct one *o, const char *op, int64_t opset);
void one_end(struct one *o);
void one_outputs(struct one *o, size_t count);             /* 1 unless said otherwise */
void one_tensor(struct one *o, enum xo_dtype type, size_t dimensions, const size_t *shape, const void *data);
void one_floats(struct one *o, size_t dimensions, const size_t *shape, const float *data);
void one_list(struct one *o, size_t count, const int64_t *data);
void one_left_out(struct one *o);
void one_int(struct one *o, const char *name, int64_t value);
void one_float(struct one *o, const char *name, float value);
void one_text(struct one *o, const char *name, const char *value);
void one_ints(struct one *o, const char *name, size_t count, const int64_t *value);
int one_compute(struct one *o);        /* status */

/* What many cases of one operator amount to. */
struct one_tally {
    double worst;                      /* error over scale */
    int cases, failures, runs, runs_alike;
};
/* Computed, and the first result has this shape?  Else a failure. */
int one_computed(struct one_tally *t, struct one *o, size_t dimensions, const size_t *shape);
void one_compare(struct one_tally *t, const struct one *o, size_t k, double want, double scale);
        /* float32 results */
void one_finish(struct one_tally *t, struct one *o);       /* also one_end */
/* A fact, and the tally starts again.  (Facts are counted by file, so these two stand here.) */
__attribute__((unused))
static void one_report(struct one_tally *t, const char *what, double tolerance)
{
    printf("# %s: worst error %.3g\n", what, t->worst);
    tap_ok(!t->failures && t->worst <= tolerance && t->cases, "%s equals its definition in %d cases", what, t->cases);
    tap_ok(t->runs == t->runs_alike, "%s: %d of them as a run too, with the same bits", what, t->runs);
    *t = (struct one_tally){ 0 };
}

/* A fact: fails with this status and a message that holds the word and names the node.  Also one_end. */
__attribute__((unused))
static void one_refused(struct one *o, int status, const char *word)
{
    int got = one_compute(o);
    printf("# %d: %s\n", got, o->info.text);
    tap_ok(got == status && strstr(o->info.text, word) && strstr(o->info.text, "node tested (") &&
           strstr(o->info.text, "opset"), "refused: %s", word);
    one_end(o);
}

/* Random cases. */
size_t one_pick(unsigned long long *seed, size_t low, size_t high);          /* low..high */
float *one_random(unsigned long long *seed, size_t count, double low, double high);     /* freed by the caller */

size_t one_shape(unsigned long long *seed, size_t dimensions, size_t shape[XO_MAX_RANK]);     /* lengths 1..5;
    their product */
/* Where element n lies, row-major, and back. */
void one_locate(size_t n, size_t dimensions, const size_t *shape, size_t *index);
size_t one_place(size_t dimensions, const size_t *shape, const size_t *index);

#endif
