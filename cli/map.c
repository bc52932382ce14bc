/* crossohm map: what a network's weights become on arrays.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "xo_map.h"

struct job {
    struct cli_session session;
    const char *file[2], *tiles;       /* hardware, model */
    xo_map *map;
};

static double share(uint64_t part, uint64_t all) { return all ? (double)part / (double)all : 0; }

/* ---- the table ------------------------------------------------------------------------------------ */

/* Cells at one conductance, or in a range of them. */
struct bar { double low, high; uint64_t cells; };

static int ascending(const void *a, const void *b)
{
    double x = ((const struct bar *)a)->low, y = ((const struct bar *)b)->low;
    return (x > y) - (x < y);
}

/* Equal ones together; more than `most` in as many equal ranges. */
static size_t gather(struct bar *bar, size_t count, size_t most)
{
    size_t kept = 0;
    qsort(bar, count, sizeof *bar, ascending);
    for (size_t k = 0; k < count; k++)
        if (kept && bar[kept - 1].high == bar[k].low)
            bar[kept - 1].cells += bar[k].cells;
        else
            bar[kept++] = bar[k];
    if (kept <= most)
        return kept;
    double low = bar[0].low, step = (bar[kept - 1].high - low) / (double)most;
    size_t to = 0;
    struct bar range = { low, low + step, 0 };
    for (size_t k = 0; k < kept; k++) {
        while (to + 1 < most && bar[k].low >= range.high) {
            bar[to++] = range;                 /* to <= k: what is overwritten has been counted */
            range = (struct bar){ low + (double)to * step, low + (double)(to + 1) * step, 0 };
        }
        range.cells += bar[k].cells;
    }
    bar[to++] = range;
    return to;
}

static void print_bar(const struct bar *bar, uint64_t most, uint64_t all)
{
    int length = most ? (int)ceil(40 * (double)bar->cells / (double)most) : 0;
    char range[60];
    if (bar->low == bar->high)
        snprintf(range, sizeof range, "%.6g", bar->low);
    else
        snprintf(range, sizeof range, "%.3g to %.3g", bar->low, bar->high);
    printf("# %22s S %-40.*s %6.2f %% %12" PRIu64 "\n", range, length, "########################################",
           100 * share(bar->cells, all), bar->cells);
}

/* Levels of all layers together, cells without a digit aside. */
static int print_histogram(const xo_map *map)
{
    size_t count = 0;
    uint64_t most = 0, all = 0, empty = 0;
    for (size_t k = 0; k < xo_map_count(map); k++)
        count += xo_map_sheet(map, k)->levels;
    struct bar *bar = calloc(count + 1, sizeof *bar);
    if (!bar)
        return cli_no_memory();
    count = 0;
    for (size_t k = 0; k < xo_map_count(map); k++) {
        const struct xo_map_sheet *s = xo_map_sheet(map, k);
        for (size_t d = 0; d < s->levels; d++, count++)
            bar[count] = (struct bar){ s->level_siemens[d], s->level_siemens[d], s->level_cells[d] };
        empty += s->empty_cells;
        all += s->cells;
    }
    count = gather(bar, count, 16);
    for (size_t k = 0; k < count; k++)
        most = bar[k].cells > most ? bar[k].cells : most;
    puts("# conductances of cells with a digit, and the share of all cells:");
    for (size_t k = 0; k < count; k++)
        print_bar(&bar[k], most, all);
    printf("# %22s   %-40s %6.2f %% %12" PRIu64 "\n", "no digit", "", 100 * share(empty, all), empty);
    free(bar);
    return CLI_DONE;
}

static void print_layer(const struct xo_map_sheet *s, int width)
{
    float low = INFINITY, high = 0;
    char array[48];
    printf("%-*s %6zu %8zu %7zu ", width, s->name, s->matrices, s->inputs, s->outputs);
    if (s->digital) {
        puts("digital");
        return;
    }
    for (size_t k = 0; k < s->scales; k++) {
        low = fminf(low, s->weight_scale[k]);
        high = fmaxf(high, s->weight_scale[k]);
    }
    snprintf(array, sizeof array, "%zux%zu", s->rows, s->columns);
    printf("%9s %6zu %6d %8zu %10" PRIu64 " %6.2f %8d/%-3d %6" PRId32 " %6" PRId32 "  %.9g", array, s->blocks,
           s->slices, s->tiles, s->cells, 100 * share(s->used_cells, s->cells), s->streams_unsigned,
           s->streams_signed, s->low, s->high, (double)low);
    if (high > low)
        printf(" to %.9g", (double)high);
    putchar('\n');
}

static int print_table(const struct job *job)
{
    size_t layers = xo_map_count(job->map), tiles = 0, widest = 5;
    uint64_t cells = 0, used = 0;
    for (size_t k = 0; k < layers; k++) {
        size_t length = strlen(xo_map_sheet(job->map, k)->name);
        widest = length > widest ? length : widest;
    }
    int width = widest > 60 ? 60 : (int)widest;
    printf("# %s on %s\n# streams: of unsigned/signed inputs, which calibration decides; s_w: weight of one step\n",
           job->file[1], job->file[0]);
    printf("%-*s %6s %8s %7s %9s %6s %6s %8s %10s %6s %12s %6s %6s  s_w\n", width, "layer", "groups", "inputs",
           "outputs", "array", "blocks", "slices", "tiles", "cells", "used_%", "streams ", "q_low", "q_high");
    for (size_t k = 0; k < layers; k++) {
        const struct xo_map_sheet *s = xo_map_sheet(job->map, k);
        print_layer(s, width);
        tiles += s->tiles;
        cells += s->cells;
        used += s->used_cells;
    }
    printf("# %zu layer%s, %zu tile%s, %" PRIu64 " cells, %.2f %% of them used\n", layers, cli_plural(layers), tiles,
           cli_plural(tiles), cells, 100 * share(used, cells));
    return print_histogram(job->map);
}

