#!/bin/sh
# Gated arrays by the command: solve --gate and volts that stand for gates, decks, what matrix refuses, the ladders of
# a .fcm.  Two columns are also done by hand.
# SPDX-License-Identifier: GPL-3.0-or-later
. "$top_srcdir/tests/tap.sh"

cat >hw.yaml <<'END'
crossohm: 1
array: {topology: source_column, source_wire_ohm: 30, column_wire_ohm: 50, source_end_ohm: 70, sense_ohm: 90}
device: {type: 1T1R, transistor_ohm: 2000}
END
awk 'BEGIN { for (i = 0; i < 12; i++) for (j = 0; j < 5; j++)
    printf "%.6g%s", 1e-6 * (1 + (i * 7 + j * 11) % 97), j < 4 ? "," : "\n" }' >g.csv
awk 'BEGIN { for (n = 0; n < 4; n++) for (i = 0; i < 12; i++)
    printf "%d%s", (i * 5 + n * n) % 3 == 0, i < 11 ? "," : "\n" }' >x.csv
sed 's/1/0.2/g' x.csv >v.csv
printf '1e-4,2e-4\n5e-5,1e-5\n' >g2.csv
printf '1,1\n1,0\n' >x2.csv

refused() {
    code=$1
    text=$2
    shift 2
    crossohm "$@" >out 2>err
    got=$?
    cat err
    [ $got -eq "$code" ] && grep -q -e "$text" err && [ "$(wc -l <err)" -eq 1 ]
}
# within FILE FILE TOLERANCE: of the largest number
within() {
    awk -F, -v t="$3" '/^#/ { next } FILENAME == ARGV[1] { for (k = 1; k <= NF; k++) a[FNR, k] = $k
        for (k = 1; k <= NF; k++) { s = $k < 0 ? -$k : $k; if (s > most) most = s }; next }
        { for (k = 1; k <= NF; k++) { d = $k - a[FNR, k]; if (d < 0) d = -d; if (d > worst) worst = d; seen++ } }
        END { print "worst " worst " of " most; exit !(seen > 0 && worst <= t * most) }' "$1" "$2"
}
by_hand() {
    crossohm solve hw.yaml -g g2.csv --gate x2.csv --quiet | awk -F, '/^#/ { next } { i[++n] = $1; j[n] = $2 } END {
        near = 1 / 5e-5 + 2000; far = 1 / 1e-4 + 2000 + 80; want = 0.2 / (160 + near * far / (near + far))
        alone = 0.2 / (160 + 1 / 2e-4 + 2000 + 80)
        print i[1] " " want " " j[2] " " alone
        exit !(i[1] / want - 1 < 1e-14 && want / i[1] - 1 < 1e-14 &&
                j[2] / alone - 1 < 1e-14 && alone / j[2] - 1 < 1e-14) }'
}
fact "two rungs by hand" by_hand

same_by_volts() { crossohm solve hw.yaml -g g.csv --gate x.csv --quiet >a.csv &&
    crossohm solve hw.yaml -g g.csv -v v.csv --quiet >b.csv && within a.csv b.csv 0; }
fact "volts of the DAC, read_volt a gate of 1, are the same inputs" same_by_volts

for topology in source_column source_row plane; do
    deck() {
        crossohm solve hw.yaml -g g.csv --gate x.csv --set array.topology=$topology --quiet >all.csv || return
        crossohm netlist hw.yaml -g g.csv --gate x.csv --input 2 --set array.topology=$topology --dialect "$1" \
            -o "d.$2" --quiet || return
        crossohm solve "d.$2" | sed -n 's/^source,Vsense[0-9]*,//p' | paste -s -d, >deck.csv
        sed -n '/^#/!p' all.csv | sed -n 3p >want.csv
        within want.csv deck.csv 1e-12
    }
    for dialect in "ngspice cir" "hspice sp" "ltspice net" "spectre scs" "xyce cir"; do
        # shellcheck disable=SC2086
        fact "$topology: a deck for ${dialect% *} read back has the currents" deck $dialect
    done
done

fact "matrix refuses, and says what one would be worth" refused 4 \
    'no one matrix is exact: on 64 unseen inputs the best is off' matrix hw.yaml -g g.csv
