/* Engine starmesh: elimination without a subtraction.
 *
 * Seen from outside, the array is a resistor network with one node per terminal.  Removing an inner node p of
 * couplings g_ip adds g_ip g_jp / sum_k g_kp to every pair of its neighbours (star-mesh transform, Campbell 1911).
 * When all are gone, what joins two terminals *is* their entry of the conductance matrix.  It is Gaussian elimination
 * with each pivot recomputed as a sum of couplings (Grassmann, Taksar, Heyman, Oper. Res. 33, 1985): sums, products
 * and quotients of positive numbers, so cancellation cannot happen and every coupling is accurate to its last digits.
 *
 * A-priori bound.  Rounding in one step changes each coupling it writes by at most a few u relative, hence the
 * network's power at any voltages by as much; power is monotone in every conductance, and a Schur complement keeps
 * the order, so after k roundings on the longest chain |Y - exact| <= k u Y as quadratic forms, and by Cauchy and
 * Schwarz |y_ij - exact| <= k u sqrt(Y_ii Y_jj).
 *
 * The multipliers g_ip / sum are the factor L of K = L D L^T, so this engine also solves, like Cholesky.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "starmesh.h"

/* Work of one elimination: the current front and what each front has handed on. */
struct elimination {
    const xo_factor *f;
    const struct xo_starmesh_plan *p;
    struct xo_starmesh_state *s;
    double *front;                     /* [largest][largest] upper triangle used: couplings            */
    double **handed_on;                /* [fronts] upper triangle, [rest][rest]; NULL when none        */
    int32_t *local;                    /* [vertices] index of each position in the current front       */
    int32_t *first_child, *next_child; /* [fronts]                                                     */
};

static void take_links(struct elimination *w, size_t k)
{
    const struct xo_front *front = &w->p->front[k];
    const xo_circuit *c = w->f->plan->circuit;
    for (int64_t e = front->link; e < front[1].link; e++) {
        int32_t link = w->p->link_order[e];
        int32_t a = w->local[w->p->position[c->link_a[link]]], b = w->local[w->p->position[c->link_b[link]]];
        size_t row = (size_t)(a < b ? a : b), column = (size_t)(a < b ? b : a);
        w->front[row * (size_t)front->size + column] += w->f->siemens[link].hi;
    }
}

static void take_child(struct elimination *w, size_t k, int32_t child)
{
    const struct xo_front *front = &w->p->front[k], *from = &w->p->front[child];
    const int32_t *member = w->p->member + from->member + from->pivots;
    int32_t rest = from->size - from->pivots;
    const double *given = w->handed_on[child];
    for (int32_t a = 0; a < rest; a++) {
        double *row = w->front + (size_t)w->local[member[a]] * (size_t)front->size;
        for (int32_t b = a + 1; b < rest; b++)
            row[w->local[member[b]]] += given[(size_t)a * (size_t)rest + (size_t)b];
    }
    free(w->handed_on[child]);
    w->handed_on[child] = NULL;
}

/* Sum of a node's couplings, as if rounded once. */
static double pivot_sum(const double *coupling, int32_t count)
{
    dd sum = {0, 0};
    for (int32_t k = 0; k < count; k++) {
        dd next = dd_two_sum(sum.hi, coupling[k]);
        sum.hi = next.hi;
        sum.lo += next.lo;
    }
    return sum.hi + sum.lo;
}

/* Eliminate the front's pivots; their couplings and sums become columns of the triangle. */
static void eliminate(struct elimination *w, size_t k)
{
    const struct xo_front *front = &w->p->front[k];
    int32_t size = front->size;
    for (int32_t p = 0; p < front->pivots; p++) {
        double *row = w->front + (size_t)p * (size_t)size, sum = pivot_sum(row + p + 1, size - p - 1);
        int32_t at = w->p->start[front->column + p], end = w->p->start[front->column + p + 1];
        w->s->value[at] = sum;
        for (int32_t e = 1; e < end - at; e++)
            w->s->value[at + e] = sum > 0 ? -row[p + e] / sum : 0;
        for (int32_t a = p + 1; a < size; a++) {
            double share = sum > 0 ? row[a] / sum : 0, *target = w->front + (size_t)a * (size_t)size;
            if (share == 0)
                continue;
            for (int32_t b = a + 1; b < size; b++)
                target[b] += share * row[b];
        }
    }
}