/* ---- JSON ----------------------------------------------------------------------------------------- */

/* One number where all are alike. */
static json_t *scales(const struct xo_map_sheet *s)
{
    bool alike = true;
    for (size_t k = 1; k < s->scales; k++)
        alike &= s->weight_scale[k] == s->weight_scale[0];
    if (alike)
        return cli_json_number((double)s->weight_scale[0]);
    json_t *list = json_array();
    for (size_t k = 0; k < s->scales; k++)
        json_array_append_new(list, cli_json_number((double)s->weight_scale[k]));
    return list;
}

static json_t *histogram(const struct xo_map_sheet *s)
{
    json_t *list = json_array();
    for (size_t d = 0; d < s->levels; d++)
        json_array_append_new(list, json_pack("{s:o, s:I}", "siemens", cli_json_number(s->level_siemens[d]), "cells",
                                              (json_int_t)s->level_cells[d]));
    return list;
}

static json_t *layer_json(const struct xo_map_sheet *s)
{
    json_t *layer = json_pack("{s:o, s:b, s:I, s:I, s:I, s:I}", "name", cli_json_text(s->name), "digital", s->digital,
                              "groups", (json_int_t)s->groups, "matrices", (json_int_t)s->matrices,
                              "inputs", (json_int_t)s->inputs, "outputs", (json_int_t)s->outputs);
    if (s->digital || !layer)
        return layer;
    json_t *rest = json_pack("{s:I, s:I, s:i, s:i, s:i, s:{s:i, s:i}, s:I, s:I, s:I, s:I, s:f, s:i, s:i, s:o, s:o, "
                             "s:{s:o, s:I}}",
                             "rows", (json_int_t)s->rows, "columns", (json_int_t)s->columns,
                             "weight_bits", s->weight_bits, "bits_per_cell", s->bits_per_cell, "slices", s->slices,
                             "streams", "unsigned", s->streams_unsigned, "signed", s->streams_signed,
                             "blocks", (json_int_t)s->blocks, "tiles", (json_int_t)s->tiles,
                             "cells", (json_int_t)s->cells, "used_cells", (json_int_t)s->used_cells,
                             "utilisation", share(s->used_cells, s->cells), "q_low", (int)s->low,
                             "q_high", (int)s->high, "weight_scale", scales(s), "histogram", histogram(s),
                             "empty", "siemens", cli_json_number(s->empty_siemens),
                             "cells", (json_int_t)s->empty_cells);
    if (!rest || json_object_update(layer, rest)) {
        json_decref(layer);
        layer = NULL;
    }
    json_decref(rest);
    return layer;
}

static int write_report(struct job *job)
{
    if (!job->session.common.json)
        return CLI_DONE;
    json_t *report = json_pack("{s:s, s:s, s:o, s:s}", "tool", "crossohm", "version", PACKAGE_VERSION,
                               "command", cli_json_text(job->session.common.command),
                               "model_sha256", xo_map_sha256(job->map));
    json_t *layers = json_array();
    int failed = !report || !layers;
    for (size_t k = 0; k < xo_map_count(job->map) && !failed; k++)
        failed = json_array_append_new(layers, layer_json(xo_map_sheet(job->map, k)));
    if (failed || cli_json_put(report, "layers", layers)) {
        json_decref(report);
        report = NULL;
    }
    return cli_write_json(job->session.common.json, report);
}

/* ---- the verb ------------------------------------------------------------------------------------- */

static int map_all(struct job *job)
{
    struct cli_session *s = &job->session;
    struct xo_info info = { "" };
    s->hardware_path = job->file[0];
    int code = cli_read_hardware(s);
    if (code)
        return code;
    int status = xo_map_open(&job->map, &s->hardware, job->file[1], &info);
    cli_lap(s, "read");
    if (status)
        return cli_fail_reading(status, &info, job->file[1]);
    cli_progress_stage(&s->progress, "map", 0, NULL);
    status = xo_map_run(job->map, job->tiles, cli_progress_show, &s->progress, &info);
    cli_progress_clear(&s->progress);
    cli_lap(s, "map");
    if (status > 0 || status == XO_EUNSUPPORTED)
        return cli_fail_writing(status, &info, job->tiles ? job->tiles : job->file[1]);
    return status ? cli_fail_reading(status, &info, job->file[1]) : CLI_DONE;
}

static int run(struct job *job)
{
    cli_session_begin(&job->session);
    int code = map_all(job);
    if (!code)
        code = write_report(job);
    if (!code && !cli_is_stdout(job->session.common.json))
        code = print_table(job);
    if (!code)
        code = cli_finish_stdout();
    return code ? code : cli_write_timing(&job->session);
}

int cli_map(int argc, char **argv)
{
    struct job job = { 0 };
    struct cli_option options[] = {
        {CLI_OUTPUT, 'o', "output", &job.tiles, "tiles.h5", "every tile's conductances [S], as HDF5", false},
        {.kind = CLI_END}
    };
    const struct cli_page page = {
        "map", "crossohm map hardware.yaml model.onnx -o tiles.h5", "hardware.yaml model.onnx|W.npy [options]",
        options, 2
    };
    bool stop;
    int code = cli_parse(&page, &job.session.common, job.file, argc, argv, &stop);
    if (stop)
        return code;
    code = run(&job);
    xo_map_free(job.map);
    cli_session_free(&job.session);
    return code;
}
