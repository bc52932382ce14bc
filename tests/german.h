/* A locale with decimal commas: the system's own German one, or one made in the scratch folder.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GERMAN_H
#define GERMAN_H

#include <locale.h>
#include "scratch.h"

/* Call it in the scratch folder.  0 where no such locale can be had; end with setlocale(LC_ALL, "C"). */
static int speak_german(void)
{
    if (!setlocale(LC_ALL, "de_DE.UTF-8")) {
        setenv("LOCPATH", scratch_folder, 1);
        if (system("localedef -i de_DE -f UTF-8 ./de_DE.UTF-8 >/dev/null 2>&1") || !setlocale(LC_ALL, "de_DE.UTF-8"))
            return 0;
    }
    return !strcmp(localeconv()->decimal_point, ",");
}

#endif
