/* How long each way took, and how often the others would have been done: standard output, timing.json and, with
 * --times, the page and report.json.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "report.h"

/* Seconds of one way; NaN where it has no such stage. */
struct timed {
    const char *name, *label;          /* for programs, for the page */
    double plan, factor, solve;
    size_t inputs;
    double each;                       /* per input, programmed once for all of them */
};

enum { MOST_TIMED = REPORT_MAX_ENGINES + 2 };

static struct timed time_engine(const struct report *r, const struct report_engine *e)
{
    const char *name = xo_engine_name(e->engine);
    size_t inputs = r->session->inputs;
    return (struct timed){name, name, e->plan_sec, e->factor_sec, e->solve_sec, inputs,
                          (e->factor_sec + e->solve_sec) / (double)inputs};
}

/* Every engine, ngspice if asked, the fast model.  Returns how many. */
static size_t list_times(const struct report *r, struct timed *list)
{
    const struct report_judge *judge = &r->judge;
    size_t count = 0, inputs = r->session->inputs;
    for (size_t k = 0; k < r->engines; k++)
        list[count++] = time_engine(r, &r->engine[k]);
    if (judge->asked)
        list[count++] = (struct timed){"ngspice", "ngspice", NAN, NAN, judge->sec, judge->inputs,
                                       judge->sec / (double)judge->inputs};
    list[count++] = (struct timed){"fast_model", "fast&nbsp;model", NAN, r->model_path ? NAN : r->fit_sec,
                                   r->apply_sec * (double)inputs, inputs, r->apply_sec};
    return count;
}

/* Seconds per input; NaN where not measured. */
static double each_sec(const struct report *r, const char *name)
{
    struct timed list[MOST_TIMED];
    for (size_t k = list_times(r, list); k-- > 0;)
        if (!strcmp(list[k].name, name))
            return list[k].each;
    return NAN;
}

/* ---- standard output ------------------------------------------------------------------------------ */

void report_print_times(const struct report *r)
{
    const size_t inputs = r->session->inputs;
    printf("\n%-10s %10s %10s %10s   for %zu input%s\n", "Times [s]", "plan", "factor", "solve", inputs,
           cli_plural(inputs));
    for (size_t k = 0; k < r->engines; k++)
        printf("%-10s %10.4f %10.4f %10.4f\n", xo_engine_name(r->engine[k].engine), r->engine[k].plan_sec,
               r->engine[k].factor_sec, r->engine[k].solve_sec);
    if (r->judge.asked)
        printf("%-10s %32.4f   for %zu inputs, one sweep\n", "ngspice", r->judge.sec, r->judge.inputs);
    puts("");
}

static const char *times_text(char *text, size_t size, double ratio)
{
    snprintf(text, size, ratio < 10 ? "%.2g" : "%.0f", ratio);
    return text;
}

static void print_ratio(const char *what, double than, double mine, double model)
{
    char exact[40], fast[40];
    if (than > 0)
        printf("           %s %.2g s: exact currents are %s times faster, the fast model %s times\n", what, than,
               times_text(exact, sizeof exact, than / mine), times_text(fast, sizeof fast, than / model));
}

void report_print_speed(const struct report *r)
{
    double mine = each_sec(r, "cholmod");
    printf("Speed      per input: exact with its proof %.2g s, fast model %.2g s", mine, r->apply_sec);
    if (r->model_path)
        puts("");
    else
        printf(" after a fit of %.2g s\n", r->fit_sec);
    print_ratio("ngspice", each_sec(r, "ngspice"), mine, r->apply_sec);
    print_ratio("KLU    ", each_sec(r, "klu"), mine, r->apply_sec);
}

/* ---- the page ------------------------------------------------------------------------------------- */

static void put_seconds(FILE *to, double sec)
{
    if (isfinite(sec))
        fprintf(to, "<td>%.3g</td>", sec);
    else
        fputs("<td></td>", to);
}

