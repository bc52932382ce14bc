/* Star-mesh elimination by lanes, in float64.  SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#define real double
#define XO_SINGLE 0
#define KERNEL xo_batch_float64
#include "batch_kernel.inc"
