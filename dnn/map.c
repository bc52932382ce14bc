/* A network's layers, one after another: integers, layout, digits, counts.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <string.h>
#include "memory.h"
#include "network.h"
#include "tiles.h"
#include "xo_file.h"
#include "xo_map.h"

struct xo_map {
    const struct xo_hardware *hardware;
    xo_network *network;               /* NULL: a matrix */
    struct xo_layers layers;
    struct xo_ndarray matrix;
    char sha256[65];
    size_t count;
    const char **name;
    struct xo_map_sheet *sheet;
    struct xo_arena arena;             /* names, sheets  */
};

/* ---- opening -------------------------------------------------------------------------------------- */

static bool is_matrix(const char *path)
{
    size_t length = strlen(path);
    return length > 4 && (!strcmp(path + length - 4, ".npy") || !strcmp(path + length - 4, ".csv"));
}

/* "dir/W.npy" -> "W" */
static int open_matrix(xo_map *m, const char *path, struct xo_info *info)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    int status = xo_ndarray_read(&m->matrix, path, info);
    if (status)
        return status;
    if (m->matrix.dimensions != 2 || !xo_ndarray_count(&m->matrix))
        return xo_fail(info, XO_ESHAPE, "%s: found %zu numbers in %zu dimensions; expected weights (inputs, outputs)",
                       path, xo_ndarray_count(&m->matrix), m->matrix.dimensions);
    m->count = 1;
    m->name = xo_arena_alloc(&m->arena, 1, sizeof *m->name);
    if (m->name)
        *m->name = xo_arena_text(&m->arena, base, strlen(base) - 4);
    return m->name && *m->name ? 0 : ENOMEM;
}

static int open_network(xo_map *m, const char *path, struct xo_info *info)
{
    int status = xo_network_read(&m->network, path, info);
    if (!status)
        status = xo_layers_find_for(&m->layers, &m->network->graph, m->hardware, info);
    if (status)
        return status;
    m->count = m->layers.count;
    if (!m->count)
        return xo_fail(info, XO_EVALUE, "%s: found no Conv, Gemm or MatMul with constant weights; expected some",
                       path);
    m->name = xo_arena_alloc(&m->arena, m->count, sizeof *m->name);
    if (!m->name)
        return ENOMEM;
    for (size_t k = 0; k < m->count; k++)
        m->name[k] = m->layers.layer[k].name;
    return 0;
}

int xo_map_open(xo_map **out, const struct xo_hardware *h, const char *model, struct xo_info *info)
{
    xo_map *m = xo_calloc(1, sizeof *m);
    int status;
    if (!m)
        return ENOMEM;
    m->hardware = h;
    status = is_matrix(model) ? open_matrix(m, model, info) : open_network(m, model, info);
    if (!status)
        status = xo_sha256_file(m->sha256, model, info);
    if (!status)
        status = xo_hardware_check_layers(h, m->count, m->name, info);
    if (!status && !(m->sheet = xo_arena_alloc(&m->arena, m->count, sizeof *m->sheet)))
        status = ENOMEM;
    if (status)
        xo_map_free(m);
    else
        *out = m;
    return status;
}

void xo_map_free(xo_map *m)
{
    if (!m)
        return;
    xo_layers_free(&m->layers);
    xo_network_free(m->network);
    xo_ndarray_free(&m->matrix);
    xo_arena_free(&m->arena);
    free(m);
}

size_t xo_map_count(const xo_map *m) { return m->count; }
const char *xo_map_sha256(const xo_map *m) { return m->sha256; }
const struct xo_map_sheet *xo_map_sheet(const xo_map *m, size_t layer) { return &m->sheet[layer]; }

/* ---- one layer ------------------------------------------------------------------------------------ */

/* What is at work: the layer, its hardware, its tiles. */
struct work {
    xo_map *map;
    xo_tiles_file *file;               /* NULL: only counted */
    int (*progress)(void *user, double fraction);
    void *user;
    double done, all;                  /* weights */
    struct xo_hardware hardware;
    struct xo_codes codes;
    struct xo_layout layout;
    uint16_t *digit;                   /* [rows][columns] */
    double *siemens;
    uint64_t *level_cells;
    struct xo_map_sheet *sheet;
    struct xo_info *info;
};

