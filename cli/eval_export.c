/* What `eval` leaves for other programs.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "eval.h"

enum { SAMPLES = 100 };                /* of an error table's entry */

static int report(int status, const struct xo_info *info, const char *path)
{
    if (!status)
        return CLI_DONE;
    return status < 0 ? cli_fail_reading(status, info, path) : cli_fail_writing(status, info, path);
}

/* How many pairs from `first` on have the same ideal code; and the same number of active rows. */
static size_t alike(const struct xo_eval_pair *pair, size_t first, size_t count, bool active)
{
    size_t end = first;
    while (end < count && pair[end].ideal == pair[first].ideal && (!active || pair[end].active == pair[first].active))
        end++;
    return end - first;
}

/* ---- noise by ideal code ---------------------------------------------------------------------------- */

static void put_code(FILE *to, const char *layer, const struct xo_eval_pair *pair, size_t count)
{
    char mean_text[XO_NUMBER_SIZE], std_text[XO_NUMBER_SIZE];
    double all = 0, sum = 0, square = 0;
    uint64_t conversions = 0;
    for (size_t k = 0; k < count; k++) {
        double off = (double)pair[k].actual - pair[k].ideal, times = (double)pair[k].count;
        all += times;
        sum += times * off;
        square += times * off * off;
        conversions += pair[k].count;
    }
    double mean = sum / all, variance = fmax(square / all - mean * mean, 0);
    fprintf(to, "%s,%" PRId32 ",%s,%s,%" PRIu64 "\n", layer, pair->ideal,
            xo_number_print(mean_text, pair->ideal + mean), xo_number_print(std_text, sqrt(variance)), conversions);
}

static int write_noise(const struct eval_job *job, const struct xo_eval_pairs *p)
{
    struct xo_writer w;
    struct xo_info info = {""};
    int status = xo_writer_open(&w, job->export_noise, &info);
    if (status)
        return report(status, &info, job->export_noise);
    fprintf(w.stream, "# crossohm %s; %s\n", PACKAGE_VERSION, job->session.common.command);
    fprintf(w.stream, "# codes that ADCs read, by the code of the ideal array, over %zu images; counted from that of "
            "0 A\n", p->images);
    fputs("# layer,ideal_code,mean,std,conversions\n", w.stream);
    for (size_t k = 0; k < p->layers; k++)
        for (size_t first = 0, many; first < p->layer[k].count; first += many) {
            many = alike(p->layer[k].pair, first, p->layer[k].count, false);
            put_code(w.stream, job->result->layer[k].name, p->layer[k].pair + first, many);
        }
    return report(xo_writer_commit(&w, &info), &info, job->export_noise);
}

/* ---- error table ------------------------------------------------------------------------------------ */

/* The pairs of one ideal code and number of active rows, in steps of a hundredth; what was never seen stays as it
 * is. */
static void put_samples(FILE *to, const struct xo_eval_pair *pair, size_t count, int32_t ideal)
{
    uint64_t all = 0, below = 0;
    size_t at = 0;
    for (size_t k = 0; k < count; k++)
        all += pair[k].count;
    putc('[', to);
    for (uint64_t n = 0; n < SAMPLES; n++) {
        while (at < count && (2 * n + 1) * all > 2 * SAMPLES * (below + pair[at].count))
            below += pair[at++].count;
        fprintf(to, "%s%" PRId32, n ? "," : "", count ? pair[at].actual : ideal);
    }
    putc(']', to);
}

/* Where the pairs of (active, ideal) begin, and how many there are. */
static const struct xo_eval_pair *find_pairs(size_t *many, const struct xo_eval_pair *pair, size_t count,
                                             uint32_t active, int32_t ideal)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        bool before = pair[middle].ideal < ideal || (pair[middle].ideal == ideal && pair[middle].active < active);
        *(before ? &low : &high) = middle + before;
    }
    *many = low < count && pair[low].ideal == ideal && pair[low].active == active ? alike(pair, low, count, true) : 0;
    return pair + low;
}

