/* LDL^T of a symmetric matrix inside its envelope, as text for any floating type: define REAL and NAME first.
 * Row r holds columns first[r] .. r at value[start[r]]; afterwards unit L below the diagonal and D on it.
 * SPDX-License-Identifier: GPL-3.0-or-later */

static REAL NAME(dot)(const REAL *a, const REAL *b, size_t n)
{
    REAL s[4] = {0, 0, 0, 0};
    size_t k = 0;
    for (; k + 4 <= n; k += 4)
        for (size_t lane = 0; lane < 4; lane++)
            s[lane] += a[k + lane] * b[k + lane];
    for (; k < n; k++)
        s[0] += a[k] * b[k];
    return (s[0] + s[1]) + (s[2] + s[3]);
}

static int NAME(ldlt)(size_t n, const size_t *first, const size_t *start, REAL *value)
{
    for (size_t r = 0; r < n; r++) {
        REAL *row = value + start[r], pivot = row[r - first[r]];
        for (size_t c = first[r]; c < r; c++) {                 /* row <- L D, L being the rows above */
            size_t from = first[c] > first[r] ? first[c] : first[r];
            row[c - first[r]] -= NAME(dot)(row + (from - first[r]), value + start[c] + (from - first[c]), c - from);
        }
        for (size_t c = first[r]; c < r; c++) {
            REAL scaled = row[c - first[r]], diagonal = value[start[c] + c - first[c]];
            row[c - first[r]] = scaled / diagonal;
            pivot -= scaled * row[c - first[r]];
        }
        if (!(pivot > 0))
            return REFERENCE_DIVERGED;
        row[r - first[r]] = pivot;
    }
    return REFERENCE_OK;
}

static void NAME(ldlt_solve)(size_t n, const size_t *first, const size_t *start, const REAL *value, REAL *x)
{
    for (size_t r = 0; r < n; r++)
        x[r] -= NAME(dot)(value + start[r], x + first[r], r - first[r]);
    for (size_t r = 0; r < n; r++)
        x[r] /= value[start[r] + r - first[r]];
    for (size_t r = n; r-- > 0;)
        for (size_t c = first[r]; c < r; c++)
            x[c] -= value[start[r] + c - first[r]] * x[r];
}
