/* The .fcm file: every member survives, equal models give equal bytes, whatever is altered is refused by name.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <unistd.h>
#include "fcm-example.h"
#include "fields.h"
#include "scratch.h"
#include "sha256.h"

static int same_item(const struct xo_fcm_item *a, const struct xo_fcm_item *b)
{
    if (a->type != b->type || a->count != b->count || a->dimensions != b->dimensions)
        return 0;
    if (a->text || b->text)
        return a->text && b->text && !strcmp(a->text, b->text);
    if (a->real || b->real)
        return a->real && b->real && !memcmp(a->real, b->real, a->count * sizeof *a->real);
    return a->scalar.u == b->scalar.u;
}

/* Every item of the table; the table itself is checked against the struct by its size below. */
static int same_model(const struct xo_fcm *a, const struct xo_fcm *b)
{
    int same = 1;
    for (size_t k = 0; k < xo_fcm_field_count; k++) {
        struct xo_fcm_item x, y;
        int has = xo_fcm_look(&x, &xo_fcm_fields[k], a);
        if (has == xo_fcm_look(&y, &xo_fcm_fields[k], b) && (!has || same_item(&x, &y)))
            continue;
        printf("# %s differs\n", xo_fcm_fields[k].path);
        same = 0;
    }
    return same;
}

static void every_member_survives(void)
{
    struct xo_fcm m = example_model(5, 3), n = { .rows = 99 };
    struct xo_info info = { "" };
    tap_ok(!xo_fcm_write("a.fcm", &m, &info), "a model is written %s", info.text);
    tap_ok(!xo_fcm_read(&n, "a.fcm", &info), "and read %s", info.text);
    tap_ok(same_model(&m, &n), "every item of the table is what it was");
    /* beyond the table: members named one by one, so that a line missing from it is found */
    tap_ok(n.rows == 5 && n.columns == 3 && n.exact == 1 && n.seed == 0xfedcba9876543210 && n.scope == XO_FCM_ARRAY,
           "rows, columns, exact, scope and a 64-bit seed");
    tap_ok(!memcmp(&m.dac, &n.dac, sizeof m.dac) && !memcmp(&m.adc, &n.adc, sizeof m.adc), "both converters");
    tap_ok(!memcmp(&m.gain, &n.gain, sizeof m.gain), "gain");
    tap_ok(!memcmp(&m.validity, &n.validity, sizeof m.validity), "validity");
    tap_ok(!memcmp(m.g_ni_siemens, n.g_ni_siemens, 15 * 8) && !memcmp(m.cell_siemens, n.cell_siemens, 15 * 8) &&
           !memcmp(m.g_ni_bound_siemens, n.g_ni_bound_siemens, 15 * 8) &&
           !memcmp(m.offset_ampere, n.offset_ampere, 24) && !memcmp(m.gain_factor, n.gain_factor, 24) &&
           !memcmp(m.offset_bound_ampere, n.offset_bound_ampere, 24) &&
           !memcmp(m.adc_low_ampere, n.adc_low_ampere, 24) && !memcmp(m.adc_lsb_ampere, n.adc_lsb_ampere, 24),
           "every array");
    tap_equal_text(n.provenance, m.provenance, "provenance");
    tap_equal_text(n.hardware_yaml, m.hardware_yaml, "the hardware file");
    xo_fcm_free(&n);
    tap_ok(!n.rows && !n.provenance, "free leaves zeros");
    xo_fcm_free(&m);
}

static void every_stage_survives(const char *stage, struct xo_fcm m)
{
    struct xo_fcm n = { 0 };
    struct xo_info info = { "" };
    tap_ok(!xo_fcm_write("s.fcm", &m, &info) && !xo_fcm_read(&n, "s.fcm", &info) && same_model(&m, &n),
           "a model of stage %s is what it was %s", stage, info.text);
    xo_fcm_free(&n);
    xo_fcm_free(&m);
}

static void what_is_absent_stays_absent(void)
{
    struct xo_fcm m = { .scope = XO_FCM_TECHNOLOGY, .rows = 2, .columns = 7, .dac.bits = 1, .adc.bits = 8 };
    struct xo_fcm n = { 0 };
    struct xo_info info = { "" };
    m.hardware_yaml = strdup("");
    tap_ok(!xo_fcm_write("t.fcm", &m, &info) && !xo_fcm_read(&n, "t.fcm", &info), "a bare technology %s", info.text);
    tap_ok(same_model(&m, &n) && !n.g_ni_siemens && !n.provenance && n.hardware_yaml, "nothing was made up");
    xo_fcm_free(&n);
    xo_fcm_free(&m);
}

