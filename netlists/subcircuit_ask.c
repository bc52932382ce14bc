/* Decks of single cells.  Levels stand side by side, each with an ammeter; a sweep drives all of them through
 *     Bdrive drive 0 V=pwl(V(select), 0, v[0], 1, v[1], ...)
 * which at whole numbers is exactly v.  In a transient every point is a cell of its own.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "subcircuit.h"

enum { MOST_SWEPT = 128, MOST_CELLS = 64, VECTOR = 48 };   /* ngspice parses a pwl recursively; more cells: slower */
#define LIMIT_SEC 120
#define NEAR_ZERO 1e-5                 /* of the voltages: a slope at 0 V is taken across this */

const char *const xo_subcircuit_options = XO_NGSPICE_NONLINEAR;

/* The state's node, as the cell `name` has it; small letters, as ngspice's commands want them. */
static const char *state_name(char *text, size_t size, const xo_subcircuit *s, const char *name)
{
    snprintf(text, size, "x%s.%s", name, s->keys.state_node);
    for (char *c = text; *c; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
    return text;
}

void xo_subcircuit_put(FILE *to, const xo_subcircuit *s, const char *name, const char *a, const char *b,
                       double parameter, double state_volt, bool ic)
{
    char number[XO_NUMBER_SIZE], node[300];
    fprintf(to, "X%s", name);
    for (size_t k = 0; k < s->pins; k++)
        if (s->pin[k] == XO_PIN_GATE)
            fprintf(to, " gate%s", name);
        else
            fprintf(to, " %s", s->pin[k] == XO_PIN_WORD ? a : b);
    fprintf(to, " %s", s->keys.name);
    if (s->keys.level_parameter)
        fprintf(to, " %s=%s", s->keys.level_parameter, xo_number_print(number, parameter));
    fputs("\n", to);
    if (s->keys.gate_pin)
        fprintf(to, "Vgate%s gate%s %s DC %s\n", name, name, b, xo_number_print(number, s->keys.gate_volt));
    if (s->keys.state_node && ic)
        fprintf(to, ".ic v(%s)=%s\n", state_name(node, sizeof node, s, name), xo_number_print(number, state_volt));
}

bool xo_subcircuit_is_set(const xo_subcircuit *s)
{
    return s->reading == XO_READING_HELD || s->reading == XO_READING_SET;
}

const char *xo_subcircuit_analysis(const xo_subcircuit *s)
{
    if (s->reading == XO_READING_OPERATING)
        return NULL;
    return xo_subcircuit_is_set(s) ? "tran 4e-14 2e-12" : "tran 4e-14 2e-12 uic";
}

/* ---- asking --------------------------------------------------------------------------------------- */

/* A deck being written, and the vectors that are wanted: `cells` currents, then as many states if asked for. */
struct question {
    const xo_subcircuit *s;
    size_t cells;
    bool states;
    FILE *to;
    char *text;
    size_t nbytes;
    char (*name)[300];
    const char **vectors;
    double **values;
};

static int question_new(struct question *q, const xo_subcircuit *s, size_t cells, bool states, struct xo_info *info)
{
    size_t count = cells * (1 + states);
    *q = (struct question){.s = s, .cells = cells, .states = states};
    q->to = open_memstream(&q->text, &q->nbytes);
    q->name = xo_calloc(count, sizeof *q->name);
    q->vectors = xo_calloc(count, sizeof *q->vectors);
    q->values = xo_calloc(count, sizeof *q->values);
    if (!q->to || !q->name || !q->vectors || !q->values)
        return xo_fail(info, ENOMEM, "%s: %s", s->keys.file, xo_strerror(ENOMEM));
    fprintf(q->to, "* cells of subcircuit %s\n%s", s->keys.name, s->definitions);
    for (size_t k = 0; k < cells; k++) {
        char cell[VECTOR], node[250];
        snprintf(q->name[k], sizeof *q->name, "i(vmeter%zu)", k);
        q->vectors[k] = q->name[k];
        if (!states)
            continue;
        snprintf(cell, sizeof cell, "cell%zu", k);
        snprintf(q->name[cells + k], sizeof *q->name, "v(%s)", state_name(node, sizeof node, s, cell));
        q->vectors[cells + k] = q->name[cells + k];
    }
    return 0;
}

static void put_cell(struct question *q, size_t k, const char *drive, double parameter, double state_volt, bool ic)
{
    char name[VECTOR], node[VECTOR];
    snprintf(name, sizeof name, "cell%zu", k);
    snprintf(node, sizeof node, "top%zu", k);
    fprintf(q->to, "Vmeter%zu %s %s DC 0\n", k, drive, node);
    xo_subcircuit_put(q->to, q->s, name, node, "0", parameter, state_volt, ic);
}

static int ask(struct question *q, const char *analysis, size_t *length, struct xo_info *info)
{
    const struct xo_ngspice_options *o = q->s->options;
    double limit = o && o->limit_sec > 0 ? o->limit_sec : LIMIT_SEC;
    struct xo_helper_job job = {.analysis = analysis, .count = q->cells * (1 + q->states), .vectors = q->vectors};
    fprintf(q->to, "%s.end\n", xo_subcircuit_options);
    int failed = fclose(q->to);
    q->to = NULL;
    if (failed)
        return xo_fail(info, ENOMEM, "%s: %s", q->s->keys.file, xo_strerror(ENOMEM));
    job.deck = q->text;
    job.nbytes = q->nbytes;
    return xo_helper_run(&job, o, xo_helper_now_sec() + limit, q->values, length, NULL, info);
}

static void question_free(struct question *q)
{
    if (q->to)
        fclose(q->to);
    for (size_t k = 0; q->values && k < q->cells * (1 + q->states); k++)
        free(q->values[k]);
    free(q->text);
    free(q->name);
    free(q->vectors);
    free(q->values);
}

/* ---- sweeps --------------------------------------------------------------------------------------- */

static void put_sweep(struct question *q, size_t volts, const double *volt)
{
    char number[XO_NUMBER_SIZE];
    fputs("Vselect select 0 DC 0\nBdrive drive 0 V=", q->to);
    if (volts == 1)
        fprintf(q->to, "%s", xo_number_print(number, volt[0]));
    else
        fputs("pwl(V(select)", q->to);
    for (size_t k = 0; k < volts && volts > 1; k++)
        fprintf(q->to, "%s,%zu,%s", k % 8 ? "" : "\n+", k, xo_number_print(number, volt[k]));
    fputs(volts == 1 ? "\n" : ")\n", q->to);
}

static int sweep_some(const xo_subcircuit *s, enum xo_reading how, size_t levels, const double *parameter,
                      const double *state_volt, size_t volts, const double *volt, size_t stride, double *amp,
                      double *state, struct xo_info *info)
{
    struct question q;
    char analysis[64], number[XO_NUMBER_SIZE], name[VECTOR], node[300];
    size_t length = 0;
    int status = question_new(&q, s, levels, state != NULL, info);
    if (!status)
        put_sweep(&q, volts, volt);
    for (size_t k = 0; k < levels && !status; k++) {
        put_cell(&q, k, "drive", parameter[k], state_volt[k], false);
        snprintf(name, sizeof name, "cell%zu", k);
        if (how == XO_READING_HELD)
            fprintf(q.to, "Vhold%zu %s 0 DC %s\n", k, state_name(node, sizeof node, s, name),
                    xo_number_print(number, state_volt[k]));
    }
    snprintf(analysis, sizeof analysis, "dc vselect 0 %zu 1", volts - 1);
    if (!status)
        status = ask(&q, volts == 1 ? "op" : analysis, &length, info);
    if (!status && length != volts)
        status = xo_fail(info, XO_EJUDGE, "ngspice: the sweep gave %zu points; expected %zu", length, volts);
    for (size_t k = 0; k < levels && !status; k++)
        for (size_t n = 0; n < volts; n++) {
            amp[k * stride + n] = q.values[k][n];
            if (state)
                state[k * stride + n] = q.values[levels + k][n];
        }
    question_free(&q);
    return status;
}

int xo_subcircuit_sweep(const xo_subcircuit *s, enum xo_reading how, size_t levels, const double *parameter,
                        const double *state_volt, size_t volts, const double *volt, size_t stride, double *amp,
                        double *state, struct xo_info *info)
{
    int status = 0;
    for (size_t k = 0; k < levels && !status; k += MOST_CELLS)
        for (size_t n = 0; n < volts && !status; n += MOST_SWEPT) {
            size_t cells = levels - k < MOST_CELLS ? levels - k : MOST_CELLS;
            size_t some = volts - n < MOST_SWEPT ? volts - n : MOST_SWEPT, at = k * stride + n;
            status = sweep_some(s, how, cells, parameter + k, state_volt + k, some, volt + n, stride, amp + at,
                                state ? state + at : NULL, info);
        }
    return status;
}

/* ---- transients ----------------------------------------------------------------------------------- */

static int transient_some(const xo_subcircuit *s, enum xo_reading how, const char *analysis, size_t points,
                          const double *parameter, const double *state_volt, const double *volt, double *amp,
                          double *begin, double *end, struct xo_info *info)
{
    bool initial = how == XO_READING_INITIAL;
    struct question q;
    char number[XO_NUMBER_SIZE], drive[VECTOR];
    size_t length = 0;
    int status = question_new(&q, s, points, begin || end, info);
    for (size_t k = 0; k < points && !status; k++) {
        snprintf(drive, sizeof drive, "drive%zu", k);
        fprintf(q.to, "Vdrive%zu %s 0 DC %s\n", k, drive, xo_number_print(number, volt[k]));
        put_cell(&q, k, drive, parameter[k], state_volt[k], !initial);
    }
    if (!status)
        status = ask(&q, analysis, &length, info);
    if (!status && length < 2)
        status = xo_fail(info, XO_EJUDGE, "ngspice: the transient gave %zu points; expected some", length);
    for (size_t k = 0; k < points && !status; k++) {       /* with uic, its first moment is not solved yet */
        amp[k] = q.values[k][initial ? length - 1 : 0];
        if (begin)
            begin[k] = q.values[points + k][initial];
        if (end)
            end[k] = q.values[points + k][length - 1];
    }
    question_free(&q);
    return status;
}

int xo_subcircuit_transient(const xo_subcircuit *s, enum xo_reading how, double second, size_t points,
                            const double *parameter, const double *state_volt, const double *volt, double *amp,
                            double *begin, double *end, struct xo_info *info)
{
    char analysis[120], step[XO_NUMBER_SIZE], stop[XO_NUMBER_SIZE];
    int status = 0;
    second = second > 0 ? second : 2e-12;
    snprintf(analysis, sizeof analysis, "tran %s %s%s", xo_number_print(step, second / 50),
             xo_number_print(stop, second), how == XO_READING_INITIAL ? " uic" : "");
    for (size_t k = 0; k < points && !status; k += MOST_CELLS)
        status = transient_some(s, how, analysis, points - k < MOST_CELLS ? points - k : MOST_CELLS, parameter + k,
                                state_volt + k, volt + k, amp + k, begin ? begin + k : NULL, end ? end + k : NULL,
                                info);
    return status;
}

/* Every level at every voltage, point by point. */
static int each_by_transient(const xo_subcircuit *s, size_t levels, const double *parameter,
                             const double *state_volt, size_t volts, const double *volt, size_t stride, double *amp,
                             struct xo_info *info)
{
    double *p = xo_calloc(4 * levels * volts, sizeof *p), *x = p + levels * volts;
    double *v = x + levels * volts, *i = v + levels * volts;
    int status = p ? 0 : xo_fail(info, ENOMEM, "%s: %s", s->keys.file, xo_strerror(ENOMEM));
    for (size_t k = 0; k < levels * volts && !status; k++) {
        p[k] = parameter[k / volts];
        x[k] = state_volt[k / volts];
        v[k] = volt[k % volts];
    }
    if (!status)
        status = xo_subcircuit_transient(s, s->reading, 0, levels * volts, p, x, v, i, NULL, NULL, info);
    for (size_t k = 0; k < levels * volts && !status; k++)
        amp[k / volts * stride + k % volts] = i[k];
    free(p);
    return status;
}

int xo_subcircuit_measure(const xo_subcircuit *s, size_t levels, const double *parameter, const double *state_volt,
                          size_t volts, const double *volt, size_t stride, double *amp, struct xo_info *info)
{
    enum xo_reading how = s->reading;
    if (how == XO_READING_OPERATING || how == XO_READING_HELD)
        return xo_subcircuit_sweep(s, how, levels, parameter, state_volt, volts, volt, stride, amp, NULL, info);
    return each_by_transient(s, levels, parameter, state_volt, volts, volt, stride, amp, info);
}

int xo_subcircuit_siemens(const xo_subcircuit *s, size_t levels, const double *parameter, const double *state_volt,
                          double *siemens, struct xo_info *info)
{
    double reference = s->keys.reference_volt, span = s->keys.volt_range[1] - s->keys.volt_range[0];
    double volt[2] = {-NEAR_ZERO * span, NEAR_ZERO * span};
    double *amp = xo_calloc(2 * levels, sizeof *amp);
    int status = amp ? 0 : xo_fail(info, ENOMEM, "%s: %s", s->keys.file, xo_strerror(ENOMEM));
    if (reference != 0)
        volt[0] = reference;
    if (!status)
        status = xo_subcircuit_measure(s, levels, parameter, state_volt, reference != 0 ? 1 : 2, volt, 2, amp, info);
    for (size_t k = 0; k < levels && !status; k++)
        siemens[k] = reference != 0 ? amp[2 * k] / reference : (amp[2 * k + 1] - amp[2 * k]) / (volt[1] - volt[0]);
    free(amp);
    return status;
}
