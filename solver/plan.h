/* Plan and factor: what all engines share, and what an engine has to offer (internal).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_PLAN_H
#define XO_PLAN_H

#include "block.h"
#include "circuit.h"

struct xo_scratch;

/* An engine: a way to factor the network once and solve it often.  To add one, fill in this table, name it in
 * enum xo_engine and list it in engine.c; refinement, certificate and outputs come for free. */
struct xo_engine_table {
    const char *name;
    int (*plan)(xo_plan *p, struct xo_info *info);                   /* pattern -> p->state              */
    void (*plan_free)(void *state);
    int (*factor)(xo_factor *f, struct xo_info *info);               /* f->siemens -> f->state           */
    int (*refactor)(xo_factor *f, struct xo_info *info);             /* again, in the same memory; or NULL */
    void (*factor_free)(void *state);
    /* x = approximately K^-1 x for the unknowns: x comes in as the current injected into each [A], terminals at
     * 0 V, and leaves as its voltage [V].  lanes is 1 or XO_LANES.  Refinement makes up for what it lacks. */
    void (*solve)(const xo_factor *f, int lanes, double (*x)[XO_LANES]);
    /* The couplings of a terminal to all others with their a-priori bounds [terminals], or NULL: for xo_matrix. */
    void (*couplings)(const xo_factor *f, size_t terminal, const double **siemens, double *bound);
    /* A second way of its own, or NULL: fill s->terminal_amp from the terminals in s->volt. */
    void (*currents)(const xo_factor *f, int lanes, struct xo_scratch *s);
    /* Both at once, or NULL: fill s->volt of the unknowns, refined its own way, and s->terminal_amp. */
    void (*answer)(const xo_factor *f, int lanes, struct xo_scratch *s);
    double (*operations)(const xo_factor *f);          /* of the numeric factor, or NULL: not counted */
    bool one_thread;                   /* its functions keep state in the factor */
    /* An engine that works on the description, nothing drawn, does everything itself: the factor,
     * all inputs, the gradient.  Of the functions above it has only factor_free then. */
    int (*program)(xo_factor *f, const double *cell_siemens);
    void (*recall_cells)(const xo_factor *f, double *cell_siemens);  /* where f->cell_siemens does not */
    int (*run)(xo_factor *f, size_t inputs, const double *row_volt, struct xo_solution *out);
    int (*gradient)(xo_factor *f, size_t inputs, const double *row_volt, size_t column, struct xo_branch_values *out);
};

struct xo_plan {
    const xo_circuit *circuit;         /* drawn, unless the engine has `program`                         */
    xo_circuit *own_circuit;           /* circuit, where the caller's is not drawn; else NULL            */
    const struct xo_engine_table *table;
    enum xo_engine engine;
    const char *reason;
    struct xo_options options;
    int32_t *order;                    /* [unknowns] nested-dissection order of elimination              */
    void *state;
};

/* Nested dissection of the grid (George 1973): unknown vertices in a good order of elimination. */
int xo_order(int32_t *order, const xo_circuit *c);

/* What connects with what, given the conductances: the unknowns fall into components, joined inside by links of
 * non-zero conductance and cut apart by terminals.  A contact is a link between an unknown and a terminal. */
struct xo_components {
    size_t count;
    int32_t *of;                       /* [unknowns]                                                      */
    int32_t *sole;                     /* [count] its only terminal, XO_ISLAND or XO_SEVERAL              */
    size_t contacts;
    int32_t *contact_link;             /* [contacts]                                                      */
    int32_t *contact_unknown;          /* [contacts]                                                      */
    int32_t *contact_terminal;         /* [contacts] counted from 0                                       */
};
#define XO_ISLAND (-1)
#define XO_SEVERAL (-2)

/* Working memory of one thread, for one block of inputs. */
struct xo_scratch {
    struct xo_lane_volt *volt;         /* [vertices]                                                      */
    struct xo_lane_amp *amp;           /* [vertices] net current into each vertex                         */
    double (*x)[XO_LANES];             /* [unknowns] right-hand side and correction                       */
    double (*ratio)[XO_LANES];         /* [components] |error of a voltage| <= ceiling_volt * ratio       */
    double (*inject)[XO_LANES];        /* [unknowns] currents from outside                                */
    double (*terminal_bound)[XO_LANES];/* [terminals] of the certified current amp                        */
    double (*terminal_rounding)[XO_LANES]; /* [terminals] the part of it that no better w would lower     */
    double excess[XO_LANES];           /* largest other part, over the sum of |currents| at its terminal  */
    double (*final_bound)[XO_LANES];   /* [terminals] of the current reported                             */
    double (*terminal_amp)[XO_LANES];  /* [terminals] the engine's own answer                             */
    double (*scale)[XO_LANES], (*least_scale)[XO_LANES];   /* [terminals] s_j and what it is at least     */
};

