/* What the parts of the evaluation share; private to dnn/.
 *     eval.c              xo_eval_new: layers with their hardware, room for the result
 *     eval_images.c       which images are scored, which calibrate
 *     eval_passes.c       which ways the network is run, and the engine of each
 *     eval_run.c          xo_eval_run: every image through every pass
 *     eval_blocks.c       images in blocks through threads, in an order that decides nothing
 *     eval_ranges.c       input ranges: extremes, or exact percentiles in two rounds
 *     eval_checkpoint.c   finished blocks on disk
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_DNN_EVAL_H
#define XO_DNN_EVAL_H

#include <stdbool.h>
#include "engine.h"
#include "xo_eval.h"

enum { XO_EVAL_BLOCK = 8 };

/* Some images of a data set, in their order. */
struct xo_eval_images {
    xo_data *data;
    size_t count;
    const size_t *index;               /* [count] within the split */
};

/* Work on one block of images; thread says whose scratch to use.  block counts from 0. */
struct xo_eval_work {
    int (*block)(void *user, size_t thread, xo_run *run, size_t block, size_t first, size_t images,
                 const float *image, struct xo_info *info);
    bool (*skip)(void *user, size_t block);     /* NULL: none; a skipped block counts as done */
    void *user;
    enum xo_eval_phase phase;
};

struct xo_eval {
    struct xo_eval_request request;
    const struct xo_graph *graph;
    struct xo_layers layers;
    struct xo_hardware *own_hardware;           /* [layers] with their overrides          */
    const struct xo_hardware **hardware;        /* [layers] NULL: digital                 */
    struct xo_layer_range *range;               /* [layers]                               */
    size_t dimensions, shape[XO_MAX_RANK];      /* of an image                            */
    size_t pixels;                              /* numbers in it                          */
    size_t block_images;                        /* in a block: XO_EVAL_BLOCK or what the file says */
    size_t threads, blocks;
    struct xo_eval_images scored, calibration;
    size_t *scored_index, *calibration_index;
    struct xo_eval_engine {
        xo_engine_dnn *dnn;                     /* of the pass's stage and gain           */
        struct xo_hardware *copy;               /* [layers] with another gain; or NULL    */
        const struct xo_hardware **hardware;    /* [layers] of them                       */
    } *engine;                                  /* [passes] dnn NULL: see xo_eval_engine_of */
    struct xo_eval_result result;
    struct xo_eval_pass *pass;                  /* [passes]                               */
    size_t *same;                               /* [passes] the pass whose results these are too */
    struct xo_eval_layer *layer;
    struct xo_eval_current_error *current_error;       /* [layers] of an audit            */
    int32_t *label;
    size_t *number;
    struct xo_layer_counts *block_count;        /* [blocks][passes][layers]               */
    unsigned char *block_done;                  /* [blocks]                               */
};

/* What a pass runs on; the circuit's where it is analog; the converters' where the circuit repeats them.  NULL for
 * fp32. */
xo_engine_dnn *xo_eval_engine_of(const struct xo_eval *e, size_t pass);

int xo_eval_for_blocks(struct xo_eval *e, const struct xo_eval_images *images, const struct xo_eval_work *work,
                       struct xo_info *info);

/* Of a data set what is scored and what calibrates; the shape of an image. */
int xo_eval_choose_images(struct xo_eval *e, struct xo_info *info);

/* The passes in the order in which they run, and then, for each, an engine with its ranges and gains. */
int xo_eval_choose_passes(struct xo_eval *e, struct xo_info *info);
int xo_eval_check_audit(const struct xo_eval *e, struct xo_info *info);     /* of images */
int xo_eval_calibrate(struct xo_eval *e, struct xo_info *info);

/* Fill in e->range. */
int xo_eval_input_ranges(struct xo_eval *e, struct xo_info *info);

/* Blocks on disk.  key: what decides the results, as 64 digits. */
typedef struct xo_checkpoint xo_checkpoint;
int xo_checkpoint_open(xo_checkpoint **out, struct xo_eval *e, const char key[65], struct xo_info *info);
int xo_checkpoint_add(xo_checkpoint *c, const struct xo_eval *e, size_t block, struct xo_info *info);
void xo_checkpoint_close(xo_checkpoint *c);     /* NULL allowed */

#endif
