/* Gated columns of nonlinear cells: what each carries as a polynomial for float32, how good that is, and the
 * currents by the laws themselves.
 *
 * No rung ever has less across it than with all rungs on, nor more than the whole: on that stretch, mostly a few
 * percent of the read voltage, a polynomial of low degree is the law.  It is found at Chebyshev's points and tried
 * between them.  What a rung carries may be off by a share, by its polynomial and by rounding, and so may the whole
 * then, but no more (solver/ladder_curved.c has why): that is the bound.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include "ladder.h"
#include "memory.h"

enum { MOST_DEGREE = 8, AT_ONCE = 64 };
#define CLOSE 0x1p-23                  /* of a polynomial to its law     */
#define SPARE 0.1                      /* of the stretch, at either end  */
static const double pi = 3.14159265358979323846;

/* What all cells of a layer share. */
struct plan {
    double step_siemens, read_volt;
    double stretch;                    /* voltages from V less so much to V, in read_volt */
    int degree;
    double error, bend;                /* largest over all cells: of the polynomial; of u I'(u)/I */
    struct xo_ladder_sample *sample;
};

/* ---- with every rung on ------------------------------------------------------------------------------ */

int xo_curves_look(struct xo_exact_rungs *e, const struct xo_array_layer *l, const xo_ladder *from,
                   xo_ladder_work *work, size_t column, size_t lane, size_t inputs, struct xo_info *info)
{
    double *gate = xo_calloc(from->rows, sizeof *gate), unit = xo_level_siemens(l) * l->hardware->dac.read_volt;
    double alone = 0, amp;
    for (size_t i = 0; gate && i < inputs; i++) {
        gate[i] = 1;
        alone += from->gated[i] ? 0 : xo_ladder_cell_amp(from, i, column, 0, from->volt[column]);
    }
    int status = gate ? xo_ladder_column(from, work, column, gate, &amp, NULL, info) : ENOMEM;
    free(gate);
    if (status)
        return status;
    e->all_on[lane] = amp / unit;
    e->alone[lane] = alone / unit;
    e->least_volt[lane] = xo_ladder_least_volt(work) / l->hardware->dac.read_volt;
    return 0;
}

/* The longest stretch of any column. */
static double find_stretch(const struct xo_array_layer *l)
{
    double stretch = 0, most = 0;
    for (size_t m = 0; m < l->codes.matrices; m++)
        for (size_t n = 0; n < l->array.bank[m].rows; n++) {
            const struct xo_row_block *r = &l->array.bank[m].row[n];
            for (size_t k = 0; k < (r->strips + r->references) * 2 * XO_STRIP; k++) {
                const struct xo_exact_rungs *e = xo_ladder_strip(r, k / (2 * XO_STRIP))->exact[k % 2];
                size_t lane = k / 2 % XO_STRIP;
                most = fmax(most, fabs(e->volt[lane]));
                stretch = fmax(stretch, fabs(e->volt[lane] - e->least_volt[lane]));
            }
        }
    return fmax(stretch, 1e-3 * most);
}

/* ---- polynomials ------------------------------------------------------------------------------------- */

struct cell { const xo_ladder *from; size_t row, column; double transistor_ohm; };

/* I_unit at V - t. */
static double amp_at(const struct plan *p, const struct cell *c, double t)
{
    double volt = c->from->volt[c->column] - t * p->read_volt;
    return xo_ladder_cell_amp(c->from, c->row, c->column, c->transistor_ohm, volt)
           / (p->step_siemens * p->read_volt);
}

/* t from `low` to `high`: the stretch and what is to spare, towards 0 V but not across. */
static void limits(const struct plan *p, const struct cell *c, double *low, double *high)
{
    double volt = c->from->volt[c->column] / p->read_volt, sign = volt < 0 ? -1 : 1;
    *low = -sign * SPARE * p->stretch;
    *high = sign * fmin((1 + SPARE) * p->stretch, fabs(volt));
}

