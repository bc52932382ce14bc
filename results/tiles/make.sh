#!/bin/sh
# Exact conductance matrices of many arrays at once, star-mesh elimination with one array in each vector lane: time for
# an array and share of the core's best matrix-multiplication rate; then a network's worth of arrays on two cores.
#   results/tiles/make.sh [build folder]          writes timing.txt and entries.txt beside itself; three minutes on an
#                                                 idle machine
# entries.txt: how far entries are from quadruple precision, tests/t-batch on real sizes; worst of 8 columns and of every
# instruction set.
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
cd "$(dirname "$0")/../.."
build=$(cd "${1:-build}" && pwd)
out=$PWD/results/tiles/timing.txt
{
    echo "# crossohm $("$build"/crossohm --version | sed -n '1s/.* //p'); $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
    echo "# cells 1e-6..1e-4 S log-uniform, wires 1 ohm, driver and sense 100 ohm; batches of 64 arrays, best of 7, processor"
    echo "# time on one core; Mflop counts a multiply-add as two, as the gemm rates do; prototype: ms/array of the first one"
    "$build"/bench/tiles
    echo "# the same with 256-bit vectors"
    CROSSOHM_SIMD=avx2 "$build"/bench/tiles
    echo "# random 8-bit weights in 2-bit cells, differential"
    "$build"/bench/tiles vgg 270000 2
} >"$out.part"
mv "$out.part" "$out"

make -s -C "$build" tests/t-batch
{
    echo "# crossohm $("$build"/crossohm --version | sed -n '1s/.* //p'); results/tiles/make.sh; relative errors of entries above 1e-30 S"
    echo "# conductances 1e-9..1e-3 S log-uniform, driver and sense 100 ohm"
    CROSSOHM_LONG=1 "$build"/tests/t-batch | sed -n 's/^# *\([0-9]*x[0-9]* *wires\)/\1/p'
} >"${out%timing.txt}entries.txt.part"
mv "${out%timing.txt}entries.txt.part" "${out%timing.txt}entries.txt"
