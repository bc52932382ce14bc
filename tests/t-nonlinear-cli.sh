#!/bin/sh
# Nonlinear cells on the command line: ngspice agrees on every law and cell type, all outputs work, what is wrong is
# refused with its place.
# SPDX-License-Identifier: GPL-3.0-or-later
. "$top_srcdir/tests/tap.sh"

numbers 1 16 11 1e-6 1e-4 log >g.csv
numbers 2 16 11 1e-4 1e-3 log >low-ohm.csv
numbers 3 2 16 -0.5 0.5 >v.csv
numbers 4 1 16 0 1 >read.csv
awk 'BEGIN {
    print "level,v[V],i[A]"
    for (k = 0; k < 3; k++)
        for (v = -6; v <= 6; v++)
            printf "%d,%g,%.9g\n", k, v / 10, 1e-6 * 10^k * (v / 10) * (1 + 0.4 * k * (v / 10)^2 + 0.1 * (v > 2))
}' >curves.csv
wires='array: {row_wire_ohm: 1.5, column_wire_ohm: 2, driver_ohm: 30, sense_ohm: 10}'
steep='array: {row_wire_ohm: 40, column_wire_ohm: 40, driver_ohm: 40, sense_ohm: 40}'
selector='type: 1S1R, selector: {v0_volt: 0.02606, siemens: 1e-9, reference_volt: 0}'
cat >sinh.yaml <<EOF
$wires
device: {law: sinh, v0_volt: 0.25, reference_volt: 0.5}
EOF
cat >polynomial.yaml <<EOF
$wires
device: {law: polynomial, coefficients: [1, 0.3, 2], reference_volt: 0.3}
EOF
cat >levels.yaml <<EOF
$wires
device: {law: polynomial, coefficients: [[1], [1, 0.2], [1, 0, 1], [1, 0, 3]], reference_volt: 0.2, on_siemens: 1e-4}
EOF
cat >table.yaml <<EOF
$wires
device: {law: table, file: curves.csv, reference_volt: 0.2}
EOF
cat >series.yaml <<EOF
$wires
device: {law: sinh, v0_volt: 0.25, reference_volt: 0.5, series_ohm: 2000}
EOF
cat >selector.yaml <<EOF
$wires
device: {law: sinh, v0_volt: 0.25, reference_volt: 0, series_ohm: 200, $selector}
EOF
cat >ohmic-selector.yaml <<EOF
$wires
device: {$selector}
EOF
cat >steep.yaml <<EOF
$steep
device: {law: sinh, v0_volt: 0.1, reference_volt: 1}
EOF

# judged HARDWARE G V: within 1e-8 of the column's scale of ngspice, engines within 1e-13 of each other
judged() {
    crossohm compare "$1" -g "$2" -v "$3" --against klu,starmesh --tolerance 1e-13 --json engines.json &&
        crossohm compare "$1" -g "$2" -v "$3" --against ngspice --tolerance 1e-8
}
if ! crossohm solve sinh.yaml -g g.csv -v v.csv --engine ngspice -o judge.csv --quiet 2>said &&
    grep -q 'cannot run\|not found\|No such file' said; then
    tap_skip "ngspice judges every law" "ngspice"
else
    for name in sinh polynomial levels table series selector ohmic-selector; do
        fact "ngspice and three engines agree: 16x11 $name" judged $name.yaml g.csv v.csv
    done
    fact "ngspice and three engines agree: 16x11 steep sinh, most of it lost in wires" \
        judged steep.yaml low-ohm.csv read.csv
    read_by_both() {
        for scheme in half third floating; do
            for engine in auto ngspice; do
                crossohm solve table.yaml -g g.csv --set array.rows=16 --scheme $scheme --cell 3,4 --read-volt 0.4 \
                    --engine $engine --quiet | sed -n '/sensed\|through/p; /sneak/p' |
                    awk '{for (i = 1; i <= NF; i++) if ($i ~ /^[-0-9.]+(e[-+0-9]+)?$/) printf "%.5g\n", $i}' \
                    >$engine.txt
            done
            test -s auto.txt && cmp auto.txt ngspice.txt || return 1
        done
    }
    fact "a cell read at V/2, V/3 and floating, by both" read_by_both
    behind_selectors() {
        for scheme in half floating; do
            for engine in auto ngspice; do
                crossohm solve ohmic-selector.yaml --set array.rows=24 --set array.columns=20 --scheme $scheme \
                    --cell 0,19 --read-volt 1 --engine $engine --quiet --json r.json >printed || return 1
                sed -n 's/.*"sensed_amp": \([^,]*\),/\1/p' r.json >$engine.txt
            done
            paste auto.txt ngspice.txt | awk '($1 - $2)^2 > 1e-14 * $1^2 { bad = 1 } END { exit bad || NR != 2 }' ||
                return 1
        done
    }
    fact "behind selectors of 60 mV per decade, at V/2 and floating, within 1e-7" behind_selectors
fi

# ---- outputs
all_outputs() {
    crossohm solve selector.yaml -g g.csv -v v.csv -o i.csv --bound b.csv --node-voltage u.npy \
        --branch-current b.npz --power p.npz --json r.json "$@"
}
fact "every output works" all_outputs --quiet
fact "the bound is below 1e-12 of scale" sh -c "tr -d ' ,' <r.json | sed -n 's/\"worst_bound_rel\"://p' |
    awk '{ exit !(\$1 > 0 && \$1 < 1e-12) }'"