static int streams(const struct work *w, const struct xo_model_integers *integers, double low)
{
    struct xo_stream stream[XO_MAX_STREAMS];
    struct xo_input_code code;
    if (integers)
        code = xo_input_code_of_integers(integers);
    else if (xo_input_code_of(&code, &w->hardware.mapping, low, 1, NULL))
        return 0;                      /* one bit cannot be signed */
    return (int)xo_streams_of(stream, &code, &w->hardware.mapping, &w->hardware.dac);
}

/* Whatever is known before any array is filled. */
static int begin_sheet(struct work *w, const struct xo_layer *layer)
{
    struct xo_map_sheet *s = w->sheet;
    const struct xo_model_integers *integers = layer && layer->has_integers ? &layer->integers : NULL;
    struct xo_arena *arena = &w->map->arena;
    size_t levels = (size_t)1 << w->hardware.device.bits_per_cell;
    float *scale = xo_arena_alloc(arena, s->groups * s->outputs, sizeof *scale);
    double *siemens = xo_arena_alloc(arena, levels, sizeof *siemens);
    w->level_cells = xo_arena_alloc(arena, levels, sizeof *w->level_cells);
    if (!scale || !siemens || !w->level_cells)
        return ENOMEM;
    s->scales = s->groups * s->outputs;
    memcpy(scale, w->codes.weight_scale, s->scales * sizeof *scale);
    for (size_t d = 0; d < levels; d++)
        siemens[d] = xo_digit_siemens(&w->hardware, (uint16_t)d);
    s->matrices = w->codes.matrices;
    s->inputs = w->codes.matrix[0].inputs;
    s->outputs = w->codes.matrix[0].outputs;
    s->rows = w->hardware.array.rows;
    s->columns = w->hardware.array.columns;
    s->weight_bits = w->codes.bits;
    s->bits_per_cell = w->layout.bits_per_cell;
    s->slices = w->layout.slices;
    s->streams_unsigned = streams(w, integers, 0);
    s->streams_signed = streams(w, integers, -1);
    s->low = w->codes.low;
    s->high = w->codes.high;
    s->weight_scale = scale;
    s->levels = levels;
    s->level_siemens = siemens;
    s->level_cells = w->level_cells;
    s->empty_siemens = xo_digit_siemens(&w->hardware, XO_UNUSED);
    return 0;
}

static void take_array(struct work *w, const struct xo_code_matrix *m, size_t R, size_t C, size_t plane)
{
    size_t cells = w->sheet->rows * w->sheet->columns;
    xo_layout_digits(&w->layout, m, R, C, plane, w->digit);
    for (size_t k = 0; k < cells; k++)
        if (w->digit[k] == XO_UNUSED)
            w->sheet->empty_cells++;
        else
            w->level_cells[w->digit[k]]++;
    w->sheet->tiles++;
    w->sheet->cells += cells;
    if (!w->file)
        return;
    for (size_t k = 0; k < cells; k++)
        w->siemens[k] = w->digit[k] == XO_UNUSED ? w->sheet->empty_siemens : w->sheet->level_siemens[w->digit[k]];
    xo_tiles_array(w->file, &w->layout, R, C, plane, w->siemens);
}

static int take_matrix(struct work *w, size_t matrix)
{
    const struct xo_code_matrix *m = &w->codes.matrix[matrix];
    size_t row_blocks = xo_layout_row_blocks(&w->layout, m), column_blocks = xo_layout_column_blocks(&w->layout, m);
    double weights = (double)m->inputs * (double)m->block_outputs;
    if (w->file)
        xo_tiles_matrix(w->file, &w->codes, matrix);
    for (size_t R = 0; R < row_blocks; R++) {
        for (size_t C = 0; C < column_blocks; C++) {
            if (!xo_layout_block_used(&w->layout, m, R, C))
                continue;
            w->sheet->blocks++;
            for (size_t plane = 0; plane < w->layout.planes; plane++)
                take_array(w, m, R, C, plane);
        }
        if (w->file && xo_tiles_failed(w->file))
            return XO_ESTOPPED;        /* commit says why */
        if (w->progress && w->progress(w->user, (w->done + weights * (double)(R + 1) / (double)row_blocks) / w->all))
            return xo_fail(w->info, XO_ESTOPPED, "stopped");
    }
    w->done += weights;
    return 0;
}