static void put_table(FILE *to, const struct xo_eval_pair *pair, size_t count)
{
    uint32_t most = 0;
    int32_t low = 0, high = 0;
    for (size_t k = 0; k < count; k++) {
        most = pair[k].active > most ? pair[k].active : most;
        low = pair[k].ideal < low ? pair[k].ideal : low;
        high = pair[k].ideal > high ? pair[k].ideal : high;
    }
    fprintf(to, "\"first_value\":%" PRId32 ",\"table\":[", low);
    for (uint32_t active = 1; active <= most; active++) {
        int32_t last = high;
        size_t many = 0;
        while (last > 0 && (find_pairs(&many, pair, count, active, last), !many))
            last--;
        fputs(active > 1 ? ",\n[" : "\n[", to);
        for (int32_t ideal = low; ideal <= last; ideal++) {
            const struct xo_eval_pair *at = find_pairs(&many, pair, count, active, ideal);
            if (ideal > low)
                putc(',', to);
            put_samples(to, at, many, ideal);
        }
        putc(']', to);
    }
    fputs("]}", to);
}

static void put_text(FILE *to, const char *text)
{
    json_t *value = cli_json_text(text);
    char *quoted = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
    fputs(quoted ? quoted : "\"\"", to);
    free(quoted);
    json_decref(value);
}

static int write_table(const struct eval_job *job, const struct xo_eval_pairs *p)
{
    struct xo_writer w;
    struct xo_info info = {""};
    int status = xo_writer_open(&w, job->export_error_table, &info);
    if (status)
        return report(status, &info, job->export_error_table);
    fprintf(w.stream, "{\"tool\":\"crossohm\",\"version\":\"%s\",\"command\":", PACKAGE_VERSION);
    put_text(w.stream, job->session.common.command);
    fprintf(w.stream, ",\"images\":%zu,\"samples\":%d,\"layers\":[", p->images, SAMPLES);
    for (size_t k = 0, put = 0; k < p->layers; k++) {
        if (!p->layer[k].count)
            continue;
        fputs(put++ ? ",\n{\"name\":" : "\n{\"name\":", w.stream);
        put_text(w.stream, job->result->layer[k].name);
        putc(',', w.stream);
        put_table(w.stream, p->layer[k].pair, p->layer[k].count);
    }
    fputs("]}\n", w.stream);
    return report(xo_writer_commit(&w, &info), &info, job->export_error_table);
}

/* ---- all -------------------------------------------------------------------------------------------- */

static int export_codes(const struct eval_job *job)
{
    struct xo_info info = {""};
    struct xo_eval_pairs pairs = {0};
    int code = report(xo_eval_count_pairs(&pairs, job->eval, &info), &info, job->model);
    if (!code && job->export_noise)
        code = write_noise(job, &pairs);
    if (!code && job->export_error_table)
        code = write_table(job, &pairs);
    xo_eval_pairs_free(&pairs);
    return code;
}

/* Hours before they are written: can they be? */
int eval_check_exports(const struct eval_job *job)
{
    const char *const path[] = {job->export_onnx, job->export_noise, job->export_error_table};
    for (size_t k = 0; k < sizeof path / sizeof *path; k++) {
        struct xo_writer w;
        struct xo_info info = {""};
        int status = path[k] ? xo_writer_open(&w, path[k], &info) : 0;
        if (status)
            return cli_fail_writing(status, &info, path[k]);
        if (path[k])
            xo_writer_abandon(&w);
    }
    return CLI_DONE;
}

int eval_export(const struct eval_job *job)
{
    struct xo_info info = {""};
    int code = CLI_DONE;
    if (job->export_onnx)
        code = report(xo_eval_export_onnx(job->eval, job->export_onnx, &info), &info, job->export_onnx);
    if (!code && (job->export_noise || job->export_error_table))
        code = export_codes(job);
    return code;
}