same_bytes() {
    all_outputs --threads 1 --quiet && mkdir one && mv i.csv b.csv u.npy b.npz p.npz one &&
        all_outputs --threads 2 --quiet && for f in i.csv b.csv u.npy b.npz p.npz; do cmp $f one/$f || return 1; done
}
fact "the same bytes from one thread and two" same_bytes
fact "the loss is against the same law without wires" sh -c "
    crossohm solve steep.yaml -g low-ohm.csv -v read.csv \
        --set array.row_wire_ohm=1e-9 --set array.column_wire_ohm=1e-9 --set array.driver_ohm=1e-9 \
        --set array.sense_ohm=1e-9 -o x.csv 2>&1 | grep -q '^[-0-9.e]*e-0[5-9] % of the ideal'"

# ---- refusals
solve() {
    crossohm solve "$1" -g "${2:-g.csv}" -v "${3:-v.csv}" -o out.csv --quiet
}
# table NAME SED: a table gone wrong
table() {
    sed "$2" curves.csv >"$1.csv"
    sed "s/curves.csv/$1.csv/" table.yaml >"$1.yaml"
}
table kink '12s/[^,]*$/1e-9/'
fact "a current that falls" refused 4 '^crossohm: kink.csv:12: not monotone: found 1e-09 A at 0.4 V' solve kink.yaml
table gap '/^1,/d'
fact "a level that is missing" refused 4 '^crossohm: gap.csv:15: missing level 1: found level 2' solve gap.yaml
table few ''
sed -i 's/reference_volt/bits_per_cell: 2, reference_volt/' few.yaml
fact "fewer levels than bits_per_cell says" refused 4 \
    '^crossohm: few.yaml:2:28: device.file: missing level: few.csv holds 3 levels; expected 4' solve few.yaml
table active '8s/0,0$/0,1e-9/'
fact "a cell that is a source" refused 4 '^crossohm: active.csv:8: found 1e-09 A at 0 V' solve active.yaml
table twice '1s/level/level,level/'
fact "a column given twice" refused 4 "^crossohm: twice.csv:1:[0-9]*: found 'level'; expected every column once" \
    solve twice.yaml
table words '3s/,.*/,x,1/'
fact "a word for a number" refused 4 "^crossohm: words.csv:3:3: found 'x'; expected a voltage" solve words.yaml
fact "no such table" refused 4 '^crossohm: --set device.file: .*nothing.csv: cannot open.*; expected a file.csv' \
    crossohm solve table.yaml -g g.csv -v v.csv --set device.file=nothing.csv -o out.csv --quiet
sed 's/curves.csv/gone.csv/' table.yaml >gone.yaml
fact "no such table: the line that names it" refused 4 \
    '^crossohm: gone.yaml:2:28: device.file: gone.csv: cannot open: .*; expected a file.csv' solve gone.yaml
fact "a negative slope" refused 4 \
    '^crossohm: polynomial.yaml:.*\|^crossohm: --set device.coefficients: .*negative slope from 0.*' \
    crossohm solve polynomial.yaml -g g.csv -v v.csv --set 'device.coefficients=[1, 0, -40]' -o out.csv --quiet
fact "a slope at 0 V below 0" refused 4 'device.coefficients: law polynomial: the slope at 0 V' \
    crossohm solve polynomial.yaml -g g.csv -v v.csv --set 'device.coefficients=[-1, 0, 4]' -o out.csv --quiet
fact "three lists for four levels" refused 4 \
    'device.coefficients: missing level: found 3 lists; expected one list, or 4' \
    crossohm solve levels.yaml -g g.csv -v v.csv --set 'device.coefficients=[[1], [1], [1]]' -o out.csv --quiet
sed 's/, reference_volt: 0.5//' sinh.yaml >no-reference.yaml
fact "no reference_volt" refused 4 '^crossohm: no-reference.yaml:2:15: device.reference_volt: found no value' \
    solve no-reference.yaml
numbers 5 1 16 0.5 0.9 >beyond.csv
known='expected -0.6 to 0.6 V, where its law is known (table.yaml:2:28)'
fact "a voltage outside the table, the cell named" refused 4 \
    "^crossohm: beyond.csv: input 0: the device of cell ([0-9]*, 0) is at 0.[678][0-9]* V; $known" \
    solve table.yaml g.csv beyond.csv
fact "a conductance outside the table, the cell named" refused 4 \
    '^crossohm: low-ohm.csv: cell ([0-9]*, [0-9]*) has [0-9.e-]* S; expected 0 or from half of' solve table.yaml \
    low-ohm.csv
fact "no matrix" refused 4 '^crossohm: sinh.yaml: the cells are nonlinear: no one matrix' crossohm matrix sinh.yaml \
    -g g.csv
fact "no matrix by ngspice" refused 4 'the cells are nonlinear' crossohm matrix sinh.yaml -g g.csv --engine ngspice
fact "no gradient" refused 4 'the cells are nonlinear' \
    crossohm solve sinh.yaml -g g.csv -v v.csv --gradient 1 --gradient-output d.npz -o i.csv --quiet
fact "not by engine line" refused 2 'engine line takes no nonlinear cells' \
    crossohm solve sinh.yaml -g g.csv -v v.csv --engine line --quiet
tap_done
