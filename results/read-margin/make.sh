#!/bin/sh
# Reading one cell of a memory array: what is left of the margin (I_on - I_off) / I_on as the array grows.  The worst
# cell, furthest from driver and sense amplifier, all others on; biased V/2, V/3 or floating; ohmic cells, sinh cells,
# and cells with a selector of 60 mV per decade in series.  To 64x64 ngspice judges both currents.
#   results/read-margin/make.sh [build folder]      writes table.csv and margin.svg; some minutes
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
cd "$(dirname "$0")/../.."
build=$(cd "${1:-build}" && pwd)
out=$PWD/results/read-margin
work=$(mktemp -d)
trap 'rm -rf "$work" "$out"/*.part' EXIT
LC_ALL=C
export LC_ALL
helper=$build/crossohm-ngspice
[ ! -x "$helper" ] || export CROSSOHM_NGSPICE_HELPER="$helper"

cells='on_siemens: 1e-5, off_siemens: 1e-7'
array='{row_wire_ohm: 1, column_wire_ohm: 1, driver_ohm: 10, sense_ohm: 10}'
device() {
    case $1 in
    ohmic) echo "{$cells}" ;;
    sinh) echo "{$cells, law: sinh, v0_volt: 0.25, reference_volt: 0.5}" ;;
    selector) echo "{$cells, type: 1S1R, selector: {v0_volt: 0.02606, siemens: 1e-12, reference_volt: 0}}" ;;
    esac
}
# read_cell LAW SCHEME SIDE ENGINE: r.json
read_cell() {
    printf 'array: %s\ndevice: %s\n' "$array" "$(device "$1")" >"$work/hw.yaml"
    "$build"/crossohm solve "$work/hw.yaml" --scheme "$2" --cell 0,$(($3 - 1)) --read-volt 1 --set array.rows="$3" \
        --set array.columns="$3" --engine "$4" --json "$work/r.json" --quiet >"$work/printed"
}
# the value of NAME, its first (on) and second (off) time in r.json
numbers() {
    sed -n "s/.*\"$1\": \([^,]*\),*\$/\1/p" "$work/r.json"
}
{
    echo "# crossohm $("$build"/crossohm --version | sed -n '1s/.* //p'), results/read-margin/make.sh"
    echo "# array: $array"
    for law in ohmic sinh selector; do
        echo "# $law: $(device $law)"
    done
    echo "# the cell of row 0, last column, read at 1 V with all others on; currents in ampere into its sense amplifier"
    echo "# margin: (on - off) / on; bound: worst of both reads, over the column's scale; ngspice: its largest difference from"
    echo "# either current, over that current"
    echo "law,scheme,side,on[A],off[A],margin,bound_rel,ngspice_rel"
    for law in ohmic sinh selector; do
        for scheme in half third floating; do
            for side in 8 16 32 64 128 256; do
                read_cell $law $scheme $side auto
                ours="$(numbers sensed_amp | tr '\n' ' ') $(numbers read_margin) $(numbers worst_bound_rel)"
                judged=
                if [ $side -le 64 ] && [ -x "$helper" ]; then
                    read_cell $law $scheme $side ngspice
                    judged=$(numbers sensed_amp | tr '\n' ' ')
                fi
                echo "$law $scheme $side $ours $judged" | awk '{
                    a = $8 / $4 - 1; b = $9 / $5 - 1; a = a < 0 ? -a : a; b = b < 0 ? -b : b
                    printf "%s,%s,%s,%s,%s,%.6g,%.1e,%s\n", $1, $2, $3, $4, $5, $6, $7,
                        (NF > 7 ? sprintf("%.1e", a > b ? a : b) : "")
                }'
            done
        done
    done
} >"$out/table.csv.part"
awk -F, -f "$out/plot.awk" "$out/table.csv.part" >"$out/margin.svg.part"
mv "$out/table.csv.part" "$out/table.csv"
mv "$out/margin.svg.part" "$out/margin.svg"
