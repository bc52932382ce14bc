#!/bin/sh
# Time of planning, factoring and solving by engine and size, certificate included, and the ratio to KLU on the same
# equations, which is what a modern SPICE would cost.  One core; all engines in one run, because machines are noisy.
#   results/speed/make.sh [build folder]          writes timing.txt and scaling.txt beside itself; some minutes
# scaling.txt is what crossohm bench measures, one input by every engine at sides that double, and the exponent e of
# seconds = c cells^e through all sides; coefficients of solver/cost.c come from it.
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
