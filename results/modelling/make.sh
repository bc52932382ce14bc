#!/bin/sh
# What each modelling assumption is worth, in codes of an 8-bit ADC calibrated on the tile of examples/: how far
# column currents move when it is dropped or changed, rms and at worst over 200 inputs and 64 columns: table.csv,
# shown in crossohm-modelling(7).
#   results/modelling/make.sh [build folder]       about 10 s
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
cd "$(dirname "$0")/../.."
build=${1:-build}
out=results/modelling
work=$(mktemp -d "${TMPDIR:-/tmp}/crossohm-modelling.XXXXXX")
trap 'rm -rf "$work" $out/table.csv.part' EXIT
tile=examples/lenet-tile.yaml
g=examples/lenet_fc1_tile_siemens.npy
v=examples/lenet_fc1_tile_volt.npy
LC_ALL=C
export LC_ALL

solve() {                              # OUT.csv G V --set ...
    to=$1 siemens=$2 volt=$3
    shift 3
    "$build"/crossohm solve $tile -g "$siemens" -v "$volt" -o "$work/$to" --quiet "$@"
}
# Difference of two files of currents over the LSB.
row() {                                # assumption, change, FROM, TO
    awk -F, -v name="$1" -v change="$2" -v lsb="$lsb" '
        /^#/ { next }
        FILENAME == ARGV[1] { was[++n] = $0; next }
        { split(was[++k], a, ","); for (j = 1; j <= NF; j++) { d = ($j - a[j]) / lsb; sum += d * d; many++
              if (d < 0) d = -d; if (d > worst) worst = d } }
        END { printf "%s;%s;%.2g;%.2g\n", name, change, sqrt(sum / many), worst }' "$work/$3" "$work/$4"
}
# The tile with settings changed, against the tile as it is.
change() {                             # assumption, KEY=VALUE ...
    name=$1 settings=
    shift
    for setting; do
        settings="$settings${settings:+ }--set $setting"
    done
    # shellcheck disable=SC2086
    solve changed.csv $g $v $settings
    row "$name" "$settings" base.csv changed.csv
}
# Another G or V, written by awk from the numbers of the tile.
edit() {                               # TO FROM statement about every number x, in column k
    awk -F, -v OFS=, 'function seeded() { seed = seed * 16807 % 2147483647; return seed / 2147483647 }
        function normal() { return sqrt(-2 * log(seeded())) * cos(6.283185307179586 * seeded()) }
        BEGIN { seed = 1; OFMT = CONVFMT = "%.17g" }
        !/^#/ { for (k = 1; k <= NF; k++) { x = $k + 0; '"$3"'; $k = x } print }' \
        "$work/$2" >"$work/$1"
}

# G and V as numbers: what arrays of no wires and unit matrices say.
awk 'BEGIN { for (i = 0; i < 64; i++) for (j = 0; j < 64; j++) printf "%d%s", i == j, j < 63 ? "," : "\n" }' \
    >"$work/one.csv"
none="--set array.row_wire_ohm=0 --set array.column_wire_ohm=0 --set array.driver_ohm=0 --set array.sense_ohm=0"
# shellcheck disable=SC2086
solve g.csv $g "$work/one.csv" $none
# shellcheck disable=SC2086
solve v.csv "$work/one.csv" $v $none

solve base.csv $g $v
"$build"/crossohm fit $tile -g $g -v $v -o "$work/array.fcm" --quiet
lsb=$("$build"/crossohm info "$work/array.fcm" | sed -n 's/^  range  *from 0 A in steps of \(.*\) A$/\1/p')
"$build"/crossohm apply "$work/array.fcm" -v $v --gain -o "$work/gain.csv" --quiet

{
    echo "# $("$build"/crossohm --version | sed 1q); results/modelling/make.sh; 1 code = $lsb A"
    echo "# assumption;change;rms [codes];worst [codes]"
    # shellcheck disable=SC2086
    solve ideal.csv $g $v $none
    row "no wires, drivers, senses" "all four --set to 0: the ideal array" base.csv ideal.csv
    row "the same, one gain allowed" "against apply --gain" gain.csv ideal.csv
    change "no row wires" array.row_wire_ohm=0
    change "no column wires" array.column_wire_ohm=0
    change "no drivers" array.driver_ohm=0
    change "no senses" array.sense_ohm=0
    change "a segment in front of each row" array.driver_ohm=101
    change "a segment behind each column" array.sense_ohm=101
    change "driven from both sides" array.drive_side=both
    change "sensed at the top" array.sense_side=top
    change "wires 10 % worse" array.row_wire_ohm=1.1 array.column_wire_ohm=1.1
    change "copper 50 K warmer" array.row_wire_ohm=1.195 array.column_wire_ohm=1.195
    change "driver, sense 10 % worse" array.driver_ohm=110 array.sense_ohm=110
    change "senses at 1 mV" array.sense_volt=0.001
    change "1 kohm at every cell" device.series_ohm=1000
    change "a cell stuck on" array.faults.stuck=[[32,32,1e-5]]
    change "a word line broken in its middle" array.faults.open_word_segments=[[32,31]]
    edit cells.csv g.csv 'x *= 1 + 0.01 * normal()'
    solve changed.csv "$work/cells.csv" $v
    row "cells 1 % off" "G times 1 + 0.01 N(0,1)" base.csv changed.csv
    edit cells.csv g.csv 'x *= 1 + 0.05 * normal()'
    solve changed.csv "$work/cells.csv" $v
    row "cells 5 % off" "G times 1 + 0.05 N(0,1)" base.csv changed.csv
    law='device={law: sinh, v0_volt: 0.5, reference_volt: 0.2}'
    solve changed.csv $g $v --set "$law"
    row "cells like sinh(v/0.5 V)" "--set $law" base.csv changed.csv
    edit volts.csv v.csv 'x += 0.0005 * normal()'
    solve changed.csv $g "$work/volts.csv"
    row "read voltages 0.5 mV off" "V plus 0.5 mV N(0,1)" base.csv changed.csv
    edit volts.csv v.csv 'if (k > 32) x = 0'
    solve driven.csv $g "$work/volts.csv"
    solve changed.csv $g "$work/volts.csv" \
        --set "array.lines={word: {$(seq -s ': floating, ' 32 63): floating}}"
    row "unused rows float" "V of rows 32 to 63 0 V, or array.lines floating" driven.csv changed.csv
    edit cells.csv g.csv 'if (k > 32) x = 1e-6'
    solve off.csv "$work/cells.csv" $v
    edit cells.csv g.csv 'if (k > 32) x = 0'
    solve changed.csv "$work/cells.csv" $v
    cut -d, -f1-32 "$work/off.csv" >"$work/off-half.csv"
    cut -d, -f1-32 "$work/changed.csv" >"$work/open-half.csv"
    row "unused columns open" "G of columns 32 to 63 off, or 0" off-half.csv open-half.csv
    sed '1s/(64, 64), }   /(1, 64, 64), }/' $g >"$work/g3.npy"
    "$build"/crossohm matrix $tile -g "$work/g3.npy" --precision float32 -o "$work/single3.npy" --quiet
    sed '1s/(1, 64, 64), }/(64, 64), }   /' "$work/single3.npy" >"$work/single.npy"
    # shellcheck disable=SC2086
    solve changed.csv "$work/single.npy" $v $none
    row "G_ni in float32" "matrix --precision float32" base.csv changed.csv
} >$out/table.csv.part
mv $out/table.csv.part $out/table.csv
