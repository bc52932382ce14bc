/* Numbers: the grammar, the shortest exact form, no influence of the locale.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <float.h>
#include <stdint.h>
#include <unistd.h>
#include "german.h"
#include "tap.h"
#include "xo_file.h"

static int parse(double *out, const char *text)
{
    return xo_number_parse(out, text, strlen(text));
}

static void look_alikes_are_refused(void)
{
    static const char *const text[] = {
        "", " ", "+", "-", ".", "e5", ".5", "5.", "1.e3", "1e", "1e+", "1 ", " 1", "1\n", "--1", "+-1", "1e1.5",
        "010", "00", "-01", "00.5", "1_000", "0x1", "0x1p3", "0b1", "0o7", "nan", "NaN", "-nan", "inf", "Infinity",
        "1,5", "1.000,5", "1'000", "10k", "1u", "5V", "1f", "1d5", "1.2.3", "1e5e5", "open", "\xd9\xa1"
    };
    for (size_t k = 0; k < sizeof text / sizeof *text; k++) {
        double value = 42;
        int status = parse(&value, text[k]);
        tap_ok(status == XO_ESYNTAX && value == 42, "'%s' is not a number",
               strcmp(text[k], "1\n") ? text[k] : "1\\n");
    }
    double value = 42;
    tap_ok(xo_number_parse(&value, "1\0002", 3) == XO_ESYNTAX && value == 42, "a NUL ends nothing");
}

static void numbers_out_of_range_are_refused(void)
{
    static const char *const text[] = { "1e400", "-1e400", "1e309", "1.8e308", "1e-400", "-1e-325", "1e99999999999" };
    for (size_t k = 0; k < sizeof text / sizeof *text; k++) {
        double value = 42;
        int status = parse(&value, text[k]);
        tap_ok(status == XO_EVALUE && value == 42, "%s does not fit a double", text[k]);
    }
}

static void decimals_are_read(void)
{
    static const struct { const char *text; double value; } given[] = {
        { "0", 0 }, { "7", 7 }, { "+7", 7 }, { "-7", -7 }, { "0.5", 0.5 }, { "1e-05", 1e-5 }, { "1E5", 1e5 },
        { "1.5e+3", 1500 }, { "100000", 100000 }, { "0e5", 0 }, { "0.000e-999", 0 }, { "0e400", 0 },
        { "4.9406564584124654e-324", 0x1p-1074 }, { "5e-324", 0x1p-1074 }, { "2.2250738585072014e-308", DBL_MIN },
        { "1.7976931348623157e308", DBL_MAX }, { "9007199254740993", 9007199254740992 },
        { "9007199254740993.00000000000000000000000001", 9007199254740994 }
    };
    for (size_t k = 0; k < sizeof given / sizeof *given; k++) {
        double value = 42;
        tap_ok(parse(&value, given[k].text) == 0 && value == given[k].value, "%s is read exactly", given[k].text);
    }
    double value = 42;
    tap_ok(parse(&value, "-0") == 0 && value == 0 && signbit(value), "-0 keeps its sign");
    tap_ok(xo_number_parse(&value, "12345", 2) == 0 && value == 12, "what follows the given length is not looked at");
}

static void numbers_print_as_people_write_them(void)
{
    static const struct { double value; const char *text; } given[] = {
        { 0, "0" }, { -0.0, "-0" }, { 1, "1" }, { 0.1, "0.1" }, { 1e-5, "1e-05" }, { 0.2, "0.2" },
        { 100000, "100000" },
        { 0x1p-1074, "5e-324" }, { DBL_MAX, "1.7976931348623157e+308" }, { 1.0 / 3, "0.3333333333333333" },
        { 0.1 + 0.2, "0.30000000000000004" }, { 4.438903924255e-05, "4.438903924255e-05" }, { NAN, "nan" },
        { -NAN, "nan" }, { INFINITY, "inf" }, { -INFINITY, "-inf" }
    };
    for (size_t k = 0; k < sizeof given / sizeof *given; k++) {
        char text[XO_NUMBER_SIZE];
        tap_equal_text(xo_number_print(text, given[k].value), given[k].text, given[k].text);
    }
}

/* Any finite double, every exponent alike. */
static double any_double(unsigned long long *state)
{
    uint64_t bits = 0;
    double value;
    do {
        tap_uniform(state);
        bits = *state * 0xd1342543de82ef95ULL;
        memcpy(&value, &bits, sizeof value);
    } while (!isfinite(value));
    return value;
}