static int fill(struct work *w, const struct xo_layer *layer)
{
    size_t cells = w->hardware.array.rows * w->hardware.array.columns;
    bool pairs = w->hardware.mapping.sign == XO_SIGN_DIFFERENTIAL;
    int status = begin_sheet(w, layer);
    w->digit = xo_calloc(cells, sizeof *w->digit);
    w->siemens = xo_calloc(w->file ? cells : 1, sizeof *w->siemens);
    if (!w->digit || !w->siemens)
        status = ENOMEM;
    if (!status && w->file)
        xo_tiles_layer(w->file, &w->codes, &w->layout);
    for (size_t k = 0; k < w->codes.matrices && !status; k++) {
        const struct xo_code_matrix *m = &w->codes.matrix[k];
        w->sheet->used_cells += (uint64_t)m->inputs * m->block_outputs * (uint64_t)w->layout.slices * (1 + pairs);
        status = take_matrix(w, k);
    }
    free(w->digit);
    free(w->siemens);
    return status;
}

static int lay_out(struct work *w, size_t k)
{
    const struct xo_layer *layer = w->map->network ? &w->map->layers.layer[k] : NULL;
    const struct xo_ndarray *matrix = &w->map->matrix;
    int status = layer ? xo_codes_new(&w->codes, layer, &w->hardware.mapping, w->info)
                       : xo_codes_of_matrix(&w->codes, w->map->name[k], matrix->shape[0], matrix->shape[1],
                                            matrix->value, &w->hardware.mapping, w->info);
    if (status)
        return status;
    status = xo_layout_new(&w->layout, &w->hardware, &w->codes, w->info);
    if (!status) {
        status = fill(w, layer);
        xo_layout_free(&w->layout);
    }
    xo_codes_free(&w->codes);
    return status;
}

static int take_layer(struct work *w, size_t k)
{
    const struct xo_layer *layer = w->map->network ? &w->map->layers.layer[k] : NULL;
    const size_t *shape = w->map->matrix.shape;
    bool keep;
    int status = xo_hardware_for_layer(&w->hardware, w->map->hardware, w->map->name[k], &keep, w->info);
    if (status)
        return status;
    w->sheet = &w->map->sheet[k];
    *w->sheet = (struct xo_map_sheet){
        .name = w->map->name[k], .groups = layer ? layer->groups : 1, .inputs = layer ? layer->inputs : shape[0],
        .outputs = layer ? layer->outputs : shape[1],
        .digital = layer ? xo_layer_stays_digital(layer, &w->hardware.mapping, keep) : keep,
    };
    w->sheet->matrices = w->sheet->groups;
    if (!w->sheet->digital)
        status = lay_out(w, k);
    xo_hardware_free(&w->hardware);
    return status;
}

/* ---- all of them ---------------------------------------------------------------------------------- */

static double count_weights(const xo_map *m)
{
    double all = m->network ? 0 : (double)xo_ndarray_count(&m->matrix);
    for (size_t k = 0; k < m->layers.count; k++)
        all += (double)m->layers.layer[k].groups * (double)m->layers.layer[k].inputs
               * (double)m->layers.layer[k].outputs;
    return all;
}

int xo_map_run(xo_map *m, const char *tiles, int (*progress)(void *user, double fraction), void *user,
               struct xo_info *info)
{
    struct work w = { .map = m, .progress = progress, .user = user, .all = count_weights(m), .info = info };
    int status = tiles ? xo_tiles_create(&w.file, tiles, m->hardware, m->sha256, info) : 0;
    for (size_t k = 0; k < m->count && !status; k++)
        status = take_layer(&w, k);
    if (w.file && (!status || xo_tiles_failed(w.file)))
        return xo_tiles_commit(w.file, info);
    xo_tiles_abandon(w.file);
    return status;
}
