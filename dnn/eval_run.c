/* Every scored image through every pass, in blocks; finished blocks go to the checkpoint.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "eval.h"
#include "memory.h"
#include "xo_file.h"

struct running {
    struct xo_eval *e;
    xo_engine_thread **thread;         /* [threads][passes]; NULL for fp32 */
    double *seconds;                   /* [threads][passes]                */
    xo_checkpoint *checkpoint;
};

static void judge(struct xo_eval *e, size_t p, size_t k, const float *logits)
{
    struct xo_eval_pass *pass = &e->pass[p];
    size_t classes = e->result.classes, best = 0, above = 0;
    size_t right = (size_t)(e->label[k] + e->result.label_offset);
    for (size_t c = 1; c < classes; c++)
        if (logits[c] > logits[best])
            best = c;
    for (size_t c = 0; c < classes; c++)               /* of equal logits the first wins */
        above += logits[c] > logits[right] || (logits[c] == logits[right] && c < right);
    pass->prediction[k] = (int32_t)best - e->result.label_offset;
    pass->hit[k] = best == right;
    pass->top5[k] = above < 5;
    if (pass->logits)
        memcpy(pass->logits + k * classes, logits, classes * sizeof *logits);
}

static int run_pass(struct running *r, size_t p, xo_engine_thread *t, xo_run *run, size_t block, size_t first,
                    size_t images, const float *image, float *logits, struct xo_info *info)
{
    struct xo_eval *e = r->e;
    struct xo_layer_hook hook;
    size_t layers = e->layers.count;
    double before = omp_get_wtime();
    if (t) {
        xo_engine_thread_image(t, first);
        hook = xo_engine_hook(t);
    }
    int status = xo_run_forward(run, image, logits, t ? &hook : NULL, info);
    if (status)
        return status;
    if (t)
        memcpy(e->block_count + (block * e->result.passes + p) * layers, xo_engine_thread_counts(t),
               layers * sizeof *e->block_count);
    for (size_t k = 0; k < images; k++)
        judge(e, p, first + k, logits + k * e->result.classes);
    r->seconds[(size_t)omp_get_thread_num() * e->result.passes + p] += omp_get_wtime() - before;
    return 0;
}

/* What is no different is not run twice. */
static void repeat_pass(struct xo_eval *e, size_t p, size_t block, size_t first, size_t images)
{
    struct xo_eval_pass *to = &e->pass[p];
    const struct xo_eval_pass *from = &e->pass[e->same[p]];
    size_t layers = e->layers.count, classes = e->result.classes;
    struct xo_layer_counts *count = e->block_count + block * e->result.passes * layers;
    memcpy(to->prediction + first, from->prediction + first, images * sizeof *to->prediction);
    memcpy(to->hit + first, from->hit + first, images);
    memcpy(to->top5 + first, from->top5 + first, images);
    memcpy(count + p * layers, count + e->same[p] * layers, layers * sizeof *count);
    if (to->logits)
        memcpy(to->logits + first * classes, from->logits + first * classes, images * classes * sizeof *to->logits);
}

static int run_block(void *user, size_t thread, xo_run *run, size_t block, size_t first, size_t images,
                     const float *image, struct xo_info *info)
{
    struct running *r = user;
    struct xo_eval *e = r->e;
    float *logits = xo_calloc(images * e->result.classes, sizeof *logits);
    int status = logits ? 0 : ENOMEM;
    for (size_t p = 0; p < e->result.passes && !status; p++)
        if (e->same[p] != p)
            repeat_pass(e, p, block, first, images);
        else
            status = run_pass(r, p, r->thread[thread * e->result.passes + p], run, block, first, images, image,
                              logits, info);
    free(logits);
    if (status)
        return status;
    #pragma omp critical(xo_eval_checkpoint)
    {
        if (r->checkpoint)
            status = xo_checkpoint_add(r->checkpoint, e, block, info);
        e->block_done[block] = 1;
    }
    return status;
}

static bool is_done(void *user, size_t block)
{
    const struct running *r = user;
    return r->e->block_done[block];
}

/* Blocks in their order, so that sums of fractions are the same however they were worked on. */
static void add_up(struct xo_eval *e)
{
    size_t layers = e->layers.count;
    for (size_t p = 0; p < e->result.passes; p++) {
        struct xo_eval_pass *pass = &e->pass[p];
        pass->hits = pass->top5_hits = 0;
        for (size_t k = 0; k < e->scored.count; k++) {
            pass->hits += pass->hit[k];
            pass->top5_hits += pass->top5[k];
        }
        for (size_t n = 0; n < layers; n++) {
            struct xo_layer_counts sum = {0};
            for (size_t b = 0; b < e->blocks; b++) {
                const struct xo_layer_counts *c = &e->block_count[(b * e->result.passes + p) * layers + n];
                sum.conversions += c->conversions;
                sum.clipped += c->clipped;
                sum.flipped += c->flipped;
                sum.error_square += c->error_square;
                sum.signal_square += c->signal_square;
            }
            pass->count[n] = (struct xo_eval_count){
                sum.conversions, sum.clipped, sum.flipped,
                sum.signal_square > 0 ? sqrt(sum.error_square / sum.signal_square) : 0
            };
        }
    }
}

