/* Column currents by ngspice.  One input is an operating point.  Many are one .dc sweep of a selector source from 0
 * to inputs - 1, because each operating point orders the matrix anew (1.5 s at 64x64), a sweep only once; after that
 * each input costs ngspice two factorisations, the second to see that nothing changes (0.15 s): the fewest it can do.
 * Drivers follow the selector
 *     B<i> in<i> 0 V=pwl(V(select), 0, v[0], 1, v[1], ...)
 * which at whole numbers is exactly v.  An input on gates is a circuit of its own, an operating point of its own.
 * Other names, other nodes, no analysis: what ngspice computes is its own.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "helper.h"
#include "memory.h"
#include "subcircuit.h"
#include "write.h"
#include "xo_file.h"

#define MOST_PAIRS 20000               /* of a deck's pwl lists */
#define MOST_SWEPT 128                 /* ngspice evaluates a pwl from its beginning, and parses it recursively */

struct judge {
    const xo_circuit *c;
    const struct xo_ngspice_options *options;
    double deadline_sec;
    struct xo_mesh network;
    size_t inputs, done;
    size_t count;                      /* terminals whose current is asked for */
    size_t *leader;                    /* [count] */
    size_t asked;                      /* vectors: these currents, and the voltages at both ends of a cell */
    char (*vector)[XO_NODE_NAME + 8];  /* [asked] */
    const char **vectors;              /* [asked] */
    double **values;                   /* [asked] */
    size_t cell_link;
    double *cell_amp;                  /* NULL: no cell */
    const char *transient;             /* law spice, frozen: instead of an operating point; else NULL */
};

/* Of the cell. */
enum { ENDS = 2 };

static double volt_of(const xo_circuit *c, const double *row_volt, size_t t)
{
    return c->driven[t] ? row_volt[t] : c->held_volt[t];
}

/* Does the terminal's voltage change from input to input? */
static bool is_swept(const struct judge *j, size_t t, size_t inputs, const double *row_volt)
{
    for (size_t k = 1; k < inputs; k++)
        if (volt_of(j->c, row_volt + k * j->c->rows, t) != volt_of(j->c, row_volt, t))
            return true;
    return false;
}

static void put_swept(const struct xo_pen *p, size_t t, size_t inputs, const double *row_volt)
{
    const xo_circuit *c = p->network->circuit;
    char node[XO_NODE_NAME], volt[XO_NUMBER_SIZE];
    xo_mesh_node(p->network, (int32_t)(c->unknowns + t), node);
    fprintf(p->to, "Brow%zu %s 0 V=pwl(V(select)", t, node);
    for (size_t k = 0; k < inputs; k++)
        fprintf(p->to, "%s,%zu,%s", k % 8 ? "" : "\n+", k, xo_number_print(volt, row_volt[k * c->rows + t]));
    fputs(")\n", p->to);
}

/* The deck, and under which name ngspice knows each current. */
static int write_deck(struct judge *j, size_t inputs, const double *row_volt, const char *options, char **text,
                      size_t *nbytes)
{
    const xo_circuit *c = j->c;
    char name[XO_NODE_NAME];
    FILE *to = open_memstream(text, nbytes);
    if (!to)
        return ENOMEM;
    const struct xo_pen pen = {to, XO_DIALECT_NGSPICE, &j->network};
    xo_pen_title(&pen, "judged by ngspice");
    if (xo_mesh_is_programmed(&j->network))
        fputs(c->laws->subcircuit->definitions, to);
    fputs(options, to);
    fputs("Vselect select 0 DC 0\n", to);
    for (size_t t = 0, k = 0; t < c->terminals; t++) {
        if (!xo_mesh_has_source(&j->network, t))
            continue;
        bool swept = is_swept(j, t, inputs, row_volt);
        if (swept)
            put_swept(&pen, t, inputs, row_volt);
        else
            xo_pen_source(&pen, t, volt_of(c, row_volt, t));
        if (k == j->count || j->leader[k] != t)
            continue;
        xo_mesh_source(&j->network, t, name);
        name[0] = swept ? 'b' : 'v';
        for (char *at = name; *at; at++)                   /* ngspice wants them small */
            *at = (char)(*at == 'V' ? 'v' : *at);
        snprintf(j->vector[k++], sizeof *j->vector, "i(%s)", name);
    }
    xo_pen_resistors(&pen);
    fputs(".end\n", to);
    return fclose(to) ? ENOMEM : 0;
}

static double cell_amp(const struct judge *j, double volt)
{
    struct xo_cell_point p;
    if (!j->network.cell)
        return volt / j->network.ohm[j->cell_link];
    xo_cell_at(j->c->laws, &j->network.cell[j->cell_link], volt, volt, &p);
    return p.amp;
}