static void equal_models_give_equal_bytes(void)
{
    struct xo_fcm m = example_model(5, 3);
    char *a = NULL, *b = NULL, *file;
    size_t a_nbytes = 0, b_nbytes = 0, file_nbytes = 0;
    xo_fcm_image(&a, &a_nbytes, &m, "a", NULL);
    sleep(1);                          /* a time stamp would show */
    xo_fcm_image(&b, &b_nbytes, &m, "b", NULL);
    file = scratch_get("a.fcm", &file_nbytes);
    tap_ok(a_nbytes == b_nbytes && !memcmp(a, b, a_nbytes), "written twice, %zu equal bytes", a_nbytes);
    tap_ok(file_nbytes == a_nbytes && !memcmp(a, file, a_nbytes), "the file holds them");
    m.seed++;
    free(b);
    xo_fcm_image(&b, &b_nbytes, &m, "b", NULL);
    tap_ok(memcmp(a, b, a_nbytes) != 0, "another seed gives other bytes");
    free(a);
    free(b);
    free(file);
    xo_fcm_free(&m);
}

/* ---- refusals ------------------------------------------------------------------------------------- */

static int refused(const char *bytes, size_t nbytes, int status, const char *text)
{
    struct xo_fcm n = { .rows = 99 };
    struct xo_info info = { "" };
    char *exact = malloc(nbytes + !nbytes);            /* so that sanitizers see a step too far */
    memcpy(exact, bytes, nbytes);
    int got = xo_fcm_parse(&n, exact, nbytes, "x.fcm", &info);
    int right = got && (!status || got == status) && strstr(info.text, text) && strstr(info.text, "; expected") &&
                !strncmp(info.text, "x.fcm: ", 7) && n.rows == 99;
    if (!right)
        printf("# got %d \"%s\", want %d \"%s\"\n", got, info.text, status, text);
    free(exact);
    return right;
}

/* Make the checksum right again, as someone who means harm would. */
static void reseal(char *bytes, size_t nbytes)
{
    struct xo_sha256 sum;
    char hex[65], *digits = memmem(bytes, 200, "sha256 ", 7);
    digits += 7;
    xo_sha256_begin(&sum);
    xo_sha256_add(&sum, bytes, (size_t)(digits - bytes));
    xo_sha256_add(&sum, digits + 64, nbytes - (size_t)(digits - bytes) - 64);
    xo_sha256_end(&sum, hex);
    memcpy(digits, hex, 64);
}

static void damage_is_refused(const char *bytes, size_t nbytes)
{
    char *copy = malloc(nbytes + 8);
    int right = 1;
    for (size_t length = 0; length < nbytes && right; length += length < 400 ? 1 : 997)
        right = refused(bytes, length, XO_ESYNTAX, "");
    tap_ok(right, "cut short anywhere, it is refused");
    memcpy(copy, bytes, nbytes);
    copy[nbytes] = 0;
    tap_ok(refused(copy, nbytes + 1, XO_ESYNTAX, "bytes added"), "a byte too many is refused");
    right = 1;
    for (size_t bit = 0; bit < 8 * nbytes && right; bit += bit < 8 * 200 ? 1 : 509) {
        copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
        right = refused(copy, nbytes, 0, "");
        copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
    }
    tap_ok(right, "with any bit flipped it is refused");
    copy[strlen(XO_FCM_MAGIC)] = '9';
    tap_ok(refused(copy, nbytes, XO_EUNSUPPORTED, "version 9"), "a future version is refused as such");
    tap_ok(refused("\x89HDF\r\n\x1a\n????????", 16, XO_ESYNTAX, "an HDF5 file"), "a plain HDF5 file is told apart");
    free(copy);
}

/* A file with text replaced by as much text in its head, and a right checksum. */
static void forged(const char *bytes, size_t nbytes, const char *from, const char *to, const char *text)
{
    char *copy = malloc(nbytes);
    memcpy(copy, bytes, nbytes);
    char *at = memmem(copy, XO_FCM_HEAD_NBYTES, from, strlen(from));
    if (at) {
        memmove(at + strlen(to), at + strlen(from), (size_t)(copy + XO_FCM_HEAD_NBYTES - at) -
                (strlen(to) > strlen(from) ? strlen(to) : strlen(from)));
        memcpy(at, to, strlen(to));
    }
    reseal(copy, nbytes);
    tap_ok(at && refused(copy, nbytes, XO_ESYNTAX, text), "forged \"%.*s\" is refused", (int)strcspn(to, "\n"), to);
    free(copy);
}

/* An item said to begin somewhere else. */
static void moved(const char *bytes, size_t nbytes, const char *item, size_t place, const char *fact)
{
    char from[80], to[80];
    const char *line = memmem(bytes, XO_FCM_HEAD_NBYTES, item, strlen(item));
    snprintf(from, sizeof from, "%s%lu", item, line ? strtoul(line + strlen(item), NULL, 10) : 0);
    snprintf(to, sizeof to, "%s%zu", item, place);
    printf("# %s\n", fact);
    forged(bytes, nbytes, from, to, "a place inside the file");
}

