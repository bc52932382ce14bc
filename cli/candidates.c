/* The stages that a fit tried, as people and programs read them.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <stdio.h>
#include "cli.h"
#include "xo_fcm.h"

bool cli_candidate_taken(const struct xo_fcm *m, size_t k)
{
    const struct xo_fcm_candidate c = xo_fcm_candidate_at(m, k);
    return c.stage == m->stage && c.functions == m->basis.functions && c.bent == m->basis.bent &&
           c.corrections == m->correction.count;
}

json_t *cli_candidate_of(const struct xo_fcm_candidate *c, bool taken)
{
    static const char *const stage[] = {"linear", "basis", "corrected", "ladder"};
    return json_pack("{s:s, s:I, s:b, s:I, s:I, s:f, s:f, s:f, s:[f,f], s:b}", "stage", stage[c->stage], "functions",
                     (json_int_t)c->functions, "bent", c->bent, "corrections", (json_int_t)c->corrections, "sweeps",
                     (json_int_t)c->sweeps, "cost", c->cost, "error_rms", c->error_rms, "error_max", c->error_max,
                     "error_interval95", c->error_interval95[0], c->error_interval95[1], "taken", taken);
}

json_t *cli_candidate_json(const struct xo_fcm *m, size_t k)
{
    const struct xo_fcm_candidate c = xo_fcm_candidate_at(m, k);
    return cli_candidate_of(&c, cli_candidate_taken(m, k));
}

void cli_print_candidate_head(FILE *to)
{
    fprintf(to, "%-28s %10s %11s %11s   %s\n", "stage", "cost", "error rms", "largest", "95 % of errors");
}

void cli_print_candidate(FILE *to, const struct xo_fcm_candidate *c, bool taken)
{
    char name[48];
    xo_fcm_candidate_name(c, name, sizeof name);
    fprintf(to, "%-28s %10.4g %9.2g %% %9.2g %%   %9.2g %% to %.2g %%%s\n", name, c->cost, 100 * c->error_rms,
            100 * c->error_max, 100 * c->error_interval95[0], 100 * c->error_interval95[1], taken ? "   taken" : "");
}

void cli_print_candidates(FILE *to, const struct xo_fcm *m)
{
    if (m->candidates)
        cli_print_candidate_head(to);
    for (size_t k = 0; k < m->candidates; k++) {
        const struct xo_fcm_candidate c = xo_fcm_candidate_at(m, k);
        cli_print_candidate(to, &c, cli_candidate_taken(m, k));
    }
    if (m->candidates)
        fprintf(to, "cost: products V^T G, as many multiplications; errors: of full scale, on inputs kept out of the "
                "fit\n");
}
