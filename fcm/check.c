/* What no .fcm file may hold: checked before writing and after reading.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fields.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int refuse(const struct xo_fcm_field *f, double found, const char *name, struct xo_info *info)
{
    char low[XO_NUMBER_SIZE], high[XO_NUMBER_SIZE], text[XO_NUMBER_SIZE];
    xo_number_print(text, found);
    if (f->high >= 1e300)
        return xo_fail(info, XO_EVALUE, "%s: %s: found %s; expected a finite number%s", name, f->path, text,
                       f->low < 0 ? "" : f->low > 0 ? " above 0" : " from 0 up");
    return xo_fail(info, XO_EVALUE, "%s: %s: found %s; expected a number from %s to %s", name, f->path, text,
                   xo_number_print(low, f->low), xo_number_print(high, f->high));
}

static int check_numbers(const struct xo_fcm_field *f, const struct xo_fcm_item *item, const char *name,
                         struct xo_info *info)
{
    if (item->type == XO_FCM_I8 && !((double)item->scalar.i >= f->low && (double)item->scalar.i <= f->high))
        return refuse(f, (double)item->scalar.i, name, info);
    for (size_t k = 0; item->type == XO_FCM_F8 && k < item->count; k++)
        if (!(item->real[k] >= f->low && item->real[k] <= f->high))
            return refuse(f, item->real[k], name, info);
    return 0;
}

static int check_field(const struct xo_fcm_field *f, const struct xo_fcm *m, const char *name, struct xo_info *info)
{
    struct xo_fcm_item item;
    char word[XO_FCM_WORD_SIZE];
    if (!xo_fcm_look(&item, f, m))
        return 0;
    if (f->kind == XO_FCM_INL && item.count > XO_MAX_INL)
        return xo_fail(info, XO_EVALUE, "%s: %s: %zu terms; expected at most %d", name, f->path, item.count,
                       XO_MAX_INL);
    if (f->kind == XO_FCM_WORD && !xo_fcm_word(word, f->words, (int)item.scalar.i))
        return xo_fail(info, XO_EVALUE, "%s: %s: found number %d; expected one of %s", name, f->path,
                       (int)item.scalar.i, f->words);
    if (f->kind == XO_FCM_TEXT && item.count > XO_FCM_MAX_TEXT)
        return xo_fail(info, XO_EVALUE, "%s: %s: %zu characters; expected at most %zu", name, f->path, item.count,
                       XO_FCM_MAX_TEXT);
    return check_numbers(f, &item, name, info);
}

/* The arrays of a folder: all of them where `wanted`, else none; "optional" excepted. */
static int check_folder(const struct xo_fcm *m, const char *folder, bool wanted, const char *optional,
                        const char *name, struct xo_info *info)
{
    for (size_t k = 0; k < xo_fcm_field_count; k++) {
        const struct xo_fcm_field *f = &xo_fcm_fields[k];
        struct xo_fcm_item item;
        if (!xo_fcm_is_array(f->kind) || strncmp(f->path, folder, strlen(folder)) || !strcmp(f->path, optional))
            continue;
        if (xo_fcm_look(&item, f, m) != wanted)
            return xo_fail(info, XO_EVALUE, "%s: %s: %s; expected it only and always in a model of an array with "
                           "that stage", name, f->path, wanted ? "missing" : "present");
    }
    return 0;
}

static int check_basis(const struct xo_fcm *m, const char *name, struct xo_info *info)
{
    const struct xo_fcm_basis *b = &m->basis;
    bool is_basis = m->stage == XO_FCM_BASIS, stored = is_basis && m->scope == XO_FCM_ARRAY;
    if (is_basis != (b->functions > 0) || stored != (b->terms > 0) || stored != (b->scale_volt > 0) ||
        (b->bent && !is_basis))
        return xo_fail(info, XO_EVALUE, "%s: basis: %zu functions of %zu terms; expected some in stage basis, and "
                       "none in another", name, b->functions, b->terms);
    if (!b->bend_per_ampere != !(b->bent && stored))
        return xo_fail(info, XO_EVALUE, "%s: basis/bend: %s; expected it where basis/bent is 1", name,
                       b->bend_per_ampere ? "present" : "missing");
    return check_folder(m, "basis/", stored, "basis/bend", name, info);
}

static int check_correction(const struct xo_fcm *m, const char *name, struct xo_info *info)
{
    const struct xo_fcm_correction *c = &m->correction;
    bool corrected = m->stage == XO_FCM_CORRECTED, stored = corrected && m->scope == XO_FCM_ARRAY;
    if (corrected != (c->count > 0) || stored != (c->sweeps > 0) || stored != (c->curves > 0) ||
        (stored && !(c->points >= 4 && c->low_volt < c->high_volt && isfinite(c->high_volt - c->low_volt))))
        return xo_fail(info, XO_EVALUE, "%s: correction: %zu of them, %zu curves of %zu points; expected some in "
                       "stage corrected, four points or more, from a lower to a higher voltage", name, c->count,
                       c->curves, c->points);
    int status = check_folder(m, "correction/", stored, "", name, info);
    for (size_t k = 0; stored && !status && k < m->rows * m->columns; k++)
        if (!(c->cell_curve[k] < (double)c->curves) || c->cell_curve[k] != floor(c->cell_curve[k]))
            status = xo_fail(info, XO_EVALUE, "%s: correction/cell_curve: found %g; expected a whole number below "
                             "%zu", name, c->cell_curve[k], c->curves);
    return status;
}

