#!/bin/sh
# Time of planning, factoring and solving by engine and size, certificate included, and the ratio to KLU on the same
# equations, which is what a modern SPICE would cost.  One core; all engines in one run, because machines are noisy.
#   results/speed/make.sh [build folder]          writes five files beside itself; half an hour
# timing.txt     16 inputs by three engines
# scaling.txt    what crossohm bench measures, one input by every engine at sides that double, and the exponent e of
#                seconds = c cells^e through all sides
# auto.txt       how much longer than the better engine auto takes, over a grid of arrays; coefficients of solver/cost.c
#                come from it
# products.txt   a fast model's products by our kernels and by OpenBLAS's
# lanes.txt      an iteration of engine line for one input, and for eight in the lanes of its vectors
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
cd "$(dirname "$0")/../.."
build=$(cd "${1:-build}" && pwd)
out=$PWD/results/speed/timing.txt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
numbers() {                                 # rows columns low high seed: log-uniform
    awk -v r="$1" -v c="$2" -v lo="$3" -v hi="$4" -v seed="$5" 'BEGIN {
        srand(seed)
        for (i = 0; i < r; i++) {
            line = ""
            for (j = 0; j < c; j++)
                line = line (j ? "," : "") sprintf("%.9g", lo * exp(rand() * log(hi / lo)))
            print line
        }
    }'
}
{
    echo "# crossohm $("$build"/crossohm --version | sed -n '1s/.* //p'); $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
    echo "# cells 1e-6..1e-5 S log-uniform, wires 1 ohm, driver and sense 100 ohm, 16 inputs 0.02..0.2 V; medians of 5 runs"
    echo "# seconds: plan once per geometry, factor once per array, solve per input with its proof; ratios are factor + solve"
    printf '%-10s %-9s %9s %9s %12s %10s\n' array engine plan factor solve/input 'klu/this'
    for size in 16 32 64 128 256; do
        numbers $size $size 1e-6 1e-5 1 >"$work/g.csv"
        numbers 16 $size 0.02 0.2 2 >"$work/v.csv"
        echo '{}' >"$work/hw.yaml"
        for run in 1 2 3 4 5; do
            "$build"/crossohm compare "$work/hw.yaml" -g "$work/g.csv" -v "$work/v.csv" --against klu,starmesh \
                --quiet | sed -n '/^Times/,$p' | sed 1d
        done | awk -v size=$size '
            { n[$1]++; for (k = 2; k <= 4; k++) t[$1, k, n[$1]] = $k }
            function median(e, k,    a, i, j, x, m) {
                m = n[e]
                for (i = 1; i <= m; i++) a[i] = t[e, k, i]
                for (i = 2; i <= m; i++) for (j = i; j > 1 && a[j - 1] > a[j]; j--) { x = a[j]; a[j] = a[j - 1]; a[j - 1] = x }
                return a[int((m + 1) / 2)]
            }
            END {
                split("cholmod klu starmesh", name)
                klu = median("klu", 3) + median("klu", 4)
                for (i = 1; i <= 3; i++) {
                    e = name[i]
                    printf "%-10s %-9s %9.5f %9.5f %12.6f %10.2f\n", size "x" size, e, median(e, 2), median(e, 3),
                        median(e, 4) / 16, klu / (median(e, 3) + median(e, 4))
                }
            }'
    done
} >"$out.part"
mv "$out.part" "$out"

# Fields of the bench's table: what,array,engine,side,total_sec,fraction_of_limit,...; the array's name holds a comma.
fit() {
    awk -F'"' '
        /^#/ { if (!/what,array/) print; next }
        {
            split($7, n, ",")
            key = $4 " | " $6
            if (!(key in count)) order[++keys] = key
            m = ++count[key]
            side[key, m] = n[2]; sec[key, m] = n[3]
            if (!(n[2] in seen)) { seen[n[2]] = 1; sides[++all] = n[2] }
            at[key, n[2]] = n[3]
        }
        END {
            printf "%-44s", "# seconds: array | engine, by side"
            for (k = 1; k <= all; k++) printf " %10s", sides[k]
            print "   exponent of cells"
            for (q = 1; q <= keys; q++) {
                key = order[q]; m = count[key]; sx = sy = sxx = sxy = 0
                for (k = 1; k <= m; k++) {
                    x = 2 * log(side[key, k]); y = log(sec[key, k])
                    sx += x; sy += y; sxx += x * x; sxy += x * y
                }
                printf "%-44s", key
                for (k = 1; k <= all; k++)
                    if ((key, sides[k]) in at) printf " %10.3g", at[key, sides[k]]; else printf " %10s", "-"
                print "   " (m < 2 ? "-" : sprintf("%.2f", (m * sxy - sx * sy) / (m * sxx - sx * sx)))
            }
        }'
}
{
    echo "# crossohm $("$build"/crossohm --version | sed -n '1s/.* //p'); $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
    echo "# crossohm bench --from 32 --size 1024: plan + factor + solve of one input, proof included; one thread"
    "$build"/crossohm bench --from 32 --size 1024 --quiet | fit
} >"${out%timing.txt}scaling.txt.part"
mv "${out%timing.txt}scaling.txt.part" "${out%timing.txt}scaling.txt"

machine() {
    echo "# crossohm $("$build"/crossohm --version | sed -n '1s/.* //p'); $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1); processor time on one core"
}
export OPENBLAS_NUM_THREADS=1

{
    machine
    echo "# ends of 100 ohm; from description to proven currents: milliseconds by line, by cholmod, by auto (what it took);"
    echo "# by array and inputs: in how many of all cases line is the better one, auto over 1.2 of the better one, the worst"
    "$build"/bench/choice grid 512
} >"${out%timing.txt}auto.txt.part"
mv "${out%timing.txt}auto.txt.part" "${out%timing.txt}auto.txt"

rate() {                                    # instruction set, kernels of OpenBLAS, inputs, rows, columns
    CROSSOHM_SIMD=$1 OPENBLAS_CORETYPE=$2 "$build"/bench/apply "$3" "$4" "$5" |
        awk '/^dgemm/ { d = $3 } /^apply/ { printf " %8s %8s", $3, sprintf("%.2f", $3 / d) }'
}
{
    machine
    echo "# GF/s of the products of a fast model, and their share of OpenBLAS's dgemm of 1536x1536 with the same vectors"
    printf '%-12s %17s %17s %17s %17s\n' array 'ours, AVX-512' 'its, AVX-512' 'ours, AVX2' 'its, AVX2'
    while read -r inputs rows columns; do
        printf '%-12s' "${rows}x$columns"
        rate avx512 SkylakeX "$inputs" "$rows" "$columns"
        rate portable SkylakeX "$inputs" "$rows" "$columns"
        rate avx2 Haswell "$inputs" "$rows" "$columns"
        rate portable Haswell "$inputs" "$rows" "$columns"
        echo
    done <<EOF
200000 16 16
100000 100 10
100000 64 33
100000 64 64
50000 128 128
20000 256 256
2000 1024 1024
EOF
} >"${out%timing.txt}products.txt.part"
mv "${out%timing.txt}products.txt.part" "${out%timing.txt}products.txt"

{
    machine
    "$build"/bench/lanes
} >"${out%timing.txt}lanes.txt.part"
mv "${out%timing.txt}lanes.txt.part" "${out%timing.txt}lanes.txt"