static void printed_numbers_read_back(void)
{
    unsigned long long state = 20240611;
    size_t wrong = 0, longest = 0;
    printf("# seed %llu\n", state);
    for (int k = 0; k < 100000; k++) {
        char text[XO_NUMBER_SIZE];
        double value = any_double(&state), back = 42;
        size_t length = strlen(xo_number_print(text, value));
        longest = length > longest ? length : longest;
        wrong += parse(&back, text) != 0 || memcmp(&back, &value, sizeof value) != 0;
    }
    tap_ok(wrong == 0, "100000 random doubles survive print and parse");
    tap_ok(longest < XO_NUMBER_SIZE, "the longest of them takes %zu characters", longest);
}

/* The second way: Python's repr gives the shortest digits by another algorithm. */
static void python_finds_no_shorter_form(void)
{
    const char *fact = "Python reads the same doubles and finds no shorter digits";
    unsigned long long state = 7;
    FILE *python;
    if (system("python3 -c '' 2>/dev/null")) {
        tap_skip(fact, "python3 is missing");
        return;
    }
    python = popen("python3 -c \"\n"
                   "import math, sys\n"
                   "digits = lambda t: len(t.lower().split('e')[0].lstrip('-').replace('.', '').strip('0'))\n"
                   "bad = 0\n"
                   "for line in sys.stdin:\n"
                   "    bits, text = line.split()\n"
                   "    value = float.fromhex(bits)\n"
                   "    spare = abs(math.frexp(value)[0]) == 0.5\n"       /* powers of two: see number.c */
                   "    bad += float(text) != value or digits(text) > digits(repr(value)) + spare\n"
                   "sys.exit(bad > 0)\"", "w");
    for (int k = 0; python && k < 20000; k++) {
        char text[XO_NUMBER_SIZE];
        double value = any_double(&state);
        fprintf(python, "%a %s\n", value, xo_number_print(text, value));
    }
    for (int e = -1074; python && e < 1024; e++) {
        char text[XO_NUMBER_SIZE];
        fprintf(python, "%a %s\n", ldexp(1, e), xo_number_print(text, ldexp(1, e)));
    }
    tap_ok(python && pclose(python) == 0, "%s", fact);
}

static void the_locale_changes_nothing(void)
{
    char text[XO_NUMBER_SIZE], plain[XO_NUMBER_SIZE];
    double value = 42;
    struct xo_info info;
    if (!speak_german()) {
        tap_skip("numbers keep their point under a comma locale", "no locale de_DE here");
        return;
    }
    snprintf(plain, sizeof plain, "%.1f", 0.5);
    tap_equal_text(plain, "0,5", "this locale prints a decimal comma");
    tap_equal_text(xo_number_print(text, 0.5), "0.5", "numbers print with a point");
    tap_ok(parse(&value, "1.5") == 0 && value == 1.5, "numbers are read with a point");
    tap_ok(parse(&value, "1,5") == XO_ESYNTAX, "a decimal comma is refused");
    xo_fail(&info, XO_EVALUE, "%g S", 0.5);
    tap_equal_text(info.text, "0.5 S", "messages print a point");
    snprintf(plain, sizeof plain, "%.1f", 0.5);
    tap_equal_text(plain, "0,5", "the caller's locale is as before");
    setlocale(LC_ALL, "C");
}

static void messages_are_one_line(void)
{
    struct xo_info info = { "old" };
    char longer[1000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    tap_ok(xo_fail(NULL, XO_EVALUE, "%d", 1) == XO_EVALUE, "nobody has to listen");
    tap_ok(xo_fail(&info, 28, "a\nb\tc\x7f") == 28, "the status comes back");
    tap_equal_text(info.text, "a?b?c?", "control characters are blanked");
    xo_fail(&info, XO_EVALUE, "outer: %s", info.text);
    tap_equal_text(info.text, "outer: a?b?c?", "a message may contain the one before");
    xo_fail(&info, XO_EVALUE, "%s", longer);
    tap_ok(strlen(info.text) == sizeof info.text - 1, "a long message is cut, not overrun");
    tap_equal_text(xo_strerror(28), "No space left on device", "errno keeps its text");
    tap_equal_text(xo_strerror(XO_ECONFLICT), "zero-ohm path between different voltages", "a status has a text");
    tap_equal_text(xo_strerror(-12345), "unknown status", "an unknown status too");
    tap_equal_text(xo_strerror(0), "success", "and success");
}

int main(void)
{
    if (!scratch_enter())
        return tap_skip_all("no folder to write in");
    look_alikes_are_refused();
    numbers_out_of_range_are_refused();
    decimals_are_read();
    numbers_print_as_people_write_them();
    printed_numbers_read_back();
    python_finds_no_shorter_form();
    the_locale_changes_nothing();
    messages_are_one_line();
    scratch_leave();
    return tap_done();
}
