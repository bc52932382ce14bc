/* crossohm: exact currents of resistive crossbars.  Finds the verb; each verb lives in its own file.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"

static const struct verb {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} verbs[] = {
    {"solve",   cli_solve,   "column currents of an array, each with a proven bound"},
    {"matrix",  cli_matrix,  "the exact conductance matrix: I = V^T G_ni + i0"},
    {"fit",     cli_fit,     "a fast model of an array or a technology, and what it is worth"},
    {"compare", cli_compare, "engines, ngspice and the fast model on one array, and a report"},
    {"apply",   cli_apply,   "a fast model's currents, for files of any size"},
    {"netlist", cli_netlist, "an array as a SPICE deck, in five dialects"},
    {"map",     cli_map,     "what a network's weights become on arrays, tile by tile"},
    {"eval",    cli_eval,    "a network on real data: in float32, on crossbars, and what it loses"},
    {"info",    cli_info,    "what a file holds"},
    {"converter", cli_converter, "a DAC's or ADC's parameters from a sweep of its deck"},
    {"bench",   cli_bench,   "how fast, against what this machine can do"},
    {"device",  cli_device,  "a cell law and its parameters from measured I-V curves"},
};
#define VERBS (sizeof verbs / sizeof *verbs)

/* The verbs of DESIGN that come later: named, so that nobody hunts for a typing mistake. */
static const char *const planned[] = {"sweep", "merge"};

static int help(FILE *to)
{
    fputs("Example: crossohm solve hardware.yaml -g G.npy -v V.npy -o I.npy\n\n"
          "Exact currents of resistive crossbars, with a proof.  crossohm VERB --help says more:\n\n", to);
    for (size_t k = 0; k < VERBS; k++)
        fprintf(to, "  %-9s %s\n", verbs[k].name, verbs[k].summary);
    fputs("  help      this page, or help VERB\n"
          "  version   which crossohm this is\n\n"
          "Results go to files or standard output, talk to standard error.  Exit 0 done, 1 failed,\n"
          "2 usage, 3 not proven, 4 bad input.\n", to);
    return to == stdout ? cli_finish_stdout() : CLI_USAGE;
}

static const struct verb *find(const char *name)
{
    for (size_t k = 0; k < VERBS; k++)
        if (!strcmp(verbs[k].name, name))
            return &verbs[k];
    return NULL;
}

static int unknown(const char *name)
{
    for (size_t k = 0; k < sizeof planned / sizeof *planned; k++)
        if (!strcmp(planned[k], name))
            return cli_fail(CLI_USAGE, "%s: comes with a later version; expected a verb of crossohm --help", name);
    return cli_fail(CLI_USAGE, "%s: not a verb; expected one of crossohm --help", name);
}

/* OpenBLAS starts threads of its own before main; they would change the order of sums from run to run, and when
 * memory is short they keep the process from ending.  What it reads at its start can only be set before that: so
 * begin once more.  Where that fails, its threads at least get no work. */
void openblas_set_num_threads(int threads);

static void begin_with_one_blas_thread(char **argv)
{
    if (!getenv("OPENBLAS_NUM_THREADS") && !setenv("OPENBLAS_NUM_THREADS", "1", 1))
        execv("/proc/self/exe", argv);
    openblas_set_num_threads(1);
}

int main(int argc, char **argv)
{
    begin_with_one_blas_thread(argv);
    enum xo_simd simd;
    signal(SIGXFSZ, SIG_IGN);          /* a file-size limit is then an error of the write, with a message */
    cli_find_helper();
    if (argc < 2)
        return help(stderr);
    const char *name = argv[1];
    if (!strcmp(name, "version") || !strcmp(name, "--version"))
        return cli_print_version();
    bool asks = !strcmp(name, "help") || !strcmp(name, "--help") || !strcmp(name, "-h");
    if (asks && argc == 2)
        return help(stdout);
    const struct verb *verb = find(asks ? argv[2] : name);
    if (!verb)
        return unknown(asks ? argv[2] : name);
    int code = cli_simd(&simd);        /* a mistake in it is told by every verb */
    if (code)
        return code;
    if (asks)
        return verb->run(2, (char *[]){argv[0], (char []){"--help"}, NULL});
    return verb->run(argc - 1, argv + 1);
}