static int hand_on(struct elimination *w, size_t k)
{
    const struct xo_front *front = &w->p->front[k];
    size_t rest = (size_t)(front->size - front->pivots), size = (size_t)front->size;
    if (rest < 2 || front->parent < 0)
        return 0;
    w->handed_on[k] = xo_calloc(rest * rest, sizeof **w->handed_on);
    if (!w->handed_on[k])
        return ENOMEM;
    for (size_t a = 0; a < rest; a++)
        memcpy(w->handed_on[k] + a * rest + a, w->front + (a + (size_t)front->pivots) * size
               + a + (size_t)front->pivots, (rest - a) * sizeof *w->front);
    return 0;
}

static int do_front(struct elimination *w, size_t k)
{
    const struct xo_front *front = &w->p->front[k];
    const int32_t *member = w->p->member + front->member;
    memset(w->front, 0, (size_t)front->size * (size_t)front->size * sizeof *w->front);
    for (int32_t q = 0; q < front->size; q++)
        w->local[member[q]] = q;
    take_links(w, k);
    for (int32_t child = w->first_child[k]; child >= 0; child = w->next_child[child])
        if (w->handed_on[child])
            take_child(w, k, child);
    eliminate(w, k);
    return hand_on(w, k);
}

/* The last front has no pivots: its couplings are the result. */
static void read_off(struct elimination *w)
{
    size_t n = w->f->plan->circuit->terminals;
    for (size_t a = 0; a < n; a++)
        for (size_t b = a + 1; b < n; b++)
            w->s->coupling_siemens[a * n + b] = w->s->coupling_siemens[b * n + a] = w->front[a * n + b];
    for (size_t a = 0; a < n; a++) {
        for (size_t b = 0; b < n; b++)
            w->s->self_siemens[a] += w->s->coupling_siemens[a * n + b];
        w->s->self_siemens[a] *= 1 + (double)n * DBL_EPSILON;
    }
}

static int run(struct elimination *w)
{
    size_t fronts = w->p->fronts;
    int status = 0;
    for (size_t k = 0; k < fronts; k++)
        w->first_child[k] = -1;
    for (size_t k = fronts - 1; k-- > 0;) {        /* so that children are listed in ascending order */
        int32_t parent = w->p->front[k].parent;
        w->next_child[k] = w->first_child[parent];
        w->first_child[parent] = (int32_t)k;
    }
    for (size_t k = 0; k < fronts && !status; k++)
        status = do_front(w, k);
    if (!status)
        read_off(w);
    for (size_t k = 0; k < fronts; k++)
        free(w->handed_on[k]);
    return status;
}

static void factor_free(void *state)
{
    struct xo_starmesh_state *s = state;
    if (!s)
        return;
    free(s->coupling_siemens);
    free(s->self_siemens);
    free(s->value);
    free(s);
}

/* f->siemens -> f->state, which is there and may hold older numbers. */
static int refactor(xo_factor *f, struct xo_info *info)
{
    const struct xo_starmesh_plan *p = f->plan->state;
    const xo_circuit *c = f->plan->circuit;
    struct elimination w = {.f = f, .p = p, .s = f->state};
    int status = ENOMEM;
    w.front = xo_calloc((size_t)p->largest * (size_t)p->largest, sizeof *w.front);
    w.handed_on = xo_calloc(p->fronts, sizeof *w.handed_on);
    w.local = xo_calloc(xo_vertices(c), sizeof *w.local);
    w.first_child = xo_calloc(p->fronts, sizeof *w.first_child);
    w.next_child = xo_calloc(p->fronts, sizeof *w.next_child);
    memset(w.s->self_siemens, 0, c->terminals * sizeof *w.s->self_siemens);
    if (w.front && w.handed_on && w.local && w.first_child && w.next_child)
        status = run(&w);
    free(w.front);
    free(w.handed_on);
    free(w.local);
    free(w.first_child);
    free(w.next_child);
    return status ? xo_fail(info, status, "starmesh: out of memory for %zu unknowns", c->unknowns) : 0;
}

