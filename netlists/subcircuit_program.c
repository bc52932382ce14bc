/* Program and verify: which level has a conductance?  Between two levels of the table conductance rises (or falls)
 * with the parameter, so the root is bracketed; all cells are asked for at once.  Illinois' false position.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include "memory.h"
#include "subcircuit.h"

#define MET 1e-9
enum { ROUNDS = 40 };

/* One conductance on its way: bracketed by parameters a and b with misses f(a), f(b) of different sign. */
struct search {
    double siemens, a, b, miss_a, miss_b, best, miss;
    bool done;
};

static void start(const xo_subcircuit *s, struct search *x)
{
    size_t k = 0;
    while (k + 2 < s->levels && (s->level[k + 1].siemens - x->siemens) * (s->level[0].siemens - x->siemens) > 0)
        k++;
    *x = (struct search){.siemens = x->siemens, .a = s->parameter[k], .b = s->parameter[k + 1],
                         .miss_a = s->level[k].siemens - x->siemens, .miss_b = s->level[k + 1].siemens - x->siemens};
    bool at_a = fabs(x->miss_a) <= fabs(x->miss_b);
    x->best = at_a ? x->a : x->b;
    x->miss = at_a ? x->miss_a : x->miss_b;
    x->done = fabs(x->miss) <= 1e-12 * x->siemens;
}

static double guess(const struct search *x)
{
    double p = x->b - x->miss_b * (x->b - x->a) / (x->miss_b - x->miss_a);
    bool inside = (p - x->a) * (p - x->b) < 0;
    return inside ? p : 0.5 * (x->a + x->b);
}

static void learn(struct search *x, double parameter, double siemens)
{
    double miss = siemens - x->siemens;
    if (fabs(miss) < fabs(x->miss)) {
        x->best = parameter;
        x->miss = miss;
    }
    if (miss * x->miss_b < 0) {
        x->a = x->b;
        x->miss_a = x->miss_b;
    } else {
        x->miss_a *= 0.5;
    }
    x->b = parameter;
    x->miss_b = miss;
    x->done = fabs(x->miss) <= MET * x->siemens || fabs(x->b - x->a) <= 4e-16 * fabs(x->b);
}

static int search_round(const xo_subcircuit *s, struct search *x, size_t count, double *work, size_t *open,
                        struct xo_info *info)
{
    double *parameter = work, *state = work + count, *siemens = state + count;
    size_t asked = 0;
    for (size_t k = 0; k < count; k++)
        if (!x[k].done)
            parameter[asked++] = guess(&x[k]);
    *open = asked;
    if (!asked)
        return 0;
    int status = xo_subcircuit_find_states((xo_subcircuit *)s, asked, parameter, state, info);
    if (!status)
        status = xo_subcircuit_siemens(s, asked, parameter, state, siemens, info);
    asked = 0;
    for (size_t k = 0; k < count && !status; k++)
        if (!x[k].done) {
            learn(&x[k], parameter[asked], siemens[asked]);
            asked++;
        }
    return status;
}

static int by_siemens(const void *a, const void *b)
{
    double x = ((const struct search *)a)->siemens, y = ((const struct search *)b)->siemens;
    return x < y ? -1 : x > y;
}

/* Every conductance once. */
static int list_searches(const xo_subcircuit *s, size_t count, const double *siemens, struct search *x, size_t *found,
                         struct xo_info *info)
{
    double low = s->report.low_siemens, high = s->report.high_siemens;
    size_t kept = 0;
    for (size_t k = 0; k < count; k++) {
        if (siemens[k] != 0 && !(siemens[k] >= low * (1 - MET) && siemens[k] <= high * (1 + MET)))
            return xo_fail(info, XO_EVALUE, "a cell has %g S; expected 0 or from %g S to %g S, as subcircuit %s has "
                           "at its levels", siemens[k], low, high, s->keys.name);
        if (siemens[k] != 0)
            x[kept++].siemens = siemens[k];
    }
    qsort(x, kept, sizeof *x, by_siemens);
    *found = 0;
    for (size_t k = 0; k < kept; k++)
        if (!*found || x[k].siemens != x[*found - 1].siemens)
            x[(*found)++] = x[k];
    for (size_t k = 0; k < *found; k++)
        start(s, &x[k]);
    return 0;
}

int xo_subcircuit_program(const xo_subcircuit *s, size_t count, const double *siemens,
                          const struct xo_ngspice_options *options, double *parameter, double *state_volt,
                          struct xo_info *info)
{
    struct search *x = xo_calloc(count, sizeof *x);
    double *work = xo_calloc(3 * count, sizeof *work);
    xo_subcircuit with = *s;           /* the caller's options; nothing is owned by it */
    size_t found = 0, open = 1;
    int status = x && work ? list_searches(s, count, siemens, x, &found, info)
                           : xo_fail(info, ENOMEM, "%s: %s", s->keys.file, xo_strerror(ENOMEM));
    with.options = options;
    for (int round = 0; round < ROUNDS && open && !status; round++)
        status = search_round(&with, x, found, work, &open, info);
    for (size_t k = 0; k < count && !status; k++) {
        const struct search wanted = {.siemens = siemens[k]};
        const struct search *at = bsearch(&wanted, x, found, sizeof *x, by_siemens);
        parameter[k] = at ? at->best : 0;
    }
    if (!status && count)
        status = xo_subcircuit_find_states(&with, count, parameter, state_volt, info);
    free(x);
    free(work);
    return status;
}
