/* Union-find with path halving (Tarjan and van Leeuwen 1984), for who is joined to whom (internal).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_UNION_FIND_H
#define XO_UNION_FIND_H

#include <stdint.h>

static inline int32_t xo_root(int32_t *parent, int32_t k)
{
    while (parent[k] != k)
        k = parent[k] = parent[parent[k]];
    return k;
}

#endif