static double value(const double *a, int degree, double t)
{
    double sum = a[degree];
    for (int k = degree - 1; k >= 0; k--)
        sum = sum * t + a[k];
    return sum;
}

/* Newton's divided differences at Chebyshev's points, multiplied out. */
static void interpolate(double *a, const struct plan *p, const struct cell *c, double low, double high)
{
    int degree = p->degree;
    double t[MOST_DEGREE + 1], f[MOST_DEGREE + 1];
    for (int k = 0; k <= degree; k++) {
        t[k] = 0.5 * (low + high) + 0.5 * (high - low) * cos(pi * (k + 0.5) / (degree + 1));
        f[k] = amp_at(p, c, t[k]);
        a[k] = 0;
    }
    for (int d = 1; d <= degree; d++)
        for (int k = degree; k >= d; k--)
            f[k] = (f[k] - f[k - 1]) / (t[k] - t[k - d]);
    for (int k = degree; k >= 0; k--) {
        for (int n = degree; n > 0; n--)
            a[n] = a[n - 1] - t[k] * a[n];
        a[0] = f[k] - t[k] * a[0];
    }
}

/* a[degree + 1] of a cell; its error between the points, as a share. */
static double find_polynomial(double *a, const struct plan *p, const struct cell *c)
{
    double low, high, worst = 0;
    limits(p, c, &low, &high);
    interpolate(a, p, c, low, high);
    for (int k = 0; k <= p->degree + 1; k++) {
        double t = 0.5 * (low + high) + 0.5 * (high - low) * cos(pi * k / (p->degree + 1)), amp = amp_at(p, c, t);
        worst = fmax(worst, amp == 0 ? 0 : fabs(value(a, p->degree, t) / amp - 1));
    }
    return worst;
}

/* The largest |u I'(u)/I| at both ends of the stretch. */
static double bend_of(const double *a, const struct plan *p, const struct cell *c)
{
    double volt = c->from->volt[c->column] / p->read_volt, bend = 1;
    for (int end = 0; end < 2; end++) {
        double t = end ? copysign(fmin(p->stretch, fabs(volt)), volt) : 0, slope = 0, amp = a[p->degree];
        for (int k = p->degree - 1; k >= 0; k--) {
            slope = slope * t + amp;
            amp = amp * t + a[k];
        }
        bend = amp == 0 ? bend : fmax(bend, fabs((volt - t) * slope / amp));
    }
    return bend;
}

/* The lowest degree that does for cells of every level, or the highest there is. */
static void choose_degree(struct plan *p, const xo_ladder *lines, size_t levels)
{
    double a[MOST_DEGREE + 1], worst = 1;
    size_t column = 0, cells = lines->rows * lines->columns;
    while (column + 1 < lines->columns && lines->volt[column] == 0)
        column++;
    for (p->degree = 1; p->degree <= MOST_DEGREE && worst > CLOSE; p->degree++) {
        worst = 0;
        for (size_t k = 0; k < cells && k < levels + AT_ONCE && worst <= CLOSE; k++) {
            struct cell c = { lines, k / lines->columns, k % lines->columns, lines->transistor_ohm };
            if (lines->volt[c.column] != 0)
                worst = fmax(worst, find_polynomial(a, p, &c));
        }
    }
    p->degree--;
}

/* ---- strips ------------------------------------------------------------------------------------------ */

/* Cells mostly come in a few levels: the last ones found. */
struct found { double siemens, ohm, volt, a[MOST_DEGREE + 1], error; };

static const struct found *polynomial_of(struct found *cache, const struct plan *p, const struct cell *c, double ohm)
{
    double siemens = c->from->cell_siemens[c->row * c->from->columns + c->column], volt = c->from->volt[c->column];
    int exponent;
    size_t slot = (size_t)(frexp(siemens / p->step_siemens + 1, &exponent) * 0x1p20) % AT_ONCE;
    struct found *f = &cache[slot];
    if (f->volt == volt && f->siemens == siemens && f->ohm == ohm)
        return f;
    *f = (struct found){ .siemens = siemens, .ohm = ohm, .volt = volt };
    f->error = find_polynomial(f->a, p, c);
    return f;
}

