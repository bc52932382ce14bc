/* A cell on its own, without wires: its law, with what is in series with it.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include "cell.h"

int xo_cell_amp(const xo_circuit *c, struct xo_site place, double siemens, double volt, double *amp,
                struct xo_info *info)
{
    size_t k = place.row * c->columns + place.column;
    struct xo_cell cell;
    struct xo_cell_point p;
    struct xo_info why = {""};
    if (!c->laws) {
        const struct xo_values *series = c->lines ? &c->lines->series_ohm : NULL;
        double ohm = !series ? c->ohm[k] : series->each ? series->each[k] : series->all;
        *amp = siemens == 0 || ohm == XO_OPEN ? 0 : siemens * volt / (1 + siemens * ohm);
        return 0;
    }
    int status = xo_cell_place(c->laws, siemens, c->ohm[k], &cell, &why);
    if (status)
        return xo_fail(info, status, "cell (%zu, %zu) %s", place.row, place.column, why.text);
    xo_cell_at(c->laws, &cell, volt, volt, &p);
    *amp = p.amp;
    return 0;
}