static void forgeries_are_refused(const char *bytes, size_t nbytes)
{
    forged(bytes, nbytes, " 5 3\n", " 4 3\n", "linear/g_ni");
    forged(bytes, nbytes, " 5 3\n", " 5000000 3\n", "linear/g_ni");
    forged(bytes, nbytes, "linear/g_ni f8 ", "linear/g_ni f8 9", "inside the file");
    forged(bytes, nbytes, "linear/g_ni f8 ", "linear/g_ni f8  ", "type and place");
    moved(bytes, nbytes, "linear/g_ni f8 ", nbytes - 8, "its last element behind the end");
    moved(bytes, nbytes, "provenance/lines text ", nbytes, "text behind the end");
    moved(bytes, nbytes, "linear/g_ni f8 ", XO_FCM_HEAD_NBYTES - 8, "its first element in the head");
    forged(bytes, nbytes, "linear/g_ni f8", "linear/g_ni i8", "type");
    forged(bytes, nbytes, "model/scope text ", "model/scope text 9", "inside the file");
    forged(bytes, nbytes, "dac/bits", "dac/bats", "dac/bits");
    forged(bytes, nbytes, "end\n", "eng/number i8 19000\nend\n", "end");
    forged(bytes, nbytes, "dac/inl_volt f8", "dac/inl_wolt f8", "adc/bits");
}

/* An item of the file holds another number, and the checksum is right. */
static void value_refused(const char *bytes, size_t nbytes, const char *item, uint64_t bits, int status,
                          const char *text)
{
    char *copy = malloc(nbytes), *line;
    memcpy(copy, bytes, nbytes);
    line = memmem(copy, XO_FCM_HEAD_NBYTES, item, strlen(item));
    size_t at = line ? strtoul(line + strlen(item), NULL, 10) : 0;
    for (int b = 0; b < 8 && at; b++)
        copy[at + (size_t)b] = (char)(bits >> 8 * b);
    reseal(copy, nbytes);
    tap_ok(at && refused(copy, nbytes, status, text), "%s forged is refused", item);
    free(copy);
}

static void values_are_checked(const char *bytes, size_t nbytes)
{
    value_refused(bytes, nbytes, "schema_version i8 ", 3, XO_EVALUE, "schema_version: found 3");
    value_refused(bytes, nbytes, "model/rows i8 ", 1ull << 40, XO_EVALUE, "model/rows: found 1099511627776");
    value_refused(bytes, nbytes, "model/rows i8 ", (uint64_t)-1, XO_EVALUE, "model/rows: found -1");
    value_refused(bytes, nbytes, "model/rows i8 ", 1 << 24, XO_ESYNTAX, "linear/g_ni");
    value_refused(bytes, nbytes, "dac/bits i8 ", 200, XO_EVALUE, "dac/bits: found 200; expected");
    value_refused(bytes, nbytes, "model/exact i8 ", 2, XO_EVALUE, "model/exact");
    value_refused(bytes, nbytes, "linear/g_ni f8 ", 0x7ff8000000000000, XO_EVALUE, "linear/g_ni: found nan");
    value_refused(bytes, nbytes, "linear/cells f8 ", 0xbff0000000000000, XO_EVALUE, "linear/cells: found -1");
    value_refused(bytes, nbytes, "adc/column_lsb f8 ", 0, XO_EVALUE, "adc/column_lsb: found 0");
    value_refused(bytes, nbytes, "validity/low_volt f8 ", 0x4024000000000000, XO_EVALUE, "validity: a low end");
    value_refused(bytes, nbytes, "gain/where text ", 0x4141414141414141, XO_EVALUE, "gain/where: found 'AAAAAAA'");
    value_refused(bytes, nbytes, "provenance/lines text ", 0, XO_ESYNTAX, "without NUL");
}

