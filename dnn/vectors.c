/* Some inputs of the calibration images, for the gain to be measured with.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "engine_private.h"
#include "memory.h"
#include "random.h"

int xo_vectors_new(struct xo_vectors *c, size_t wanted, size_t inputs)
{
    *c = (struct xo_vectors){ .wanted = wanted, .inputs = inputs, .vector = xo_calloc(wanted, sizeof *c->vector) };
    return c->vector ? 0 : ENOMEM;
}

void xo_vectors_free(struct xo_vectors *c)
{
    for (size_t k = 0; c->vector && k < c->kept; k++)
        free(c->vector[k].digit);
    free(c->vector);
}

/* Every image offers as many vectors as are wanted, at random places and streams and with random priorities; the
 * lowest priorities win.  So they are the same however images come. */
static bool is_before(const struct xo_vector *a, const struct xo_vector *b)
{
    return a->priority < b->priority || (a->priority == b->priority && a->place < b->place);
}

static void sink(struct xo_vector *heap, size_t count)
{
    for (size_t k = 0, child; (child = 2 * k + 1) < count; k = child) {
        if (child + 1 < count && is_before(&heap[child], &heap[child + 1]))
            child++;
        if (!is_before(&heap[k], &heap[child]))
            return;
        struct xo_vector kept = heap[k];
        heap[k] = heap[child];
        heap[child] = kept;
    }
}

static void rise(struct xo_vector *heap, size_t k)
{
    for (; k && is_before(&heap[(k - 1) / 2], &heap[k]); k = (k - 1) / 2) {
        struct xo_vector kept = heap[k];
        heap[k] = heap[(k - 1) / 2];
        heap[(k - 1) / 2] = kept;
    }
}

/* Room for this vector's digits, if it is among the first; *digit NULL: it is not. */
static int keep_vector(struct xo_vectors *c, double priority, uint64_t place, uint16_t **digit)
{
    struct xo_vector v = { priority, place, NULL };
    *digit = NULL;
    if (c->kept == c->wanted) {
        if (!is_before(&v, &c->vector[0]))
            return 0;
        v.digit = *digit = c->vector[0].digit;
        c->vector[0] = v;
        sink(c->vector, c->kept);
        return 0;
    }
    v.digit = *digit = xo_calloc(c->inputs, sizeof **digit);
    if (!v.digit)
        return ENOMEM;
    c->vector[c->kept] = v;
    rise(c->vector, c->kept++);
    return 0;
}

int xo_vectors_offer(struct xo_vectors *c, struct xo_engine_thread *t, const struct xo_array_layer *l,
                     const struct xo_view *v, const struct xo_patches *p)
{
    size_t first = p->first / v->positions, last = (p->first + p->count - 1) / v->positions;
    for (size_t image = first; image <= last; image++)
        for (size_t n = 0; n < c->wanted; n++) {
            uint64_t place = (t->first_image + image) * c->wanted + n;
            struct xo_random_key key = { l->hardware->seed, XO_FOR_GAIN_INPUTS, l->number, place };
            size_t at = xo_random_below(key, (uint32_t)v->positions) + image * v->positions;
            uint16_t *digit;
            if (at < p->first || at >= p->first + p->count)
                continue;
            key.instance |= (uint64_t)1 << 40;
            size_t stream = xo_random_below(key, (uint32_t)l->array.streams);
            key.instance ^= (uint64_t)3 << 40;
            int status = keep_vector(c, xo_random_uniform(key), place, &digit);
            if (status)
                return status;
            if (digit)
                xo_unpack_digits(digit, l, &l->array.stream[stream], p, at - p->first, 0, c->inputs);
        }
    return 0;
}

int xo_vectors_merge(struct xo_vectors *to, const struct xo_vectors *from)
{
    for (size_t n = 0; n < from->kept; n++) {
        uint16_t *digit;
        int status = keep_vector(to, from->vector[n].priority, from->vector[n].place, &digit);
        if (status)
            return status;
        if (digit)
            memcpy(digit, from->vector[n].digit, to->inputs * sizeof *digit);
    }
    return 0;
}

static int by_place(const void *a, const void *b)
{
    uint64_t x = ((const struct xo_vector *)a)->place, y = ((const struct xo_vector *)b)->place;
    return (x > y) - (x < y);
}

void xo_vectors_sort(struct xo_vectors *c)
{
    qsort(c->vector, c->kept, sizeof *c->vector, by_place);
}
