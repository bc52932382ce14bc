/* A network's logits: images in blocks of fixed size, blocks among threads.  The last block is filled up with zeros, so that
 * an image's logits depend neither on the number of threads nor on how many images came along.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <string.h>
#include "memory.h"
#include "network.h"
#include "run.h"

/* Images in a block: few enough that what flows between nodes stays in the cache.  A network with a fixed batch takes its own
 * number. */
static size_t block_of(size_t numbers)
{
    size_t images = numbers ? ((size_t)1 << 16) / numbers : 1;
    return images < 1 ? 1 : images < 8 ? images : 8;
}

struct forward {
    const struct xo_graph *graph;
    size_t images, dimensions, numbers, block;
    const size_t *shape;
    const float *image;
    float *logits;                     /* [images][outputs] */
    size_t outputs;
    struct xo_info *info;
    int status;                        /* of the first block that failed: the same for any number of threads */
    size_t failed;
};

/* One thread's. */
struct lane {
    xo_run *run;
    float *image, *logits;             /* of a block that is not full */
    struct xo_info info;
};

static int open_lane(struct lane *lane, const struct forward *f)
{
    int status = xo_run_new(&lane->run, f->graph, NULL, f->block, f->dimensions, f->shape, &lane->info);
    if (status)
        return status;
    lane->image = xo_calloc(f->block * f->numbers, sizeof *lane->image);
    lane->logits = xo_calloc(f->block * xo_run_outputs(lane->run), sizeof *lane->logits);
    return lane->image && lane->logits ? 0 : ENOMEM;
}

static void close_lane(struct lane *lane)
{
    xo_run_free(lane->run);
    free(lane->image);
    free(lane->logits);
}

static int run_block(struct lane *lane, const struct forward *f, size_t first)
{
    size_t count = f->images - first < f->block ? f->images - first : f->block;
    const float *image = f->image + first * f->numbers;
    int status;
    if (count == f->block)
        return xo_run_forward(lane->run, image, f->logits + first * f->outputs, NULL, &lane->info);
    memset(lane->image, 0, f->block * f->numbers * sizeof *lane->image);
    memcpy(lane->image, image, count * f->numbers * sizeof *image);
    status = xo_run_forward(lane->run, lane->image, lane->logits, NULL, &lane->info);
    if (!status)
        memcpy(f->logits + first * f->outputs, lane->logits, count * f->outputs * sizeof *lane->logits);
    return status;
}

static void note_failure(struct forward *f, size_t block, int status, const struct xo_info *info)
{
    if (f->status && f->failed <= block)
        return;
    f->status = status;
    f->failed = block;
    if (f->info)
        *f->info = *info;
}

/* Blocks are dealt out in turn; each thread opens its lane inside, where oneDNN works serially. */
static void run_blocks(struct forward *f, struct lane *lanes, int threads)
{
    size_t blocks = (f->images + f->block - 1) / f->block;
#pragma omp parallel for schedule(static, 1) num_threads(threads)
    for (int t = 0; t < threads; t++) {
        int status = lanes[t].run ? 0 : open_lane(&lanes[t], f);
        for (size_t b = (size_t)t; !status && b < blocks; b += (size_t)threads) {
            status = run_block(&lanes[t], f, b * f->block);
            if (status) {
#pragma omp critical(xo_forward)
                note_failure(f, b, status, &lanes[t].info);
            }
        }
        if (status && !lanes[t].logits) {
#pragma omp critical(xo_forward)
            note_failure(f, 0, status, &lanes[t].info);
        }
    }
}

static int forward(struct forward *f, int threads, float **logits)
{
    size_t blocks = (f->images + f->block - 1) / f->block;
    size_t lanes = threads < 1 ? 1 : (size_t)threads > blocks && blocks ? blocks : (size_t)threads;
    struct lane *lane = xo_calloc(lanes, sizeof *lane);
    int status = lane ? open_lane(&lane[0], f) : ENOMEM;
    if (lane && status)
        note_failure(f, 0, status, &lane[0].info);
    if (!status) {
        f->outputs = xo_run_outputs(lane[0].run);
        f->logits = xo_calloc(f->images, f->outputs * sizeof *f->logits);
        status = f->logits ? 0 : ENOMEM;
    }
    if (!status) {
        run_blocks(f, lane, (int)lanes);
        status = f->status;
    }
    for (size_t k = 0; lane && k < lanes; k++)
        close_lane(&lane[k]);
    free(lane);
    if (status)
        free(f->logits);
    else
        *logits = f->logits;
    return status;
}

int xo_network_forward(const xo_network *n, size_t images, size_t dimensions, const size_t *shape, const float *image,
                       int threads, float **logits, size_t *classes, struct xo_info *info)
{
    struct forward f = { .graph = &n->graph, .images = images, .dimensions = dimensions, .shape = shape, .image = image,
                         .numbers = 1, .info = info };
    int status;
    for (size_t k = 0; k < dimensions; k++)
        f.numbers *= shape[k];
    f.block = xo_run_images(&n->graph, block_of(f.numbers));
    status = forward(&f, threads, logits);
    if (!status)
        *classes = f.outputs;
    return status;
}
