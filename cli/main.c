/* crossohm: exact currents of resistive crossbars.  Finds the verb; each verb lives in its own file.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include "cli.h"

static const struct verb {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} verbs[] = {
    {"solve",   cli_solve,   "column currents of an array, each with a proven bound"},
    {"matrix",  cli_matrix,  "the exact conductance matrix: I = V^T G_ni + i0"},
    {"compare", cli_compare, "several engines on one array, and a report"},
    {"info",    cli_info,    "what a file holds"},
};
#define VERBS (sizeof verbs / sizeof *verbs)

/* The verbs of DESIGN that come later: named, so that nobody hunts for a typing mistake. */
static const char *const planned[] = {"netlist", "fit", "apply", "device", "converter", "map", "eval", "sweep",
                                      "merge", "bench"};

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

/* OpenBLAS: its own threads would change the order of sums from run to run; ours work on fixed blocks. */
void openblas_set_num_threads(int threads);

int main(int argc, char **argv)
{
    openblas_set_num_threads(1);
    signal(SIGXFSZ, SIG_IGN);          /* a file-size limit is then an error of the write, with a message */
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
    if (asks)
        return verb->run(2, (char *[]){argv[0], (char []){"--help"}, NULL});
    return verb->run(argc - 1, argv + 1);
}