struct xo_factor {
    const xo_plan *plan;
    xo_plan *own_plan;                 /* plan, where auto had to change its mind; else NULL              */
    dd *siemens;                       /* [links]                                                         */
    double *cell_siemens;              /* [rows][columns] after faults, before series_ohm; line: or NULL  */
    dd *whole_cells;                   /* [rows][columns] with all that is in series; NULL: ask the two above */
    const double *gate;                /* [rows] of the one input this array is for, borrowed; NULL: all      */
    double *series_ohm;                /* [rows][columns] then: of each cell, in place of the circuit's       */
    int32_t *link_count;               /* [vertices] links at each                                        */
    struct xo_components components;
    bool proven;                       /* the certificate's w was found                                   */
    bool given_up;                     /* by line: a factor would cost less                               */
    double *ceiling_volt;              /* [unknowns] w of the certificate, K w >= ceiling_amp > 0         */
    double *ceiling_amp;               /* [unknowns]                                                      */
    double *self_siemens, *self_bound; /* [columns] Y_jj and how far from exact, where a sense is held    */
    int threads;
    struct xo_scratch *scratch;        /* [threads]                                                       */
    void *state;
    struct xo_nonlinear *nonlinear;    /* what Newton's method needs (newton.h); NULL: ohmic              */
};

extern const struct xo_engine_table xo_cholmod_engine, xo_klu_engine, xo_starmesh_engine,
    xo_line_engine, xo_ladder_engine;

/* A plan for another engine than line, made by auto when line does not do: for a circuit that is not drawn, if
 * XO_ENGINE_AUTO the best one  (engine.c). */
int xo_plan_direct(xo_plan **out, const xo_plan *instead_of, enum xo_engine engine, const char *reason,
                   struct xo_info *info);

/* cost.c: is line worth a try for this array and so many inputs?  0 inputs: not known. */
bool xo_line_pays(const xo_circuit *c, const double *cell_siemens, size_t inputs);
/* Solves that so many inputs come to, and what each may cost with line until a factor is cheaper, in iterations. */
double xo_solves(const xo_circuit *c, size_t inputs);
double xo_line_patience(const xo_circuit *c, double solves);
double xo_line_iterations(const struct xo_crossbar *x, const double *cell_siemens);        /* expected of an input */
double xo_line_expected(const xo_circuit *c, const double *cell_siemens);      /* the same with all else it does */
#define XO_DIRECT_CELLS ((size_t)1 << 22)          /* above, no factor is tried: it would take tens of gigabytes */

/* factor.c: auto changes its mind after factoring.  f then is what another engine makes of the same array; untouched
 * on failure.  A reason of NULL: line got nowhere.  May it? */
bool xo_factor_may_turn(const xo_factor *f);
int xo_factor_turn(xo_factor *f, const char *reason, struct xo_info *info);
/* The same for nonlinear cells: to starmesh. */
bool xo_factor_may_turn_nonlinear(const xo_factor *f);
int xo_factor_turn_nonlinear(xo_factor *f, struct xo_info *info);

/* XO_EVALUE names the first cell whose conductance is no conductance  (factor.c). */
int xo_check_cells(const xo_circuit *c, const double *cell_siemens, struct xo_info *info);

/* siemens of the cells, as links, into whole_cells  (nonlinear.c). */
void xo_whole_cells(xo_factor *f);

/* New numbers for f->siemens: the engine factors again  (factor.c). */
int xo_factor_renew(xo_factor *f, struct xo_info *info);

/* Ohms in series with a cell's device. */
static inline double xo_series_ohm(const xo_factor *f, size_t cell)
{
    return f->series_ohm ? f->series_ohm[cell] : f->plan->circuit->ohm[cell];
}

/* gate.c, of circuits with input gate: the array that one input [rows] makes  (factor.c); are these gates of 0 to 1;
 * all inputs, each with an array of its own, by `solve`. */
