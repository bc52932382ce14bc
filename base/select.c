/* C. A. R. Hoare, "Algorithm 65: FIND", CACM 4 (1961): the part of a quicksort that holds what is looked for.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "select.h"

static void swap(double *a, double *b)
{
    double kept = *a;
    *a = *b;
    *b = kept;
}

double xo_select(double *x, size_t count, size_t k)
{
    ptrdiff_t left = 0, right = (ptrdiff_t)count - 1, wanted = (ptrdiff_t)k;
    while (left < right) {
        double pivot = x[wanted];
        ptrdiff_t i = left, j = right;
        while (i <= j) {
            while (x[i] < pivot)
                i++;
            while (x[j] > pivot)
                j--;
            if (i <= j)
                swap(&x[i++], &x[j--]);
        }
        if (j < wanted)
            left = i;
        if (wanted < i)
            right = j;
    }
    return x[wanted];
}
