/* Positive definite systems no larger than a shape has numbers.  GSL would abort on one that is singular.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include "device_fit.h"

enum { P = XO_SHAPE_MOST };

bool xo_small_cholesky(size_t n, double a[P][P])
{
    for (size_t j = 0; j < n; j++) {
        double scale = a[j][j];
        for (size_t k = 0; k < j; k++)
            a[j][j] -= a[j][k] * a[j][k];
        if (!(a[j][j] > 1e-14 * scale) || !isfinite(a[j][j]))
            return false;
        a[j][j] = sqrt(a[j][j]);
        for (size_t i = j + 1; i < n; i++) {
            for (size_t k = 0; k < j; k++)
                a[i][j] -= a[i][k] * a[j][k];
            a[i][j] /= a[j][j];
        }
    }
    return true;
}

void xo_small_solve(size_t n, double a[P][P], double *x)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++)
            x[i] -= a[i][k] * x[k];
        x[i] /= a[i][i];
    }
    for (size_t i = n; i-- > 0; ) {
        for (size_t k = i + 1; k < n; k++)
            x[i] -= a[k][i] * x[k];
        x[i] /= a[i][i];
    }
}