fact "driven, source_row has one" crossohm matrix hw.yaml -g g.csv --set array.topology=source_row \
    --set array.input=drive --quiet

model() {
    crossohm fit hw.yaml -g g.csv --gate x.csv -o a.fcm --json fit.json 2>err || return
    crossohm apply a.fcm -v v.csv --quiet >applied.csv &&
        crossohm solve hw.yaml -g g.csv --gate x.csv --quiet >exact.csv || return
    grep -q '"best_max"' fit.json && grep -q 'one matrix in place of the ladders would be off by up to' err || return
    within exact.csv applied.csv 1e-14
}
fact "the fast model is the ladders: apply has solve's currents" model
as_gates() {
    crossohm apply a.fcm --gate x.csv --quiet | grep -v '^#' >gated.csv && grep -v '^#' applied.csv | cmp - gated.csv
}
fact "apply takes gates as they are" as_gates
echo "0,2$(sed -n '1s/^[^,]*,[^,]*//p' x.csv)" >far.csv
fact "and no gate beyond 1" refused 4 'far.csv: input 0, row 1 is 2; expected 0 (off) to 1 (on)' \
    apply a.fcm --gate far.csv
opposed() {
    set -- --set array.source_side=top
    crossohm fit hw.yaml -g g.csv "$@" -o o.fcm --quiet || return
    crossohm apply o.fcm -v v.csv --quiet >applied.csv &&
        crossohm solve hw.yaml -g g.csv --gate x.csv "$@" --quiet >exact.csv &&
        within exact.csv applied.csv 1e-14
}
fact "and where lines end at two sides" opposed
fact "and says so" sh -c 'crossohm info a.fcm | grep "every column the ladder of the cells that are on; exact"'
fact "a technology of gated columns" sh -c '
    crossohm fit hw.yaml --set array.rows=8 --set array.columns=4 -o t.fcm --quiet &&
    crossohm info t.fcm >/dev/null'
fact "no ladders to store: source_row is refused" refused 4 'hw.yaml: .*rows share lines that carry current' \
    fit hw.yaml -g g.csv -o b.fcm --set array.topology=source_row
curved="--set device.law=sinh --set device.v0_volt=0.08 --set device.reference_volt=0.2"
curves() {
    # shellcheck disable=SC2086
    crossohm fit hw.yaml -g g.csv --gate x.csv $curved "$@" -o c.fcm --json fit.json 2>err || return
    # shellcheck disable=SC2086
    crossohm apply c.fcm -v v.csv --quiet >applied.csv &&
        crossohm solve hw.yaml -g g.csv --gate x.csv $curved "$@" --engine klu --quiet >exact.csv || return
    grep -q 'nonlinear cells as curves' err && crossohm info c.fcm | grep -q 'mixtures of 1 curve of' || return
    within exact.csv applied.csv 1e-11
}
fact "of nonlinear cells it is the ladders too: apply has the mesh's currents" curves
python=
for p in python3 /usr/bin/python3; do
    [ -z "$python" ] && $p -c 'import h5py, numpy' 2>/dev/null && python=$p
done
read_by_python() {
    $python -c "import numpy; numpy.save('v.npy', numpy.loadtxt('v.csv', delimiter=','))" || return
    for m in a c o; do
        $python "$top_srcdir/examples/read_fcm.py" $m.fcm v.npy py.npy &&
            crossohm apply $m.fcm -v v.npy --quiet -o own.npy &&
            $python -c "
import numpy
a, b = numpy.load('py.npy'), numpy.load('own.npy')
assert abs(a - b).max() < 1e-13 * abs(b).max(), abs(a - b).max()" || return
    done
}
if [ -n "$python" ]; then
    fact "examples/read_fcm.py finds the same currents in the files of ladders, nonlinear or not" read_by_python
else
    tap_skip "examples/read_fcm.py finds the same currents in the files of ladders" "python3-h5py is not installed"
fi
fact "of a plane" curves --set array.topology=plane --set array.source_end_ohm=0
fact "read from below" curves --set array.source_volt=-0.15
# shellcheck disable=SC2086
fact "a technology of nonlinear gated columns" sh -c "
    crossohm fit hw.yaml $curved --set array.rows=8 --set array.columns=4 -o u.fcm --arrays 2 --held-out 4 --quiet &&
    crossohm info u.fcm >/dev/null"
