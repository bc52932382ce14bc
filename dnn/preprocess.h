/* What is done to pixels, from the inside: read in preprocess_read.c, applied in preprocess.c.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_PREPROCESS_H
#define XO_PREPROCESS_H

#include <stdbool.h>
#include "picture.h"
#include "xo_data.h"

enum xo_size_rule {
    XO_SIZE_NONE,                      /* leave it                                                            */
    XO_SIZE_NETWORK,                   /* what the network declares                                           */
    XO_SIZE_SHORTER,                   /* resize: the shorter side becomes height; crop: height x height      */
    XO_SIZE_EXACT,                     /* height x width                                                      */
    XO_SIZE_NETWORK_OVER               /* resize: the shorter side becomes floor(network's shorter / share),  */
};                                     /* unless the image has the network's size already                     */
struct xo_size { enum xo_size_rule rule; size_t height, width; double share; };

enum xo_layout_rule { XO_LAYOUT_NETWORK, XO_LAYOUT_NCHW, XO_LAYOUT_NHWC };
enum xo_order { XO_ORDER_RGB, XO_ORDER_BGR, XO_ORDER_GREY };

/* One number for all channels, or three.  In the order of the output's channels. */
struct xo_per_channel { size_t count; double value[3]; };

struct xo_preprocess {
    struct xo_size resize, crop;
    enum xo_layout_rule layout;
    enum xo_order order;
    struct xo_per_channel scale, mean, std;
    bool has_label_offset;
    int32_t label_offset;
    char text[512];                    /* all of it as YAML in one line */
};

/* The preset "raw" without its text: what the keys are when nothing is written. */
extern const struct xo_preprocess xo_preprocess_default;

/* From YAML text; origin names it in messages.  The same as xo_preprocess_new. */
int xo_preprocess_parse(xo_preprocess **out, const char *yaml, size_t nbytes, const char *origin,
                        struct xo_info *info);

/* As xo_data_shape and xo_data_images, for one picture; `stored` is how many dimensions it has where it comes from.
 * */
int xo_preprocess_shape(const xo_preprocess *p, const struct xo_picture *in, size_t stored, size_t wanted_dimensions,
                        const size_t *wanted, size_t *dimensions, size_t shape[8], struct xo_info *info);
int xo_preprocess_apply(const xo_preprocess *p, const struct xo_picture *in, size_t dimensions, const size_t *shape,
                        float *image, struct xo_info *info);

#endif
