#!/bin/sh
# Fast models of nonlinear arrays on inputs they have not seen: rms and largest error over full scale against exact
# currents, of the cheapest stage within 0.45 % and 0.05 % and of the cheapest within 0.005 %, and what they cost, counted
# and measured.
#   results/nonlinear/make.sh [build folder]      writes stages.txt and timing.txt beside itself; ten minutes
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
cd "$(dirname "$0")/../.."
top=$PWD build=$(cd "${1:-build}" && pwd)
out=$top/results/nonlinear
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
PATH=$build:$PATH
LC_ALL=C
export LC_ALL

# cells SEED ROWS COLUMNS LOW HIGH KIND: uniform, weights (|normal|/3, clipped), log
cells() {
    awk -v seed="$1" -v m="$2" -v n="$3" -v a="$4" -v b="$5" -v kind="$6" 'BEGIN {
        srand(seed)
        for (i = 0; i < m; i++)
            for (j = 0; j < n; j++) {
                x = rand()
                if (kind == "weights") { x = sqrt(-2 * log(x + 1e-12)) * cos(6.283185307179586 * rand()) / 3
                                         if (x < 0) x = -x; if (x > 1) x = 1 }
                printf "%.17g%s", kind == "log" ? a * exp(x * log(b / a)) : a + (b - a) * x, j < n - 1 ? "," : "\n"
            }
    }'
}
# inputs SEED COUNT ROWS KIND: sparse (a density of its own for each), dense, bits (0 or 0.5 V)
inputs() {
    awk -v seed="$1" -v count="$2" -v m="$3" -v kind="$4" 'BEGIN {
        srand(seed)
        for (n = 0; n < count; n++) {
            density = kind == "dense" ? 1 : rand()
            for (i = 0; i < m; i++)
                printf "%.17g%s", rand() < density ? (kind == "bits" ? 0.5 : 0.5 * rand()) : 0, i < m - 1 ? "," : "\n"
        }
    }'
}
error() {
    awk -F, '
        FNR == 1 { file++; row = 0 }
        /^#/ { next }
        { row++; for (j = 1; j <= NF; j++) amp[file, row, j] = $j; n = NF; rows = row }
        END {
            for (k = 1; k <= rows; k++) for (j = 1; j <= n; j++) {
                d = amp[1, k, j] - amp[2, k, j]; if (d < 0) d = -d
                if (amp[2, k, j] > full) full = amp[2, k, j]
                if (d > worst) worst = d; sum += d * d; count++
            }
            printf "%9.5f %9.5f", 100 * sqrt(sum / count) / full, 100 * worst / full
        }' "$1" "$2"
}
taken() {
    crossohm info "$1" | awk '/ taken$/ { sub(/ %.*/, ""); sub(/ +[^ ]+$/, ""); cost = $NF; sub(/ +[^ ]+$/, "")
        printf "%7s  %s\n", cost, $0 }'
}
# one TOLERANCE: the stage it takes, on new inputs of both kinds
one() {
    crossohm fit hw.yaml -g g.csv --tolerance "$1" -o m.fcm --quiet --threads 2 2>said || true
    for how in sparse dense; do
        crossohm apply m.fcm -v $how.csv -o fast.out.csv --quiet 2>>said
        echo "$(printf '%-9s %-8s %4s %-7s' "$size" "$kind" "$seed" $how) $(error fast.out.csv $how.out.csv) $(taken m.fcm)"
    done
}
# array ROWS COLUMNS LOW HIGH KIND SEED TOLERANCES
array() {
    size=$1x$2 kind=$5 seed=$6
    cells "$seed" "$1" "$2" "$3" "$4" "$5" >g.csv
    cat >hw.yaml <<END
array: {row_wire_ohm: 2, column_wire_ohm: 2, driver_ohm: 2, sense_ohm: 2}
device: {law: sinh, v0_volt: 0.25, reference_volt: 0.5, on_siemens: $4, off_siemens: $3}
dac: {read_volt: 0.5}
seed: $seed
END
    for how in sparse dense; do
        inputs "$((seed + 100))" 200 "$1" $how >$how.csv
        crossohm solve hw.yaml -g g.csv -v $how.csv -o $how.out.csv --quiet --threads 2
    done
    for tolerance in $7; do
        one "$tolerance"
    done
}
head_of() {
    echo "# crossohm $(crossohm --version | sed -n '1s/.* //p'); results/nonlinear/make.sh"
}
{
    head_of
    echo "# cells sinh, v0 0.25 V, read at 0 .. 0.5 V, reference_volt 0.5; wires, driver and sense 2 ohm; fitted without V;"
    echo "# errors on 200 new inputs against exact currents, % of their full scale; cost in products V^T G"
    echo "# array   cells    seed inputs        rms   largest    cost stage"
    echo "# 1e-5 .. 1e-4 S: 0.45 % at no more than 4, and 0.01 % at any cost, were promised"
    for s in 1 2; do
        array 64 64 1e-5 1e-4 weights $s "4.5e-3 1e-3 1e-4"
    done
    array 64 64 1e-5 1e-4 uniform 4 "4.5e-3 1e-4"
    array 64 64 1e-5 1e-4 log 5 "4.5e-3 1e-4"
    array 40 96 1e-5 1e-4 weights 6 "4.5e-3 1e-4"
    array 96 40 1e-5 1e-4 uniform 7 "4.5e-3 1e-4"
    echo "# 1e-6 .. 1e-5 S: 0.05 % at no more than 4"
    for s in 1 2 3; do
        array 32 32 1e-6 1e-5 weights $s "5e-4 5e-5"
    done
    array 32 32 1e-6 1e-5 uniform 4 "5e-4 5e-5"
    array 17 48 1e-6 1e-5 log 5 "5e-4 5e-5"
} >"$out/stages.txt.part"
mv "$out/stages.txt.part" "$out/stages.txt"

# Every stage of the first array: held-out errors, and for inputs of one bit.
{
    head_of
    echo "# every stage that fit tried, 64x64, 1e-5 .. 1e-4 S (weights, seed 1), errors held out; inputs 0 .. 0.5 V"
    cells 1 64 64 1e-5 1e-4 weights >g.csv
    sed -i 's/on_siemens: [^,]*, off_siemens: [^}]*/on_siemens: 1e-4, off_siemens: 1e-5/; s/^seed.*/seed: 1/' hw.yaml
    crossohm fit hw.yaml -g g.csv -o m.fcm --quiet --threads 2
    crossohm info m.fcm | sed -n '/^stage  .*cost/,/^5 corr/p'
    echo "# the same, inputs 0 or 0.5 V: two voltages are a straight line whatever the function, so only what lets rows act on"
    echo "# each other, bend and corrections, says more than one matrix"
    inputs 9 300 64 bits >v.csv
    crossohm fit hw.yaml -g g.csv -v v.csv -o bits.fcm --quiet --threads 2 || true
    crossohm info bits.fcm | sed -n '/^stage  .*cost/,/^5 corr/p'
} >"$out/ladder.txt.part"
mv "$out/ladder.txt.part" "$out/ladder.txt"

# Time, one core; the command's own clock, reading and writing left out.
{
    head_of
    echo "# $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), one core, inputs in memory; 64x64 as above"
    for tolerance in 1 4.5e-3 1e-3 1e-4 1e-6; do
        crossohm fit hw.yaml -g g.csv --tolerance $tolerance -o t.$tolerance.fcm --quiet --threads 2
    done
    "$build"/bench/stages t.*.fcm
} >"$out/timing.txt.part"
mv "$out/timing.txt.part" "$out/timing.txt"