# shellcheck disable=SC2086
fact "ends at two sides are not, and say so" refused 4 'of nonlinear cells, source lines end at one side' \
    fit hw.yaml -g g.csv -o b.fcm $curved --set array.source_side=top
fact "nor pulses, which are several gates one after the other" refused 2 'what one slot sees' fit hw.yaml -g g.csv \
    -o b.fcm --set dac.bits=3 --set dac.encoding=pulse_width
# shellcheck disable=SC2086
page() {
    crossohm compare hw.yaml -g g.csv --gate x.csv $curved --against klu -o page.html --json page.json >out &&
        grep -q '^climbed .*e-.* of scale' out && grep -q 'What one conductance matrix would cost' page.html &&
        grep -q 'Columns climbed rung by rung' page.html && crossohm compare hw.yaml -g g.csv --gate x.csv $curved \
        --against klu -o again.html --quiet >/dev/null && cmp page.html again.html &&
        python3 -c "
import json
r = json.load(open('page.json'))
assert len(r['one_matrix_column_rms']['best']) == len(r['ladders']['column_disagreement_rel']) == 5
assert r['ladders']['disagreement_rel'] < 1e-12 and r['ladders']['worst_bound_rel'] < 1e-11
rms = (sum(x * x for x in r['one_matrix_column_rms']['rows']) / 5) ** 0.5
assert abs(rms / r['one_matrix']['rows_rms'] - 1) < 1e-9, rms"
}
fact "compare writes a page, the same every time, with errors by column" page
compares() { crossohm compare hw.yaml -g g.csv --gate x.csv --against klu,cholmod,ladder >out &&
    grep -q '^One matrix' out &&
    grep -q '^ladder     is the reference' out; }
fact "compare takes the ladder for reference, and tells of one matrix" compares

printf '0.1,0.2,0,0.1,0.2,0.1,0,0,0.1,0.2,0,0.1\n' >drive.csv
printf '1,1,0,1,1,1,0,1,1,0,0,1\n' >mask.csv
gated_rows() {
    set -- --set array.topology=crossbar --set array.input=drive
    crossohm solve hw.yaml -g g.csv -v drive.csv --gate mask.csv "$@" --quiet >a.csv &&
        crossohm solve hw.yaml -g g.csv -v drive.csv \
            --set "array.lines.word={2: gated, 6: gated, 9: gated, 10: gated}" "$@" \
            --quiet >b.csv && within a.csv b.csv 1e-15
}
fact "driven and gated: gates off are lines gated" gated_rows

printf '1,2\n' >two.csv
printf '1,0.5\n' >half.csv
printf '0.2,0.5\n' >volts.csv
fact "a gate that is none" refused 4 'input 0, row 1 is 2; expected 0 (off) to 1 (on)' solve hw.yaml -g g2.csv \
    --gate two.csv
fact "a switch between on and off" refused 4 'gate 1 is 0.5; expected 0 or 1, as transistor_ohm is 0' solve hw.yaml \
    -g g2.csv --gate half.csv --set device.transistor_ohm=0
fact "volts beyond the DAC's" refused 4 'row 1 is 0.5 V; expected 0 (off) to dac.read_volt 0.2 V (on)' solve hw.yaml \
    -g g2.csv -v volts.csv
fact "both inputs" refused 2 'found beside --gate' solve hw.yaml -g g2.csv --gate x2.csv -v x2.csv
fact "no input" refused 2 'or --gate' solve hw.yaml -g g2.csv
fact "gates without transistors" refused 4 'expected device.type 1T1R' solve "$top_srcdir/examples/2x2.yaml" \
    -g g2.csv -v x2.csv --gate x2.csv
fact "a gate per row" refused 4 'expected (inputs, 2): one gate per row' solve hw.yaml -g g2.csv --gate x.csv
fact "a scheme needs lines to bias" refused 4 'array.input: gate' solve hw.yaml -g g2.csv --scheme half --cell 0,0 \
    --read-volt 0.2
fact "engine ladder on a crossbar" refused 2 'expected topology source_column or plane' solve \
    "$top_srcdir/examples/2x2.yaml" -g g2.csv -v x2.csv --engine ladder
tap_done