/* Of numbers that the hardware takes from files. */
static int hash_files(char hex[65], const struct xo_eval *e)
{
    char *bytes = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&bytes, &size);
    for (size_t k = 0; to && k < e->layers.count; k++) {
        const struct xo_crossbar *x = &e->own_hardware[k].array;
        size_t m = x->rows, n = x->columns;
        bool row = x->topology == XO_TOPOLOGY_SOURCE_ROW;
        const struct { const struct xo_values *of; size_t count; } values[] = {
            {&x->row_wire_ohm, m * (n - 1)}, {&x->column_wire_ohm, (m - 1) * n}, {&x->driver_ohm, m},
            {&x->source_wire_ohm, row ? m * (n - 1) : (m - 1) * n}, {&x->source_end_ohm, row ? m : n},
            {&x->sense_ohm, n}, {&x->sense_volt, n}, {&x->series_ohm, m * n},
            {&e->own_hardware[k].cell_faults.map, m * n}};
        for (size_t v = 0; v < sizeof values / sizeof *values; v++)
            if (values[v].of->each)
                fwrite(values[v].of->each, sizeof(double), values[v].count, to);
    }
    int status = !to || fclose(to) ? ENOMEM : 0;
    if (!status)
        xo_sha256_hex(hex, bytes, size);
    free(bytes);
    return status;
}

/* What decides the results; solved conductances depend on the instructions in their last digits. */
static int find_key(char key[65], const struct xo_eval *e, struct xo_info *info)
{
    const struct xo_eval_request *r = &e->request;
    char *hardware = NULL, *text = NULL, data[65], calibrate[65] = "none", files[65];
    int status = xo_hardware_print(&hardware, r->hardware);
    if (!status)
        status = hash_files(files, e);
    if (!status)
        status = xo_data_sha256(r->data, data, info);
    if (!status && r->calibrate)
        status = xo_data_sha256(r->calibrate, calibrate, info);
    if (!status && asprintf(&text, "%s %s\n%s\n%s\n%s\n%s %zu %zu\n%s %zu %zu\n%s\n%d %d %d %zu %zu %zu\n",
                            PACKAGE_VERSION, xo_simd_name(r->simd == XO_SIMD_BEST ? xo_simd_best() : r->simd),
                            hardware, files, xo_network_sha256(r->network), data, xo_data_first(r->data),
                            e->scored.count, calibrate, r->calibrate ? xo_data_first(r->calibrate) : 0,
                            e->calibration.count, xo_preprocess_text(r->preprocess), r->every_gain, r->keep_logits,
                            r->in_float32, r->instances, e->block_images, e->result.passes) < 0)
        status = ENOMEM;
    if (!status)
        xo_sha256_hex(key, text, strlen(text));
    free(hardware);
    free(text);
    return status;
}

static enum xo_stage stage_of(const struct xo_eval_pass *p)
{
    return p->stage == XO_EVAL_VARIATION ? XO_STAGE_CIRCUIT :
           p->stage == XO_EVAL_ANALOG ? XO_STAGE_ANALOG : (enum xo_stage)p->stage;
}

static int make_threads(struct running *r, struct xo_info *info)
{
    struct xo_eval *e = r->e;
    size_t passes = e->result.passes;
    r->thread = xo_calloc(e->threads * passes, sizeof *r->thread);
    r->seconds = xo_calloc(e->threads * passes, sizeof *r->seconds);
    int status = r->thread && r->seconds ? 0 : ENOMEM;
    for (size_t k = 0; k < e->threads * passes && !status; k++)
        if (e->pass[k % passes].stage != XO_EVAL_FP32 && e->same[k % passes] == k % passes)
            status = xo_engine_thread_new(&r->thread[k], xo_eval_engine_of(e, k % passes),
                                          stage_of(&e->pass[k % passes]), info);
    return status;
}

int xo_eval_run(struct xo_eval *e, struct xo_info *info)
{
    struct running r = {.e = e};
    const struct xo_eval_work work = {.block = run_block, .skip = is_done, .user = &r, .phase = XO_EVAL_IMAGES};
    char key[65];
    int status = e->request.checkpoint ? find_key(key, e, info) : 0;
    if (!status && e->request.checkpoint)
        status = xo_checkpoint_open(&r.checkpoint, e, key, info);
    if (!status)
        status = make_threads(&r, info);
    if (!status)
        status = xo_eval_for_blocks(e, &e->scored, &work, info);
    if (!status)
        add_up(e);
    for (size_t k = 0; r.thread && k < e->threads * e->result.passes; k++)
        xo_engine_thread_free(r.thread[k]);
    for (size_t k = 0; r.seconds && k < e->threads * e->result.passes; k++)
        e->pass[k % e->result.passes].seconds += r.seconds[k];
    free(r.thread);
    free(r.seconds);
    xo_checkpoint_close(r.checkpoint);
    return status;
}
