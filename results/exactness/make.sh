#!/bin/sh
# Every engine against an independent quadruple-precision reference, on the arrays an engineer would bring.
#   results/exactness/make.sh [build folder]      writes table.txt beside itself; about 10 s
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
cd "$(dirname "$0")/../.."
build=${1:-build}
make -s -C "$build" tests/t-arrays
{
    echo "# crossohm $("$build"/crossohm --version | sed -n '1s/.* //p'); results/exactness/make.sh; errors and bounds"
    echo "# relative to each column's scale s_j, worst of all columns and inputs; the reference is tests/reference.c"
    CROSSOHM_LONG=1 "$build"/tests/t-arrays | sed -n 's/^# //p' | sed 's/ *[0-9.]* s$//'
} >results/exactness/table.txt.part
mv results/exactness/table.txt.part results/exactness/table.txt