int xo_factor_gated(xo_factor **out, const xo_plan *p, const double *cell_siemens, const double *gate,
                    struct xo_info *info);
int xo_check_gates(const xo_circuit *c, size_t inputs, const double *gate, struct xo_info *info);
typedef int xo_solve_function(xo_factor *f, size_t inputs, const double *row_volt, struct xo_solution *s,
                              struct xo_info *info);
int xo_solve_gated(xo_factor *f, size_t inputs, const double *row_volt, const double *gate, struct xo_solution *s,
                   xo_solve_function *solve, struct xo_info *info);
struct xo_branch_values xo_branches_from(const struct xo_branch_values *v, const xo_circuit *c, size_t input);
void xo_merge_summary(struct xo_solution *out, const struct xo_solution *part);        /* solve.c */

/* A cell of conductance g behind its series resistance R: g / (1 + g R)  (factor.c). */
dd xo_cell_and_series(double siemens, double series_ohm);

/* matrix.c: XO_ECONFLICT names a driven row that has no voltage of its own. */
int xo_check_independent(const xo_circuit *c, struct xo_info *info);
/* Certify a block of columns of a matrix: fills sampled_columns and sampled_error_rel.  The factor is proven. */
void xo_sample_columns(const xo_factor *f, const double *g_ni_siemens, struct xo_matrix_result *m);

/* components.c */
int xo_components_find(xo_factor *f);
void xo_components_free(struct xo_components *k);
bool xo_on_island(const xo_factor *f, int32_t vertex);

/* refine.c.  lanes is 1 or XO_LANES; with `injected` the currents s->inject enter the unknowns from outside (and are
 * lost without).  All leave volt and amp consistent. */
void xo_refine_start(const xo_factor *f, struct xo_scratch *s, int lanes, bool injected);
void xo_refine_step(const xo_factor *f, struct xo_scratch *s, int lanes, bool injected,
                    const double active[XO_LANES]);                             /* 0: leave this lane alone        */
void xo_refine_kcl(const xo_factor *f, struct xo_scratch *s);                   /* volt -> amp                     */
void xo_settle_idle(const xo_factor *f, struct xo_lane_volt *volt);             /* exact: one terminal sets all    */
/* Start and refine, each lane until its excess is at most `enough` or gets no better.  Leaves terminal_bound and
 * excess filled in; returns the most steps that a lane took. */
int xo_refine(const xo_factor *f, struct xo_scratch *s, int lanes, double enough, int least_steps);
#define XO_LAST_BIT (0.5 * XO_UNIT)    /* `enough` for currents exact to the last bit                              */

/* solve.c: refuse what is not a voltage, and different voltages joined by zero ohm. */
int xo_check_inputs(const xo_circuit *c, size_t inputs, const double *row_volt, struct xo_info *info);
/* Voltages of the terminals, from row_volt [lanes][rows] and what is held. */
void xo_set_terminals(const xo_circuit *c, struct xo_scratch *s, int lanes, const double *row_volt);
/* All terminals at 0 V but terminal first + k, which is at 1 V in lane k. */
void xo_set_units(const xo_circuit *c, struct xo_scratch *s, size_t first, size_t count);

/* certificate.c */
/* Find w, once per factor; false if there is none, and every bound will be infinite. */
bool xo_certificate_prepare(xo_factor *f);
/* Bound every terminal current of the block, from volt and amp: terminal_bound, terminal_rounding, excess. */
void xo_certify(const xo_factor *f, struct xo_scratch *s);
/* Where a lane's excess is above XO_COARSE, lower its terminal_bound by a w made for it: K w >= |r|.  Overwrites volt
 * and amp if there is such a lane. */
bool xo_certify_closely(const xo_factor *f, struct xo_scratch *s, int lanes);
#define XO_COARSE 1e-12
/* Find w with K w >= inject / 2 at every node that has an inject, into volt, and K w into amp; true for the lanes
 * where Kirchhoff's law confirms it. */
void xo_find_ceiling(const xo_factor *f, struct xo_scratch *s, int lanes, bool found[XO_LANES]);
/* Lower bound of (K w)_v, its rounding taken off. */
double xo_least_kw(const xo_factor *f, const struct xo_lane_amp *amp, size_t v, int lane);

#endif
