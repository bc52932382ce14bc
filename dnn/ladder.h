/* What the parts of gated layers share.  Private to dnn/.
 *     ladder.c          conductances -> rungs, exactly and in float32
 *     ladder_figures.c  what wires take, gains, how good float32 is
 *     ladder_curves.c   nonlinear cells: polynomials for float32, their error, currents by the laws themselves
 *     ladder_rows.c     rows of digits -> which rungs are on -> currents
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_DNN_LADDER_H
#define XO_DNN_LADDER_H

#include "audit.h"
#include "xo_ladder.h"

/* Of a strip's columns on one side. */
struct xo_exact_rungs {
    double *siemens;                   /* [rungs][XO_STRIP], xo_rungs_of the inputs               */
    double *position, *second_position;        /* [rungs + 1][XO_STRIP] second NULL: ends at one side */
    double end_ohm[XO_STRIP], volt[XO_STRIP];
    /* nonlinear cells; siemens are secants then */
    double all_on[XO_STRIP], alone[XO_STRIP];  /* I_unit: all rungs on; the same without wires and transistors */
    double least_volt[XO_STRIP];               /* across any of them, in read_volt                             */
    const xo_ladder *ladder[XO_STRIP];         /* audits only: where they come from                            */
    size_t column[XO_STRIP];
};

/* The arrays of a block as ladders, and one thread's memory to solve them. */
struct xo_ladder_block { xo_ladder **ladder; size_t planes; double *siemens; uint16_t *digit; xo_ladder_work *work; };

/* Something that is done with every block, by several threads. */
typedef int xo_with_block(void *user, struct xo_array_layer *l, struct xo_row_block *r, struct xo_ladder_block *b,
                          size_t block, struct xo_info *info);
int xo_ladder_blocks(struct xo_array_layer *l, int threads, xo_with_block *with, void *user, struct xo_info *info);

/* The rungs that carry anything where these inputs [inputs] are on, the farthest first; returns how many. */
size_t xo_put_rungs(uint16_t *rung, const struct xo_use *use, size_t inputs, const uint8_t *on);

/* Ohm of a row's transistor on a rung. */
static inline double xo_rung_ohm(const xo_ladder *l, const struct xo_use *use, size_t rung)
{
    bool off = use->leaking && rung >= use->leaking;
    size_t row = off ? rung - use->leaking : rung;
    return xo_transistor_ohm(l->transistor_ohm, l->transistor_off_siemens, off || l->gated[row] ? 0 : 1);
}
static inline size_t xo_rung_row(const struct xo_use *use, size_t rung)
{
    return use->leaking && rung >= use->leaking ? rung - use->leaking : rung;
}

/* Is this one of a block's lanes? */
bool xo_is_lane_of(const struct xo_array_layer *l, const struct xo_strip *s, size_t lane, size_t block);

/* I_unit, of the rungs listed out of `rungs`, the farthest first. */
double xo_exact_current(const struct xo_exact_rungs *e, const uint16_t *rung, size_t count, size_t rungs,
                        size_t lane);

static inline struct xo_strip *xo_ladder_strip(const struct xo_row_block *r, size_t k)
{
    return k < r->strips ? &r->strip[k] : &r->reference[k - r->strips];
}

static inline const struct xo_conversion *xo_ladder_conversion(const struct xo_array_layer *l,
                                                               const struct xo_strip *s, size_t lane)
{
    return &l->layout.conversion[s->lane[lane].conversion % l->layout.conversions];
}

/* NF, the oracle's gains and the bound, from the exact rungs; XO_EUNSUPPORTED where float32 would overflow. */
int xo_ladder_figures(struct xo_array_layer *l, struct xo_info *info);
/* A strip in the middle of the layer, some random gates: float32 against double. */
enum { XO_SAMPLES = 8 };
struct xo_ladder_sample {
    const struct xo_strip *strip;      /* NULL: the layer has none                                  */
    size_t rungs;
    uint16_t *rung, count[XO_SAMPLES]; /* [XO_SAMPLES][rungs]                                       */
    double *exact;                     /* [2][XO_SAMPLES][XO_STRIP] I_unit of both sides            */
};
int xo_ladder_sample_new(struct xo_ladder_sample *v, const struct xo_array_layer *l);
void xo_ladder_sample_free(struct xo_ladder_sample *v);
int xo_ladder_sample(struct xo_array_layer *l, const struct xo_ladder_sample *v, const struct xo_kernels *kernels);

/* ladder_curves.c: a lane's currents with every rung on (e->all_on, ...); then curves for all strips, the sample's
 * exact currents, and the bound. */
int xo_curves_look(struct xo_exact_rungs *e, const struct xo_array_layer *l, const xo_ladder *from,
                   xo_ladder_work *work, size_t column, size_t lane, size_t inputs, struct xo_info *info);
int xo_curves_fill(struct xo_array_layer *l, int threads, const xo_ladder *lines, struct xo_ladder_sample *v,
                   struct xo_info *info);
/* By the laws: one strip's currents on one side, I_unit, for rows that are listed. */
int xo_curves_exact(double *current, const struct xo_exact_rungs *e, const struct xo_array_layer *l,
                    const struct xo_active *a, size_t rows);

#endif