static void put_ratio(FILE *to, double ratio)
{
    char text[40];
    fprintf(to, "<td>%s</td>", isfinite(ratio) ? times_text(text, sizeof text, ratio) : "");
}

void report_put_times(FILE *to, const struct report *r)
{
    struct timed list[MOST_TIMED];
    const size_t count = list_times(r, list), threads = r->session->common.threads;
    double spice = each_sec(r, "ngspice"), klu = each_sec(r, "klu");
    fputs("<section><h2>Times</h2>\n<div class=\"scroll\"><table class=\"number\"><tr><th></th><th>plan [s]</th>"
          "<th>factor [s]</th><th>solve [s]</th><th>inputs</th><th>per input [ms]</th><th>times faster "
          "than ngspice</th><th>times faster than KLU</th></tr>\n", to);
    for (size_t k = 0; k < count; k++) {
        fprintf(to, "<tr><td>%s</td>", list[k].label);
        put_seconds(to, list[k].plan);
        put_seconds(to, list[k].factor);
        put_seconds(to, list[k].solve);
        fprintf(to, "<td>%zu</td><td>%.3g</td>", list[k].inputs, 1e3 * list[k].each);
        put_ratio(to, spice / list[k].each);
        put_ratio(to, klu / list[k].each);
        fputs("</tr>\n", to);
    }
    fprintf(to, "</table></div><p class=\"note\">%zu thread%s. Per input: factor and solve over inputs, so that "
            "programming the array is shared; the engines&rsquo; times include their certificates. KLU solves the "
            "full modified nodal equations, which is what a modern circuit simulator would cost. ngspice: its own "
            "analysis, all inputs in one sweep. Fast model: its factor is the fit%s; applied again and again, "
            "warm.</p></section>\n", threads, cli_plural(threads),
            r->model_path ? ", done beforehand" : ", with its held-out test");
}

/* ---- JSON ----------------------------------------------------------------------------------------- */

json_t *report_times_json(const struct report *r)
{
    struct timed list[MOST_TIMED];
    const size_t count = list_times(r, list);
    double spice = each_sec(r, "ngspice"), klu = each_sec(r, "klu");
    json_t *methods = json_array();
    for (size_t k = 0; k < count; k++)
        json_array_append_new(methods, json_pack(
            "{s:s, s:o, s:o, s:o, s:I, s:o, s:o, s:o}", "method", list[k].name,
            "plan_sec", cli_json_number(list[k].plan), "factor_sec", cli_json_number(list[k].factor),
            "solve_sec", cli_json_number(list[k].solve), "inputs", (json_int_t)list[k].inputs,
            "per_input_sec", cli_json_number(list[k].each),
            "times_faster_than_ngspice", cli_json_number(spice / list[k].each),
            "times_faster_than_klu", cli_json_number(klu / list[k].each)));
    return json_pack("{s:I, s:o}", "threads", (json_int_t)r->session->common.threads, "methods", methods);
}

static json_t *positive(double value)
{
    return value > 0 && isfinite(value) ? json_real(value) : json_null();
}

int report_write_timing(const struct report *r, struct cli_session *s)
{
    double mine = each_sec(r, "cholmod"), klu = each_sec(r, "klu"), spice = each_sec(r, "ngspice");
    json_object_set_new(s->seconds, "per_input", json_pack("{s:o, s:o, s:o, s:o}", "exact", positive(mine), "klu",
                        positive(klu), "ngspice", positive(spice), "fast_model", positive(r->apply_sec)));
    json_object_set_new(s->seconds, "ratio", json_pack("{s:o, s:o, s:o, s:o}", "ngspice_over_exact",
                        positive(spice / mine), "ngspice_over_fast_model", positive(spice / r->apply_sec),
                        "klu_over_exact", positive(klu / mine), "klu_over_fast_model", positive(klu / r->apply_sec)));
    return cli_write_timing(s);
}
