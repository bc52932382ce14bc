/* Measured curves from CSV: columns in any order, curves sorted, and every mistake with its place.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <locale.h>
#include "german.h"
#include "tap.h"
#include "xo_device_fit.h"

static struct xo_info info;

static int parse(struct xo_iv *iv, const char *text)
{
    *iv = (struct xo_iv){0};
    info.text[0] = 0;
    return xo_iv_parse(iv, text, strlen(text), "f", &info);
}

static void columns_in_any_order(void)
{
    struct xo_iv iv;
    parse(&iv, "\xef\xbb\xbf# a comment\r\n\r\n i[A] , device,level, v[V] ,cycle,temperature[K]\r\n"
               "1e-6,B,1,0.5,2,300\r\n 2e-6 , A , 0 ,-0.25, 1 ,350.5\r\n3e-6,B,1,0.75,2,300\n\n4e-6,B,0,0.5,10,300");
    tap_ok(iv.points == 4 && iv.curves == 3 && iv.levels == 2 && iv.devices == 2, "four points, three curves");
    tap_ok(iv.points == 4 && iv.volt[0] == -0.25 && iv.ampere[0] == 2e-6 && iv.line[0] == 5 &&
           iv.curve[0].device == 0,
           "level 0, device A first: -0.25 V, 2e-6 A, line 5");
    tap_ok(iv.points == 4 && iv.volt[1] == 0.5 && iv.ampere[1] == 4e-6 && iv.line[1] == 8 && iv.curve[1].device == 1,
           "then device B");
    tap_ok(iv.points == 4 && iv.curve[2].level == 1 && iv.curve[2].points == 2 && iv.volt[2] == 0.5 &&
           iv.volt[3] == 0.75 && iv.curve[2].device == 1, "points of a curve stay in the order of the file");
    tap_ok(iv.low_kelvin == 300 && iv.high_kelvin == 350.5 && iv.has_device && iv.has_cycle, "temperatures");
    tap_equal_text(iv.curves == 3 ? iv.curve[1].cycle_name : "", "10", "names are kept");
    xo_iv_free(&iv);
}

static void without_devices(void)
{
    struct xo_iv iv;
    parse(&iv, "level,v[V],i[A]\n0,0.1,1e-7\n0,0.2,2e-7\n");
    tap_ok(iv.points == 2 && iv.curves == 1 && iv.devices == 1 && !iv.has_device && isnan(iv.low_kelvin),
           "three columns are enough");
    xo_iv_free(&iv);
}

static void order_of_lines_does_not_matter(void)
{
    static const char head[] = "level,v[V],i[A],device\n", *const line[] = {"1,0.1,1e-6,b\n", "0,0.1,2e-6,b\n",
                                                                          "1,0.1,3e-6,a\n", "0,0.1,4e-6,a\n"};
    char one[200], two[200];
    struct xo_iv a, b;
    snprintf(one, sizeof one, "%s%s%s%s%s", head, line[0], line[1], line[2], line[3]);
    snprintf(two, sizeof two, "%s%s%s%s%s", head, line[3], line[1], line[0], line[2]);
    parse(&a, one);
    parse(&b, two);
    tap_ok(a.points == 4 && b.points == 4 && !memcmp(a.ampere, b.ampere, sizeof(double [4])) && a.ampere[0] == 4e-6 &&
           a.ampere[3] == 1e-6, "the same curves from lines in any order");
    xo_iv_free(&a);
    xo_iv_free(&b);
}

static void refuses(const char *text, const char *message)
{
    struct xo_iv iv;
    int status = parse(&iv, text);
    if (!status || strncmp(info.text, message, strlen(message)))
        printf("# %s\n", info.text);
    tap_ok(status && !strncmp(info.text, message, strlen(message)) && !strchr(info.text, '\n') && !iv.volt, "%s",
           message);
    xo_iv_free(&iv);
}

static void mistakes_have_a_place(void)
{
    static const char wide[] = "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q\n";
    refuses("", "f: found no points");
    refuses("# only a comment\n", "f: found no points");
    refuses("level,v[V],i[A]\n", "f: found no points");
    refuses("i,v\n0.1,2\n", "f:1:1: found 'i'; expected i[A]");
    refuses("level,v[mV],i[A]\n", "f:1:7: found 'v[mV]'; expected v[V]");
    refuses("level,v[V],i[uA]\n", "f:1:12: found 'i[uA]'; expected i[A]");
    refuses("level,v[V],i[A],temperature[C]\n", "f:1:17: found 'temperature[C]'; expected temperature[K]");
    refuses("level,v[V],i[A],wafer\n", "f:1:17: found 'wafer'; expected a header of level");
    refuses("level,v[V],i[A],v[V]\n", "f:1:17: found 'v[V]'; expected every column once");
    refuses("level,v[V]\n", "f:1: found no column i[A]");
    refuses("0,0.1,1e-6\n", "f:1:1: found '0'; expected a header");
    refuses(wide, "f:1: found 17 columns");
    refuses("level,v[V],i[A]\n0,0.1\n", "f:2: found 2 columns; expected 3 as in the header");
    refuses("level,v[V],i[A]\n0,0.1,1e-6,\n", "f:2: found 4 columns");
    refuses("level,v[V],i[A]\n0,0,1,1e-6\n", "f:2: found 4 columns");
    refuses("level,v[V],i[A]\n0,0.1,\n", "f:2:7: found ''; expected a current");
    refuses("level,v[V],i[A]\n0,nan,1e-6\n", "f:2:3: found 'nan'; expected a voltage");
    refuses("level,v[V],i[A]\n0,0.1,inf\n", "f:2:7: found 'inf'; expected a current");
    refuses("level,v[V],i[A]\n0,0.1,1e999\n", "f:2:7: found '1e999'; expected a current");
    refuses("level,v[V],i[A]\n0,0.1,1u\n", "f:2:7: found '1u'; expected a current");
    refuses("level,v[V],i[A]\n0,2e6,1\n", "f:2:3: found '2e6'; expected a voltage such as 0.2, at most 1e6 V");
    refuses("level,v[V],i[A]\n0.5,0.1,1e-6\n", "f:2:1: found '0.5'; expected a level");
    refuses("level,v[V],i[A]\n-1,0.1,1e-6\n", "f:2:1: found '-1'; expected a level");
    refuses("level,v[V],i[A]\n256,0.1,1e-6\n", "f:2:1: found '256'; expected a level");
    refuses("level,v[V],i[A]\n1e300,0.1,1e-6\n", "f:2:1: found '1e300'; expected a level");
    refuses("level,v[V],i[A]\n0,0.1,1e-6\n2,0.1,2e-6\n", "f:3: found level 2, but no level 1");
    refuses("level,v[V],i[A],device\n0,0.1,1e-6,\n", "f:2:12: found ''; expected a name or number");
    refuses("level,v[V],i[A],device\n0,0.1,1e-6,a\x01\n", "f:2:12: found 'a?'; expected a name without control");
    refuses("level,v[V],i[A],temperature[K]\n0,0.1,1e-6,-3\n",
            "f:2:12: found '-3'; expected a temperature above 0 K");
    refuses("level;v[V];i[A]\n0;0,1;1e-6\n", "f:1:1: found 'level;v[V];i[A]'");
}

static void nul_is_no_end(void)
{
    static const char text[] = "level,v[V],i[A],device\n0,0.1,1e-6,a\0b\n";
    struct xo_iv iv = {0};
    tap_ok(xo_iv_parse(&iv, text, sizeof text - 1, "f", &info) && strstr(info.text, "f:2:12: found 'a?b'"),
           "a NUL is a mistake, not an end");
    xo_iv_free(&iv);
}

static void files(void)
{
    struct xo_iv iv = {0};
    if (!scratch_enter()) {
        tap_skip("files", "a folder to write to");
        return;
    }
    tap_ok(xo_iv_read(&iv, "nosuch.csv", &info) > 0 && strstr(info.text, "nosuch.csv"), "a file that is not there");
    scratch_put("iv.csv", "level,v[V],i[A]\n0,0.5,1.5e-6\n", 29);
    tap_ok(!xo_iv_read(&iv, "iv.csv", &info) && iv.ampere[0] == 1.5e-6, "a file is read");
    xo_iv_free(&iv);
    if (speak_german()) {
        tap_ok(!xo_iv_read(&iv, "iv.csv", &info) && iv.ampere[0] == 1.5e-6, "under a locale with decimal commas too");
        xo_iv_free(&iv);
        setlocale(LC_ALL, "C");
    } else {
        tap_skip("under a locale with decimal commas too", "de_DE.UTF-8");
    }
    scratch_leave();
}

int main(void)
{
    columns_in_any_order();
    without_devices();
    order_of_lines_does_not_matter();
    mistakes_have_a_place();
    nul_is_no_end();
    files();
    return tap_done();
}
