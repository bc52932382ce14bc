/* crossohm device: what its files share.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CLI_DEVICE_H
#define CLI_DEVICE_H

#include "cli.h"
#include "xo_device_fit.h"

struct device {
    struct cli_session session;        /* options common to all verbs, times */
    const char *input, *output, *table, *report;
    const char *law, *shape, *loss;    /* as given, or NULL */
    size_t order;
    char *table_path;                  /* where the table goes, if the law is one; owned */
    struct xo_device_options options;
    struct xo_iv iv;
    struct xo_device_fit fit;
};

/* device_yaml.c, device_report.c: YAML, table, JSON, a few lines for a person.  Each returns 0 or the exit code. */
int device_write_yaml(const struct device *d);
int device_write_table(const struct device *d);
int device_write_json(const struct device *d);
void device_summarise(const struct device *d);

/* In words that all outputs share. */
const char *device_law_text(char *text, size_t size, const struct device *d);
const char *device_choice_text(const struct device *d);             /* "as given", "chosen by AIC", ... */
const char *device_unit_text(const struct device *d);               /* "device", "curve", "point" */
const char *device_curve_text(char *text, size_t size, const struct device *d, size_t curve);
const char *device_verdict_text(char *text, size_t size, const struct device *d, const struct xo_device_verdict *v);
const char *device_intervals_hold(const struct device *d);          /* for what */
bool device_is_followed(const struct device *d);                    /* every curve, and by the law that was wanted */
int device_bits(const struct device *d);                            /* per cell, from the number of levels */
void device_extremes(const struct device *d, size_t *off, size_t *on);      /* levels of least and most conductance */
size_t device_nth_level(const struct device *d, size_t n);          /* by conductance, from off to on */
double device_unevenness(const struct device *d);      /* largest distance of a level from even steps, of on - off */

/* device_page.c: the page of --report. */
int device_write_html(const struct device *d);

#endif