static int factor(xo_factor *f, struct xo_info *info)
{
    const struct xo_starmesh_plan *p = f->plan->state;
    const xo_circuit *c = f->plan->circuit;
    struct xo_starmesh_state *s = f->state = xo_calloc(1, sizeof *s);
    double share = p->roundings * XO_UNIT;
    if (s) {
        s->coupling_siemens = xo_calloc(c->terminals * c->terminals, sizeof *s->coupling_siemens);
        s->self_siemens = xo_calloc(c->terminals, sizeof *s->self_siemens);
        s->value = xo_calloc((size_t)p->start[c->unknowns], sizeof *s->value);
    }
    if (!s || !s->coupling_siemens || !s->self_siemens || !s->value)
        return xo_fail(info, ENOMEM, "starmesh: out of memory for %zu unknowns", c->unknowns);
    s->relative_bound = share / (1 - 3 * share);
    s->triangle = (struct xo_triangle){.n = c->unknowns, .vertex = f->plan->order, .start = p->start, .row = p->row,
                                       .value = s->value};
    return refactor(f, info);
}

static int plan(xo_plan *p, struct xo_info *info)
{
    struct xo_starmesh_plan *s = NULL;
    int status = xo_starmesh_plan_new(&s, p->circuit, p->order);
    p->state = s;
    return status ? xo_fail(info, status, "starmesh: cannot plan %zu unknowns: %s", p->circuit->unknowns,
                            xo_strerror(status)) : 0;
}

static void plan_free(void *state)
{
    xo_starmesh_plan_free(state);
}

static void solve(const xo_factor *f, int lanes, double (*x)[XO_LANES])
{
    const struct xo_starmesh_state *s = f->state;
    xo_triangle_solve(&s->triangle, lanes, x);
}

static void couplings(const xo_factor *f, size_t terminal, const double **siemens, double *bound)
{
    const struct xo_starmesh_state *s = f->state;
    const double *self = s->self_siemens;
    size_t n = f->plan->circuit->terminals;
    *siemens = s->coupling_siemens + terminal * n;
    for (size_t t = 0; t < n; t++)                 /* and what underflow may have swallowed */
        bound[t] = self[t] > 0 && self[terminal] > 0
                       ? s->relative_bound * sqrt(self[t]) * sqrt(self[terminal]) + DBL_MIN / XO_UNIT : 0;
}

/* I_t = sum_s y_st (V_s - V_t), straight from the couplings. */
static void currents(const xo_factor *f, int lanes, struct xo_scratch *scratch)
{
    const struct xo_starmesh_state *s = f->state;
    const xo_circuit *c = f->plan->circuit;
    const struct xo_lane_volt *volt = scratch->volt + c->unknowns;
    (void)lanes;
    for (size_t t = 0; t < c->terminals; t++) {
        double sum[XO_LANES] = {0};
        for (size_t k = 0; k < c->terminals; k++)
            for (int lane = 0; lane < XO_LANES; lane++)
                sum[lane] += s->coupling_siemens[t * c->terminals + k] * (volt[k].hi[lane] - volt[t].hi[lane]);
        memcpy(scratch->terminal_amp[t], sum, sizeof sum);
    }
}

static double operations(const xo_factor *f)
{
    return f->plan->state ? xo_starmesh_operations(f->plan->state) : 0;
}

const struct xo_engine_table xo_starmesh_engine = {
    .name = "starmesh", .plan = plan, .plan_free = plan_free, .factor = factor, .refactor = refactor,
    .factor_free = factor_free,
    .solve = solve, .couplings = couplings, .currents = currents, .operations = operations,
};