static void fill_lane(struct plan *p, const struct xo_array_layer *l, struct xo_curves *to, struct found *cache,
                      const xo_ladder *from, size_t column, size_t lane, size_t inputs)
{
    const struct xo_values *series = &l->hardware->array.series_ohm;
    double volt = from->volt[column] / p->read_volt, least = fmax(0, fabs(volt) - (1 + SPARE) * p->stretch);
    double error = 0, bend = 1;
    float *curve = (float *)to->curve;
    for (size_t i = 0; i < xo_rungs_of(&l->array, inputs) && volt != 0; i++) {
        struct cell c = { from, xo_rung_row(&l->array, i), column, xo_rung_ohm(from, &l->array, i) };
        size_t at = c.row * from->columns + column;
        if (c.transistor_ohm == XO_OPEN || from->cell_siemens[at] == 0)
            continue;
        const struct found *f = polynomial_of(cache, p, &c, c.transistor_ohm + (series->each ? series->each[at]
                                                                                              : series->all));
        error = fmax(error, f->error);
        bend = fmax(bend, bend_of(f->a, p, &c));
        for (int k = 0; k <= p->degree; k++)
            curve[(i * (size_t)(p->degree + 1) + (size_t)k) * XO_STRIP + lane] = (float)f->a[k];
    }
    to->low[lane] = (float)(volt < 0 ? volt : least);
    to->high[lane] = (float)(volt < 0 ? -least : volt);
    #pragma omp critical(xo_curves)
    {
        p->error = fmax(p->error, error);
        p->bend = fmax(p->bend, bend);
    }
}

static void set_gates(double *gate, const struct xo_use *use, size_t rows, const uint16_t *rung, size_t count)
{
    for (size_t i = 0; i < rows; i++)
        gate[i] = 0;
    for (size_t k = 0; k < count; k++)
        if (!use->leaking || rung[k] < use->leaking)
            gate[rung[k]] = 1;
}

/* The sample's rows by the laws. */
static int look_closer(struct plan *p, const struct xo_array_layer *l, const struct xo_ladder_block *b,
                       const xo_ladder *from, size_t column, int side, size_t lane, struct xo_info *info)
{
    struct xo_ladder_sample *v = p->sample;
    double *gate = xo_calloc(from->rows, sizeof *gate);
    int status = gate ? 0 : ENOMEM;
    for (size_t n = 0; n < XO_SAMPLES && !status; n++) {
        double *to = &v->exact[((size_t)side * XO_SAMPLES + n) * XO_STRIP + lane];
        set_gates(gate, &l->array, from->rows, v->rung + n * v->rungs, v->count[n]);
        status = xo_ladder_column(from, b->work, column, gate, to, NULL, info);
        *to /= p->step_siemens * p->read_volt;
    }
    free(gate);
    return status;
}

static int fill_block(void *user, struct xo_array_layer *l, struct xo_row_block *r, struct xo_ladder_block *b,
                      size_t block, struct xo_info *info)
{
    struct plan *p = user;
    struct found *cache = xo_calloc(AT_ONCE, sizeof *cache);
    int status = cache ? 0 : ENOMEM;
    for (size_t n = 0; n < (r->strips + r->references) * 2 * XO_STRIP && !status; n++) {
        struct xo_strip *s = xo_ladder_strip(r, n / (2 * XO_STRIP));
        const struct xo_conversion *c = NULL;
        size_t lane = n / 2 % XO_STRIP, side = n % 2;
        if (xo_is_lane_of(l, s, lane, block))
            c = xo_ladder_conversion(l, s, lane);
        if (!c || (side && c->minus_plane == XO_NONE))
            continue;
        const xo_ladder *from = b->ladder[side ? c->minus_plane : c->plane];
        size_t column = side ? c->minus_column : c->column;
        fill_lane(p, l, (struct xo_curves *)s->rungs[side].curves, cache, from, column, lane, r->inputs);
        if (s == p->sample->strip)
            status = look_closer(p, l, b, from, column, (int)side, lane, info);
    }
    free(cache);
    return status;
}

