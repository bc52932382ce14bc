/* What `info` knows to read, kind by kind: each prints what the file holds and puts it into the report.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CLI_INFO_H
#define CLI_INFO_H

#include "cli.h"

struct info_file {
    const char *name;                  /* for messages: the path, or "standard input" */
    char *bytes;                       /* all of it, a NUL behind */
    size_t nbytes;
};

/* info_array.c */
int info_npy(const struct info_file *file, json_t *report);
int info_csv(const struct info_file *file, json_t *report);
int info_npz(const struct info_file *file, json_t *report);

/* info_report.c */
int info_json(const struct info_file *file, json_t *report);
int info_html(const struct info_file *file, json_t *report);
void info_print_text(const char *text, size_t length);                 /* of a file: control characters as '?' */

int info_deck(const struct info_file *file, json_t *report);           /* deck.c */
int info_fcm(const struct info_file *file, json_t *report);            /* info_fcm.c */

#endif
