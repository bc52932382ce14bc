/* A cell on its own, without wires: its law, with what is in series with it.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include "cell.h"

static int amp_behind(const xo_circuit *c, struct xo_site place, double ohm, double siemens, double volt, double *amp,
                      struct xo_info *info)
{
    struct xo_cell cell;
    struct xo_cell_point p;
    struct xo_info why = {""};
    if (!c->laws) {
        *amp = siemens == 0 || ohm == XO_OPEN ? 0 : siemens * volt / (1 + siemens * ohm);
        return 0;
    }
    int status = xo_cell_place(c->laws, siemens, ohm, &cell, &why);
    if (status)
        return xo_fail(info, status, "cell (%zu, %zu) %s", place.row, place.column, why.text);
    xo_cell_at(c->laws, &cell, volt, volt, &p);
    *amp = p.amp;
    return 0;
}

int xo_cell_amp(const xo_circuit *c, struct xo_site place, double siemens, double volt, double *amp,
                struct xo_info *info)
{
    const struct xo_values *series = c->lines ? &c->lines->series_ohm : NULL;
    size_t k = place.row * c->columns + place.column;
    double ohm = !series ? c->ohm[k] : series->each ? series->each[k] : series->all;
    return amp_behind(c, place, ohm, siemens, volt, amp, info);
}

int xo_cell_amp_gated(const xo_circuit *c, struct xo_site place, double siemens, double gate, double volt,
                      double *amp, struct xo_info *info)
{
    struct xo_info why = {""};
    if (!c->gate || xo_gate_check(c->transistor_ohm, gate, &why))
        return xo_fail(info, XO_EVALUE, "gate %zu is %s", place.row, c->gate ? why.text : "not there; expected 1T1R");
    double ohm = xo_transistor_ohm(c->transistor_ohm, c->transistor_off_siemens, c->gate[place.row] == 0 ? 0 : gate);
    return amp_behind(c, place, c->bare_ohm[place.row * c->columns + place.column] + ohm, siemens, volt, amp, info);
}