static int make_room(struct xo_array_layer *l, int degree)
{
    for (size_t m = 0; m < l->codes.matrices; m++)
        for (size_t n = 0; n < l->array.bank[m].rows; n++) {
            struct xo_row_block *r = &l->array.bank[m].row[n];
            for (size_t k = 0; k < 2 * (r->strips + r->references); k++) {
                struct xo_curves *c = xo_arena_alloc(&l->arena, 1, sizeof *c);
                size_t numbers = xo_rungs_of(&l->array, r->inputs) * (size_t)(degree + 1);
                if (!c || !(c->curve = xo_arena_alloc(&l->arena, numbers, XO_STRIP * sizeof *c->curve)))
                    return ENOMEM;
                c->degree = degree;
                xo_ladder_strip(r, k / 2)->rungs[k % 2].curves = c;
            }
        }
    return 0;
}

/* A step of Newton's method leaves half the bend squared times its own square. */
static void set_close(struct xo_array_layer *l, const struct plan *p)
{
    for (size_t m = 0; m < l->codes.matrices; m++)
        for (size_t n = 0; n < l->array.bank[m].rows; n++) {
            struct xo_row_block *r = &l->array.bank[m].row[n];
            for (size_t k = 0; k < 2 * (r->strips + r->references); k++)
                ((struct xo_curves *)xo_ladder_strip(r, k / 2)->rungs[k % 2].curves)->close =
                    (float)(0x1p-12 / p->bend);
        }
}

int xo_curves_fill(struct xo_array_layer *l, int threads, const xo_ladder *lines, struct xo_ladder_sample *v,
                   struct xo_info *info)
{
    const struct xo_device *d = &l->hardware->device;
    struct plan p = { xo_level_siemens(l), l->hardware->dac.read_volt, find_stretch(l), 0, 0, 1, v };
    choose_degree(&p, lines, (size_t)1 << d->bits_per_cell);
    int status = make_room(l, p.degree);
    if (!status)
        status = xo_ladder_blocks(l, threads, fill_block, &p, info);
    if (!status)
        set_close(l, &p);
    l->loss.bound_rel = ((4 * (double)lines->rows + 20) * (1 + p.bend) + 4 * (p.degree + 2)) * 0x1p-24
                        + p.error + 0x1p-22;
    return status;
}

/* ---- by the laws ------------------------------------------------------------------------------------- */

int xo_curves_exact(double *current, const struct xo_exact_rungs *e, const struct xo_array_layer *l,
                    const struct xo_active *a, size_t rows)
{
    size_t most = l->hardware->array.rows;
    double *gate = xo_calloc(most, sizeof *gate), unit = xo_level_siemens(l) * l->hardware->dac.read_volt;
    xo_ladder_work *work = NULL;
    int status = gate ? xo_ladder_work_new(&work, most) : ENOMEM;
    for (size_t row = 0; row < rows && !status; row++) {
        set_gates(gate, &l->array, most, a->rung + row * a->rungs, a->count[row]);
        for (size_t lane = 0; lane < XO_STRIP && !status; lane++) {
            double *to = &current[row * XO_STRIP + lane];
            *to = 0;
            if (e->ladder[lane])
                status = xo_ladder_column(e->ladder[lane], work, e->column[lane], gate, to, NULL, NULL);
            *to /= unit;
        }
    }
    xo_ladder_work_free(work);
    free(gate);
    return status;
}
