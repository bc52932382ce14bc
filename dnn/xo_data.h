/* Images and labels: IDX (MNIST), CIFAR binary, .npy, folders of JPEG and PNG; and what is done to pixels before a
 * network sees them.  gzip is understood everywhere.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_DATA_H
#define XO_DATA_H

#include <stddef.h>
#include <stdint.h>
#include "xo_status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct xo_data xo_data;

/* Open what a specification names: idx:IMAGES,LABELS | cifar10:FILE | npy:IMAGES,LABELS | images:DIR,LABELS.csv, each
 * optionally with @from:to behind it (images from..to-1): crossohm-preprocess(5).  Every length is checked against
 * what the headers announce before memory is asked for.  Only the split is kept, bytes as bytes (npy:
 * floats as float32); a folder's pictures are decoded each time they are asked for.
 * XO_ESYNTAX, XO_EVALUE, XO_ESHAPE (images and labels of different number), XO_EUNSUPPORTED (a type or kind that is
 * named), XO_ETOOBIG, errno, ENOMEM.  On failure *out is untouched. */
int xo_data_open(xo_data **out, const char *specification, struct xo_info *info);
void xo_data_free(xo_data *d);

size_t xo_data_count(const xo_data *d);                     /* images in the split                                */
size_t xo_data_first(const xo_data *d);                     /* number of the first one in the whole set           */
const char *xo_data_specification(const xo_data *d);
const int32_t *xo_data_label(const xo_data *d);             /* [count]                                            */
/* XO_EVALUE names the first label outside 0..classes-1. */
int xo_data_check_labels(const xo_data *d, size_t classes, struct xo_info *info);
/* SHA-256 of the files behind it, for provenance: of one file its own; of several that of their sums, a line each
 * (`sha256sum FILES | cut -c1-64 | sha256sum`), in the order of the specification, a folder as its list, then the
 * images of the split.  hex[65] */
int xo_data_sha256(const xo_data *d, char hex[65], struct xo_info *info);

/* What happens to pixels: a preset's name (raw, unit, imagenet, caffe, tf) or a YAML file (resize, crop, layout,
 * order, scale, mean, std, label_offset: crossohm-preprocess(5)); NULL: raw.  In float32 y = (x*scale - mean)/std. */
typedef struct xo_preprocess xo_preprocess;
int xo_preprocess_new(xo_preprocess **out, const char *name_or_file, struct xo_info *info);
void xo_preprocess_free(xo_preprocess *p);
const char *xo_preprocess_text(const xo_preprocess *p);     /* all keys as YAML in one line: for reports */

/* What to add to a label to get the network's output: the key label_offset if it was written; else 1 if the network
 * has 1,001 outputs (output 0 is then "background", as in MobileNet) and no label is above 999; else 0.  p NULL: raw.
 * */
int32_t xo_data_label_offset(const xo_data *d, const xo_preprocess *p, size_t classes);

/* Shape of an image after preprocessing, for a network that wants `wanted` (its declared image shape;
 * wanted_dimensions 0: whatever comes).  A grey 28 x 28 image serves (1, 28, 28), (28, 28) and (784) alike.  shape[8]
 * out. */
int xo_data_shape(const xo_data *d, const xo_preprocess *p, size_t wanted_dimensions, const size_t *wanted,
                  size_t *dimensions, size_t shape[8], struct xo_info *info);

/* Images first..first+count-1 of the split, preprocessed: image [count][product(shape)].  Threads may call at once.
 * */
int xo_data_images(xo_data *d, const xo_preprocess *p, size_t dimensions, const size_t *shape, size_t first,
                   size_t count, float *image, struct xo_info *info);

#ifdef __cplusplus
}
#endif
#endif