/* A group's current is shared equally by its terminals, as xo_solve does. */
static void store(const struct judge *j, size_t inputs, double *column_amp)
{
    const xo_circuit *c = j->c;
    for (size_t column = 0; column < c->columns; column++) {
        size_t t = c->rows + column, k = 0;
        while (k < j->count && j->leader[k] != (size_t)c->group[t])
            k++;
        for (size_t n = 0; n < inputs; n++)
            column_amp[n * c->columns + column] = k == j->count ? 0 : j->values[k][n] / c->group_size[c->group[t]];
    }
    if (j->asked > j->count)
        *j->cell_amp = cell_amp(j, j->values[j->count][0] - j->values[j->count + 1][0]);
}

/* Of a transient the first moment, where .ic sets the states, else the last. */
static void take_moment(struct judge *j, size_t *length)
{
    for (size_t k = 0; k < j->asked && !xo_subcircuit_is_set(j->c->laws->subcircuit); k++)
        j->values[k][0] = j->values[k][*length - 1];
    *length = 1;
}

/* One deck with these options, and what ngspice makes of it until then. */
static int ask(struct judge *j, size_t inputs, const double *row_volt, const char *options, bool plain,
               double deadline_sec, double *sec, struct xo_info *info)
{
    char analysis[64] = "op";
    size_t length = 0;
    struct xo_helper_job job = {.direct = !j->c->laws, .plain = plain, .analysis = analysis, .count = j->asked,
                                .vectors = j->vectors};
    char *deck = NULL;
    int status = write_deck(j, inputs, row_volt, options, &deck, &job.nbytes);
    if (j->transient)
        snprintf(analysis, sizeof analysis, "%s", j->transient);
    else if (inputs > 1)
        snprintf(analysis, sizeof analysis, "dc vselect 0 %zu 1", inputs - 1);
    if (status)
        xo_fail(info, status, "out of memory for a deck");
    job.deck = deck;
    if (!status)
        status = xo_helper_run(&job, j->options, deadline_sec, j->values, &length, sec, info);
    if (!status && j->transient)
        take_moment(j, &length);
    if (!status && length != inputs)
        status = xo_fail(info, XO_EJUDGE, "ngspice: the sweep gave %zu points; expected %zu", length, inputs);
    free(deck);
    return status;
}

static void forget(struct judge *j)
{
    for (size_t k = 0; k < j->asked; k++) {
        free(j->values[k]);
        j->values[k] = NULL;
    }
}

/* Nonlinear cells in two attempts, the first with half of the time. */
static int judge_some(struct judge *j, size_t inputs, const double *row_volt, double *column_amp, double *sec,
                      struct xo_info *info)
{
    bool nonlinear = j->c->laws;
    double half_sec = 0.5 * (j->deadline_sec + xo_helper_now_sec());
    int status = ask(j, inputs, row_volt, nonlinear ? XO_NGSPICE_PLAINLY : XO_NGSPICE_OPTIONS, nonlinear,
                     nonlinear ? half_sec : j->deadline_sec, sec, info);
    if (status == XO_EJUDGE && nonlinear) {
        forget(j);
        status = ask(j, inputs, row_volt, XO_NGSPICE_LOOSELY, false, j->deadline_sec, sec, info);
    }
    if (!status)
        store(j, inputs, column_amp);
    forget(j);
    return status;
}

/* The leaders among the terminals of columns, each once, in order. */
static int list_leaders(struct judge *j)
{
    const xo_circuit *c = j->c;
    j->leader = xo_calloc(c->columns, sizeof *j->leader);
    j->vector = xo_calloc(c->columns + ENDS, sizeof *j->vector);
    j->vectors = xo_calloc(c->columns + ENDS, sizeof *j->vectors);
    j->values = xo_calloc(c->columns + ENDS, sizeof *j->values);
    bool *wanted = xo_calloc(c->terminals, sizeof *wanted);
    if (!j->leader || !j->vector || !j->vectors || !j->values || !wanted) {
        free(wanted);
        return ENOMEM;
    }
    for (size_t t = c->rows; t < c->terminals; t++)
        if (j->network.attached[t])
            wanted[c->group[t]] = true;
    for (size_t t = 0; t < c->terminals; t++)
        if (wanted[t]) {
            j->vectors[j->count] = j->vector[j->count];
            j->leader[j->count++] = t;
        }
    j->asked = j->count;
    free(wanted);
    return 0;
}

/* Both ends of a cell, unless it is left out: then nothing drives a current through it. */
static void ask_for_cell(struct judge *j, struct xo_site cell)
{
    const xo_circuit *c = j->c;
    size_t branch = cell.row * c->columns + cell.column, e = 0;
    while (e < c->links && (size_t)c->link_branch[e] != branch)
        e++;
    if (e == c->links || j->network.ohm[e] == 0)
        return;
    j->cell_link = e;
    for (size_t end = 0; end < ENDS; end++) {
        char name[XO_NODE_NAME], *vector = j->vector[j->asked];
        xo_mesh_node(&j->network, end ? c->link_b[e] : c->link_a[e], name);
        snprintf(vector, sizeof *j->vector, "v(%s)", name);
        j->vectors[j->asked++] = vector;
    }
}

static int report_progress(struct judge *j)
{
    const struct xo_ngspice_options *o = j->options;
    return o && o->progress && o->progress(o->user, (double)j->done / (double)j->inputs);
}

