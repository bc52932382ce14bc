/* Files of numbers for crossohm info: print what they hold and note it in report; return the exit code.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CLI_INFO_H
#define CLI_INFO_H

#include "cli.h"

int info_npy(const char *path, json_t *report);
int info_csv(const char *path, json_t *report);
int info_npz(const char *path, json_t *report);

#endif
