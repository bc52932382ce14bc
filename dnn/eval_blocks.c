/* Images in blocks through threads.  A block is always the same images, whoever works on it.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include "eval.h"
#include "memory.h"

struct crew {
    struct xo_eval *e;
    const struct xo_eval_images *images;
    const struct xo_eval_work *work;
    size_t blocks, next, done;         /* under the lock */
    int status;                        /* of the first that failed */
    struct xo_info info;
};

/* What one thread needs; the last block may be a smaller one. */
struct member {
    xo_run *run, *last_run;
    float *image;
};

static size_t block_size(const struct crew *c, size_t block)
{
    size_t first = block * c->e->block_images, left = c->images->count - first;
    return left < c->e->block_images ? left : c->e->block_images;
}

/* Consecutive images are read in one go. */
static int read_images(const struct crew *c, size_t first, size_t count, float *image, struct xo_info *info)
{
    const struct xo_eval *e = c->e;
    const size_t *index = c->images->index + first;
    int status = 0;
    for (size_t k = 0, run = 1; k < count && !status; k += run) {
        for (run = 1; k + run < count && index[k + run] == index[k] + run; run++)
            ;
        status = xo_data_images(c->images->data, e->request.preprocess, e->dimensions, e->shape, index[k], run,
                                image + k * e->pixels, info);
    }
    return status;
}

/* A forward pass for so many images, made when first wanted. */
static int find_run(xo_run **out, struct member *m, struct xo_eval *e, size_t images, struct xo_info *info)
{
    xo_run **run = images == e->block_images ? &m->run : &m->last_run;
    int status = 0;
    if (!*run)
        status = xo_run_new(run, e->graph, &e->layers, images, e->dimensions, e->shape, info);
    *out = *run;
    return status;
}

static int work_on(struct crew *c, struct member *m, size_t thread, size_t block, struct xo_info *info)
{
    size_t first = block * c->e->block_images, images = block_size(c, block);
    xo_run *run = NULL;
    if (!m->image)
        m->image = xo_calloc(c->e->block_images * c->e->pixels, sizeof *m->image);
    if (!m->image)
        return ENOMEM;
    int status = read_images(c, first, images, m->image, info);
    if (!status)
        status = find_run(&run, m, c->e, images, info);
    if (!status)
        status = c->work->block(c->work->user, thread, run, block, first, images, m->image, info);
    return status;
}

static void fail(struct crew *c, int status, const struct xo_info *info)
{
    if (!c->status && info)
        c->info = *info;
    if (!c->status)
        c->status = status;
}

/* Under the lock: count, tell, and say which block comes next; false: none. */
static bool take(struct crew *c, size_t *block)
{
    const struct xo_eval_request *r = &c->e->request;
    while (!c->status && c->next < c->blocks && c->work->skip && c->work->skip(c->work->user, c->next)) {
        c->done += block_size(c, c->next);
        c->next++;
    }
    if (!c->status && r->progress && r->progress(r->user, c->work->phase, c->done, c->images->count))
        fail(c, XO_ESTOPPED, NULL);
    if (c->status || c->next == c->blocks)
        return false;
    *block = c->next++;
    return true;
}

/* One thread's share.  Libraries below must not open teams of their own. */
static void toil(struct crew *c)
{
    struct member m = {0};
    struct xo_info info = {""};
    size_t block, thread = (size_t)omp_get_thread_num();
    bool more;
    omp_set_num_threads(1);
    #pragma omp critical(xo_eval_crew)
    more = take(c, &block);
    while (more) {
        info.text[0] = '\0';
        int status = work_on(c, &m, thread, block, &info);
        #pragma omp critical(xo_eval_crew)
        {
            if (status)
                fail(c, status, &info);
            else
                c->done += block_size(c, block);
            more = take(c, &block);
        }
    }
    xo_run_free(m.run);
    xo_run_free(m.last_run);
    free(m.image);
}

int xo_eval_for_blocks(struct xo_eval *e, const struct xo_eval_images *images, const struct xo_eval_work *work,
                       struct xo_info *info)
{
    struct crew c = {.e = e, .images = images, .work = work,
                     .blocks = (images->count + e->block_images - 1) / e->block_images};
    #pragma omp parallel num_threads((int)e->threads)
    toil(&c);
    if (c.status && info)
        *info = c.info;
    return c.status;
}