/* What belongs to a stage is checked with it. */
static void stages_are_checked(void)
{
    struct xo_fcm m = example_corrected(5, 3);
    char *bytes = NULL;
    size_t nbytes = 0;
    xo_fcm_image(&bytes, &nbytes, &m, "a", NULL);
    forged(bytes, nbytes, "correction/excess f8", "correction/excuss f8", "index");
    value_refused(bytes, nbytes, "correction/count i8 ", 9, XO_EVALUE, "correction/count: found 9; expected");
    value_refused(bytes, nbytes, "correction/count i8 ", 0, XO_EVALUE, "correction: 0 of them");
    value_refused(bytes, nbytes, "correction/sweeps i8 ", 1u << 20, XO_EVALUE, "correction/sweeps");
    value_refused(bytes, nbytes, "correction/curves i8 ", 1u << 24, XO_ESYNTAX, "correction/excess");
    value_refused(bytes, nbytes, "correction/points i8 ", 4, XO_ESYNTAX, "correction/excess");
    value_refused(bytes, nbytes, "correction/high_volt f8 ", 0xbff0000000000000, XO_EVALUE,
                  "lower to a higher voltage");
    value_refused(bytes, nbytes, "correction/cell_curve f8 ", 0x4000000000000000, XO_EVALUE, "whole number below 2");
    value_refused(bytes, nbytes, "correction/cell_curve f8 ", 0x3fe0000000000000, XO_EVALUE, "whole number below 2");
    value_refused(bytes, nbytes, "correction/word_divider f8 ", 0x4000000000000000, XO_EVALUE,
                  "word_divider: found 2");
    value_refused(bytes, nbytes, "model/candidates i8 ", 3, XO_EVALUE, "candidates/table: missing");
    free(bytes);
    xo_fcm_free(&m);
    m = example_basis(5, 3);
    xo_fcm_image(&bytes, &nbytes, &m, "a", NULL);
    value_refused(bytes, nbytes, "basis/functions i8 ", 5, XO_EVALUE, "basis/functions: found 5");
    value_refused(bytes, nbytes, "basis/functions i8 ", 1, XO_ESYNTAX, "basis/coefficients");
    value_refused(bytes, nbytes, "basis/bent i8 ", 0, XO_EVALUE, "basis/bend: present");
    value_refused(bytes, nbytes, "basis/scale_volt f8 ", 0, XO_EVALUE, "basis: 2 functions");
    value_refused(bytes, nbytes, "model/exact i8 ", 1, XO_EVALUE, "model/exact: 1");
    value_refused(bytes, nbytes, "candidates/table f8 ", 0x4008000000000000, XO_EVALUE, "candidates/table: found 3");
    value_refused(bytes, nbytes, "basis/matrices f8 ", 0x7ff0000000000000, XO_EVALUE, "basis/matrices: found inf");
    free(bytes);
    xo_fcm_free(&m);
}

static void not_written(const char *fact, const struct xo_fcm *m, const char *text)
{
    struct xo_info info = { "" };
    int status = xo_fcm_write("bad.fcm", m, &info);
    if (status != XO_EVALUE || !strstr(info.text, text))
        printf("# got %d \"%s\", want \"%s\"\n", status, info.text, text);
    tap_ok(status == XO_EVALUE && strstr(info.text, text) && access("bad.fcm", F_OK), "%s", fact);
}

static void bad_models_are_not_written(void)
{
    struct xo_fcm m = example_model(5, 3), n = m;
    m.g_ni_siemens[7] = NAN;
    not_written("NaN is not written", &m, "bad.fcm: linear/g_ni: found nan; expected a finite number");
    m.g_ni_siemens[7] = 1e-6;
    n.rows = 0;
    not_written("nor no rows", &n, "model/rows: found 0");
    n = m;
    n.adc.bits = 25;
    not_written("nor an ADC of 25 bits", &n, "adc/bits: found 25; expected a number from 1 to 24");
    n = m;
    n.gain.where = (enum xo_gain_where)7;
    not_written("nor a word that is not there", &n, "gain/where: found number 7; expected one of digital|reference");
    n = m;
    n.adc_low_ampere = NULL;
    not_written("nor half a range", &n, "both or none");
    n = m;
    n.g_ni_siemens = NULL;
    not_written("nor an array without matrix", &n, "linear/g_ni: missing");
    n = m;
    n.gain.where = XO_GAIN_REFERENCE;
    double kept = m.gain_factor[1];
    m.gain_factor[1] = 0;
    not_written("nor a gain of 0 in the reference", &n, "gain/factor: found 0; expected a gain above 0");
    m.gain_factor[1] = kept;
    n = m;
    n.dac.inl_volt.count = 9;
    not_written("nor nine terms", &n, "dac/inl_volt: 9 terms");
    tap_ok(xo_fcm_write("/nowhere/x.fcm", &m, NULL) == ENOENT, "a folder that is not there is an errno");
    xo_fcm_free(&m);
}

int main(void)
{
    char *bytes;
    size_t nbytes = 0;
    if (!scratch_enter())
        return tap_skip_all("no folder to write in");
    every_member_survives();
    every_stage_survives("basis", example_basis(5, 3));
    every_stage_survives("corrected", example_corrected(3, 5));
    what_is_absent_stays_absent();
    equal_models_give_equal_bytes();
    bytes = scratch_get("a.fcm", &nbytes);
    damage_is_refused(bytes, nbytes);
    forgeries_are_refused(bytes, nbytes);
    values_are_checked(bytes, nbytes);
    stages_are_checked();
    bad_models_are_not_written();
    free(bytes);
    scratch_leave();
    return tap_done();
}