static int judge_all(struct judge *j, const double *row_volt, double *amp, double *sec, struct xo_info *info)
{
    const xo_circuit *c = j->c;
    const size_t fits = j->transient ? 1 : MOST_PAIRS / c->rows;
    const size_t most = fits < 1 ? 1 : fits > MOST_SWEPT ? MOST_SWEPT : fits;
    int status = 0;
    while (!status && j->done < j->inputs && j->asked) {
        size_t some = j->inputs - j->done < most ? j->inputs - j->done : most;
        status = judge_some(j, some, row_volt + j->done * c->rows, amp + j->done * c->columns, sec, info);
        j->done += some;
        if (!status && report_progress(j))
            status = xo_fail(info, XO_ESTOPPED, "stopped before ngspice had solved all %zu inputs", j->inputs);
    }
    return status;
}

/* cell NULL: none. */
static int judge(struct judge *j, const double *cell_siemens, const double *row_volt, const struct xo_site *cell,
                 double *column_amp, double *sec, struct xo_info *info)
{
    const xo_circuit *c = j->c;
    double seconds = 0;
    double *amp = xo_calloc(j->inputs, c->columns * sizeof *amp);
    int status = xo_check_inputs(c, j->inputs, row_volt, info);
    if (!status)
        status = xo_mesh_new(&j->network, c, cell_siemens, row_volt, info);
    if (!status)
        j->c = c = j->network.circuit;
    if (!status)
        status = xo_mesh_program(&j->network, j->options, info);
    if (!status && xo_mesh_is_programmed(&j->network))
        j->transient = xo_subcircuit_analysis(c->laws->subcircuit);
    if (!status && (!amp || list_leaders(j)))
        status = xo_fail(info, ENOMEM, "out of memory for %zu inputs", j->inputs);
    if (!status && cell)
        ask_for_cell(j, *cell);
    if (!status)
        status = judge_all(j, row_volt, amp, &seconds, info);
    if (!status) {
        memcpy(column_amp, amp, j->inputs * c->columns * sizeof *amp);
        if (sec)
            *sec = seconds;
    }
    xo_mesh_free(&j->network);
    free(amp);
    free(j->leader);
    free(j->vector);
    free(j->vectors);
    free(j->values);
    return status;
}

static double deadline(const struct xo_ngspice_options *o)
{
    return xo_helper_now_sec() + (o && o->limit_sec > 0 ? o->limit_sec : XO_NGSPICE_LIMIT_SEC);
}

/* Inputs on gates, one after the other; nothing is stored unless all succeed. */
static int judge_gated(const xo_circuit *c, const double *cell_siemens, size_t inputs, const double *gate,
                       const struct xo_ngspice_options *options, double *column_amp, double *sec,
                       struct xo_info *info)
{
    struct xo_ngspice_options quiet = options ? *options : (struct xo_ngspice_options){0};
    double *amp = xo_calloc(inputs, c->columns * sizeof *amp), until = deadline(options), one = 0, all = 0;
    int status = amp ? 0 : xo_fail(info, ENOMEM, "out of memory for %zu inputs", inputs);
    quiet.progress = NULL;
    for (size_t k = 0; k < inputs && !status; k++) {
        struct judge j = {.c = c, .options = &quiet, .deadline_sec = until, .inputs = 1};
        status = judge(&j, cell_siemens, gate + k * c->rows, NULL, amp + k * c->columns, &one, info);
        all += one;
        if (!status && options && options->progress
            && options->progress(options->user, (double)(k + 1) / (double)inputs))
            status = xo_fail(info, XO_ESTOPPED, "stopped before ngspice had solved all %zu inputs", inputs);
    }
    if (!status) {
        memcpy(column_amp, amp, inputs * c->columns * sizeof *amp);
        if (sec)
            *sec = all;
    }
    free(amp);
    return status;
}

int xo_ngspice_solve(const xo_circuit *c, const double *cell_siemens, size_t inputs, const double *row_volt,
                     const struct xo_ngspice_options *options, double *column_amp, double *sec, struct xo_info *info)
{
    struct judge j = {.c = c, .options = options, .deadline_sec = deadline(options), .inputs = inputs};
    if (c->input == XO_INPUT_GATE)
        return judge_gated(c, cell_siemens, inputs, row_volt, options, column_amp, sec, info);
    return judge(&j, cell_siemens, row_volt, NULL, column_amp, sec, info);
}

int xo_ngspice_read(const xo_circuit *c, const double *cell_siemens, const double *row_volt, struct xo_site cell,
                    const struct xo_ngspice_options *options, double *column_amp, double *cell_amp, double *sec,
                    struct xo_info *info)
{
    double amp = 0;
    struct judge j = {.c = c, .options = options, .deadline_sec = deadline(options), .inputs = 1, .cell_amp = &amp};
    int status = judge(&j, cell_siemens, row_volt, &cell, column_amp, sec, info);
    if (!status)
        *cell_amp = amp;
    return status;
}