static int check_candidates(const struct xo_fcm *m, const char *name, struct xo_info *info)
{
    if (!m->candidate != !m->candidates)
        return xo_fail(info, XO_EVALUE, "%s: candidates/table: %s; expected model/candidates lines", name,
                       m->candidate ? "present" : "missing");
    for (size_t k = 0; k < m->candidates; k++) {
        const double *c = m->candidate + k * XO_FCM_CANDIDATE_NUMBERS;
        for (int n = 0; n < 5; n++)
            if (!(c[n] >= 0 && c[n] <= (n == 0 ? 2 : XO_FCM_MOST_SWEEPS) && c[n] == floor(c[n])))
                return xo_fail(info, XO_EVALUE, "%s: candidates/table: found %g in column %d; expected a stage's "
                               "number, or a count", name, c[n], n);
    }
    return 0;
}

/* Ladders of nonlinear cells have curves, all of what belongs to them. */
static int check_ladder(const struct xo_fcm *m, const char *name, struct xo_info *info)
{
    const struct xo_fcm_ladder *l = &m->ladder;
    bool stored = m->stage == XO_FCM_LADDER && m->scope == XO_FCM_ARRAY, curved = l->curves > 0;
    int status = check_folder(m, "ladder/", stored, "ladder/second", name, info);
    if (!status)
        status = check_folder(m, "curves/", stored && curved, "", name, info);
    if (!status && l->second_ohm && (curved || !l->cell_siemens))
        return xo_fail(info, XO_EVALUE, "%s: ladder/second: present; expected it beside ladder/step, without curves",
                       name);
    if (!status && (curved != (l->points > 0) || (curved && !stored)))
        return xo_fail(info, XO_EVALUE, "%s: curves/count: %zu of %zu points; expected both or none, in stage ladder",
                       name, l->curves, l->points);
    for (size_t k = 0; curved && !status && k + 1 < l->points; k++)
        if (!(l->curve_volt[k] < l->curve_volt[k + 1] && isfinite(l->curve_volt[k + 1] - l->curve_volt[k])))
            status = xo_fail(info, XO_EVALUE, "%s: curves/volt: %g before %g; expected rising voltages", name,
                             l->curve_volt[k], l->curve_volt[k + 1]);
    for (size_t k = 0; curved && !status && k < m->rows * m->columns; k++) {
        double first = l->cell_curve[k];
        if (!(first + (l->cell_upper[k] > 0) < (double)l->curves) || first != floor(first))
            status = xo_fail(info, XO_EVALUE, "%s: curves/cell_curve: found %g; expected a whole number below %zu, "
                             "for itself and what cell_upper takes", name, first, l->curves);
    }
    return status;
}

static int check_stage(const struct xo_fcm *m, const char *name, struct xo_info *info)
{
    bool exact = m->stage == XO_FCM_LINEAR || (m->stage == XO_FCM_LADDER && !m->ladder.curves);
    if (m->exact && !exact)
        return xo_fail(info, XO_EVALUE, "%s: model/exact: 1; expected 0 but in stages linear and ladder, without "
                       "curves", name);
    int status = check_basis(m, name, info);
    if (!status)
        status = check_correction(m, name, info);
    if (!status)
        status = check_ladder(m, name, info);
    return status ? status : check_candidates(m, name, info);
}

/* What items say about each other. */
static int check_together(const struct xo_fcm *m, const char *name, struct xo_info *info)
{
    const struct xo_fcm_validity *v = &m->validity;
    if (m->scope == XO_FCM_ARRAY && !m->g_ni_siemens && m->stage != XO_FCM_LADDER)
        return xo_fail(info, XO_EVALUE, "%s: linear/g_ni: missing; expected it in a model of an array", name);
    if ((m->scope == XO_FCM_TECHNOLOGY || m->stage == XO_FCM_LADDER) && m->g_ni_siemens)
        return xo_fail(info, XO_EVALUE, "%s: linear/g_ni: present; expected none in a technology or stage ladder",
                       name);
    if (m->scope == XO_FCM_TECHNOLOGY && !m->hardware_yaml)
        return xo_fail(info, XO_EVALUE, "%s: provenance/hardware: missing; expected it in a technology", name);
    if (!m->adc_low_ampere != !m->adc_lsb_ampere)
        return xo_fail(info, XO_EVALUE, "%s: adc/column_low and adc/column_lsb: one of them; expected both or none",
                       name);
    if (v->low_volt > v->high_volt || v->low_siemens > v->high_siemens || v->low_sparsity > v->high_sparsity)
        return xo_fail(info, XO_EVALUE, "%s: validity: a low end above its high end; expected low to high", name);
    for (size_t j = 0; m->gain_factor && m->gain.where == XO_GAIN_REFERENCE && j < m->columns; j++)
        if (!(m->gain_factor[j] > 0))
            return xo_fail(info, XO_EVALUE, "%s: gain/factor: found %g; expected a gain above 0 in the reference",
                           name, m->gain_factor[j]);
    return check_stage(m, name, info);
}

int xo_fcm_check(const struct xo_fcm *m, const char *name, struct xo_info *info)
{
    int status = 0;
    for (size_t k = 0; k < xo_fcm_field_count && !status; k++)
        status = check_field(&xo_fcm_fields[k], m, name, info);
    return status ? status : check_together(m, name, info);
}

void xo_fcm_free(struct xo_fcm *m)
{
    if (!m)
        return;
    for (size_t k = 0; k < xo_fcm_field_count; k++) {
        enum xo_fcm_kind kind = xo_fcm_fields[k].kind;
        if (xo_fcm_is_array(kind) || kind == XO_FCM_TEXT)
            free(*(void **)((char *)m + xo_fcm_fields[k].offset));
    }
    memset(m, 0, sizeof *m);
}
