/* Which values of a run lie channels last, (images, rows, columns, channels): the order oneDNN's convolutions work
 * in. Between convolutions and operators that go element by element nothing has to be reordered then.  Private to
 * dnn/.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_ORDER_H
#define XO_ORDER_H

#include "operator.h"

/* last [values]: in, which may; out, which do.  call [nodes], shapes inferred; tensor [values]. */
void xo_order_channels(const struct xo_graph *g, const struct xo_call *call, const struct xo_tensor *tensor,
                       bool *last);

#endif
