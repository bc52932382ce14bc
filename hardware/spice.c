/* device: {law: spice}: from its keys to the tables of its subcircuit, and which key is to blame when there are none.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <math.h>
#include <string.h>
#include "schema.h"

#define SPARE 2.0                      /* tables reach so far beyond the voltages that are known here */
#define ROUNDING 1e-9

/* Each key that only law spice has is refused with others; what it cannot do without is asked for. */
int xo_spice_check(const struct xo_hardware *h, struct xo_info *info)
{
    static const struct { const char *path, *what; } keys[] = {
        {"device.file", "the netlist that holds the subcircuit"}, {"device.subcircuit", "the subcircuit's name"},
        {"device.level_range", "[low, high] of what sets a level"}, {"device.level_parameter", NULL},
        {"device.state_node", NULL}, {"device.read", NULL}, {"device.word_pin", NULL}, {"device.bit_pin", NULL},
        {"device.gate_pin", NULL}, {"device.gate_volt", NULL}, {"device.volt_range", NULL},
        {"device.read_second", NULL}, {"device.table_tolerance", NULL}};
    bool spice = h->array.law.law == XO_LAW_SPICE;
    struct xo_mark law = xo_mark_of(h, "device.law");
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        bool given = xo_is_given(h, keys[k].path);
        if (spice && keys[k].what && !given)
            return xo_mark_fail(info, XO_EVALUE, law, "%s: found no value; expected %s, as law spice needs it",
                                keys[k].path, keys[k].what);
        if (!spice && given && k > 0)
            return xo_mark_fail(info, XO_EVALUE, xo_mark_of(h, keys[k].path), "%s: belongs to law spice; expected "
                                "none with another law", keys[k].path);
    }
    if (spice && !h->subcircuit.level_parameter && !h->subcircuit.state_node)
        return xo_mark_fail(info, XO_EVALUE, law, "device.level_parameter: found no value; expected the parameter "
                            "that sets a level, or state_node");
    bool pin = xo_is_given(h, "device.gate_pin"), volt = xo_is_given(h, "device.gate_volt");
    if (spice && pin != volt)
        return xo_mark_fail(info, XO_EVALUE, xo_mark_of(h, pin ? "device.gate_pin" : "device.gate_volt"),
                            "device: found one of gate_pin and gate_volt; expected both or none");
    return 0;
}

static double most_of(const struct xo_values *v, size_t count)
{
    double most = v->each ? 0 : fabs(v->all);
    for (size_t k = 0; v->each && k < count; k++)
        most = fmax(most, fabs(v->each[k]));
    return most;
}

/* Twice what is known to be applied, to either side. */
static void choose_volts(const struct xo_hardware *h, double range[2])
{
    const struct xo_crossbar *x = &h->array;
    double most = fmax(fabs(x->law.reference_volt), h->dac.read_volt) + most_of(&x->sense_volt, x->columns), held = 0;
    for (size_t k = 0; x->word_line && k < x->rows; k++)
        held = fmax(held, fabs(x->word_line[k].hold_volt));
    for (size_t k = 0; x->bit_line && k < x->columns; k++)
        held = fmax(held, fabs(x->bit_line[k].hold_volt));
    range[1] = fmin(SPARE * (most + held), XO_MAX_VOLT);
    range[0] = -range[1];
}

static int refuse(const struct xo_hardware *h, int status, const char *blame, const struct xo_info *why,
                  struct xo_info *info)
{
    char path[64];
    snprintf(path, sizeof path, "device.%s", blame);
    struct xo_mark mark = xo_mark_of(h, path);
    if (status == ENOMEM)
        return status;
    return xo_mark_fail(info, status, mark.origin ? mark : xo_mark_of(h, "device.law"), "%s: %s", path, why->text);
}

/* on and off are the ends of the levels where they are not given; no cell can be set beyond those. */
static int take_ends(struct xo_hardware *h, struct xo_info *info)
{
    const struct xo_subcircuit_report *r = xo_subcircuit_report(h->owned->subcircuit);
    const struct { const char *path; double *siemens, end; } ends[] = {
        {"device.off_siemens", &h->device.off_siemens, r->low_siemens},
        {"device.on_siemens", &h->device.on_siemens, r->high_siemens}};
    struct xo_mark law = xo_mark_of(h, "device.law");
    for (size_t k = 0; k < 2; k++) {
        struct xo_mark mark = xo_mark_of(h, ends[k].path);
        if (!mark.origin)
            *ends[k].siemens = ends[k].end;
        else if (*ends[k].siemens != 0 && !(*ends[k].siemens >= r->low_siemens * (1 - ROUNDING) &&
                                            *ends[k].siemens <= r->high_siemens * (1 + ROUNDING)))
            return xo_mark_fail(info, XO_EVALUE, mark, "%s: found %g S; expected %g to %g S, as the subcircuit has "
                                "at its levels", ends[k].path, *ends[k].siemens, r->low_siemens, r->high_siemens);
    }
    if (!(h->device.on_siemens > h->device.off_siemens))
        return xo_mark_fail(info, XO_EVALUE, law, "device: found on_siemens %g with off_siemens %g; expected on "
                            "above off", h->device.on_siemens, h->device.off_siemens);
    return 0;
}

int xo_spice_finish(struct xo_hardware *h, const char *file, struct xo_info *info)
{
    struct xo_subcircuit_keys keys = h->subcircuit;
    struct xo_device_law *law = &h->array.law;
    struct xo_info why = {""};
    const char *blame = "file";
    keys.file = file;
    keys.reference_volt = law->reference_volt;
    keys.read_given = xo_is_given(h, "device.read");
    keys.read_volt = h->dac.read_volt;
    if (!xo_is_given(h, "device.volt_range"))
        choose_volts(h, keys.volt_range);
    xo_subcircuit_free(h->owned->subcircuit);
    h->owned->subcircuit = NULL;
    int status = xo_subcircuit_new(&h->owned->subcircuit, &keys, NULL, &blame, &why);
    if (status)
        return refuse(h, status, blame, &why, info);
    law->subcircuit = h->owned->subcircuit;
    law->level = xo_subcircuit_levels(law->subcircuit, &law->levels);
    return take_ends(h, info);
}
