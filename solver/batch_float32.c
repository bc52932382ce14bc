/* Star-mesh elimination by lanes, in float32.  SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#define real float
#define XO_SINGLE 1
#define KERNEL xo_batch_float32
#include "batch_kernel.inc"
