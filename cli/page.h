/* What every HTML page of ours shares: one file without script that prints well and can be sent to a colleague.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CLI_PAGE_H
#define CLI_PAGE_H

#include <stdio.h>

void page_begin(FILE *to, const char *title);
void page_end(FILE *to);
void page_text(FILE *to, const char *text);             /* names of files may hold anything: escaped */
void page_figure(FILE *to, const char *value, const char *meaning);     /* within <div class="figures"> */

#endif
