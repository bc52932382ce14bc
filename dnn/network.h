/* What a network is.  Private to dnn/.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_NETWORK_PRIVATE_H
#define XO_NETWORK_PRIVATE_H

#include "graph.h"
#include "xo_network.h"

struct xo_network {
    struct xo_graph graph;             /* folded: what depends on constants only is constant */
};

#endif
