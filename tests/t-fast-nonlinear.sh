#!/bin/sh
# The fast model of nonlinear cells: every stage is what the format says (by h5py and numpy), follows exact currents
# of inputs it has not seen as closely as it says, and fit takes the cheapest within the tolerance.
# SPDX-License-Identifier: GPL-3.0-or-later
. "$top_srcdir/tests/tap.sh"

# sparse SEED INPUTS ROWS LOW HIGH: as CSV, every input with a density of its own
sparse() {
    awk -v seed="$1" -v inputs="$2" -v m="$3" -v a="$4" -v b="$5" 'BEGIN {
        srand(seed)
        for (n = 0; n < inputs; n++) {
            density = rand()
            for (i = 0; i < m; i++)
                printf "%.17g%s", rand() < density ? a + (b - a) * rand() : 0, i < m - 1 ? "," : "\n"
        }
    }'
}
# error MODEL EXACT: rms and largest over full scale
error() {
    awk -F, '
        FNR == 1 { file++; row = 0 }
        /^#/ { next }
        { row++; for (j = 1; j <= NF; j++) amp[file, row, j] = $j; n = NF; rows = row }
        END {
            for (k = 1; k <= rows; k++) for (j = 1; j <= n; j++) {
                d = amp[1, k, j] - amp[2, k, j]; if (d < 0) d = -d
                s = amp[2, k, j] < 0 ? -amp[2, k, j] : amp[2, k, j]
                if (s > full) full = s; if (d > worst) worst = d; sum += d * d; count++
            }
            printf "%.6g %.6g\n", sqrt(sum / count) / full, worst / full
        }' "$1" "$2"
}
below() {
    echo "# found $1, expected at most $2"
    awk -v a="$1" -v b="$2" 'BEGIN { exit !(a <= b && a != "") }'
}
taken() {
    python3 -c "
import json, sys
for c in json.load(open('$1'))['candidates']:
    if c['taken']: print(c['$2'])"
}

# ---- the mild array that was promised: 0.05 % at no more than four products -------------------------------
cat >mild.yaml <<'END'
array: {row_wire_ohm: 2, column_wire_ohm: 2, driver_ohm: 2, sense_ohm: 2}
device: {law: sinh, v0_volt: 0.25, reference_volt: 0.5, on_siemens: 1.0e-5, off_siemens: 1.0e-6}
dac: {read_volt: 0.5}
END
numbers 1 32 32 1e-6 1e-5 >mild.csv
sparse 2 200 32 0 0.5 >mild-new.csv
fact "a mild array is fitted within 0.05 %" crossohm fit mild.yaml -g mild.csv --tolerance 5e-4 -o mild.fcm \
    --json mild.json --quiet
crossohm apply mild.fcm -v mild-new.csv -o fast.out.csv --quiet
crossohm solve mild.yaml -g mild.csv -v mild-new.csv -o exact.out.csv --quiet
found=$(error fast.out.csv exact.out.csv)
fact "and is so on inputs it has not seen" below "${found% *}" 5e-4
fact "at no more than four products" below "$(taken mild.json cost)" 4
fact "what it was chosen for is what it costs in the sheet" sh -c \
    'crossohm info mild.fcm | grep -q "basis of .*taken"'
fact "info lays no loss to wires where the matrix is fitted" sh -c \
    'crossohm info mild.fcm >sheet && grep -q "as programmed$" sheet && ! grep -q "wires take" sheet'

# ---- a strong array, not square, inputs of both signs --------------------------------------------------------
cat >strong.yaml <<'END'
array: {row_wire_ohm: 3, column_wire_ohm: 1.5, driver_ohm: 20, sense_ohm: 10, drive_side: both}
device: {law: polynomial, coefficients: [1, 0.5, 2], reference_volt: 0.4, on_siemens: 1.0e-4, off_siemens: 1.0e-5}
dac: {read_volt: 0.5}
END
numbers 3 24 17 1e-5 1e-4 >strong.csv
sparse 4 120 24 -0.4 0.5 >strong-v.csv
sparse 5 60 24 -0.4 0.5 >strong-new.csv
crossohm solve strong.yaml -g strong.csv -v strong-new.csv -o exact.csv --quiet

# stage TOLERANCE NAME
stage() {
    fact "tolerance $1 takes $2" crossohm fit strong.yaml -g strong.csv -v strong-v.csv --training 300 \
        --tolerance "$1" -o "$2.fcm" --json "$2.json" --quiet
    fact "which is a stage of that kind" test "$(taken "$2.json" stage)" = "$2"
    crossohm apply "$2.fcm" -v strong-new.csv -o "$2.csv" --quiet
    found=$(error "$2.csv" exact.csv)
    fact "on inputs it has not seen, $2 is as good as that" below "${found% *}" \
        "$(awk -v t="$1" 'BEGIN { print 1.5 * t }')"
}
stage 0.2 linear
stage 4e-3 basis
stage 1e-4 corrected
fact "dearer ones are better" sh -c '
    python3 -c "
import json
c = json.load(open(\"basis.json\"))[\"candidates\"]
cost = [x[\"cost\"] for x in c]
rms = {(x[\"stage\"], x[\"functions\"], x[\"corrections\"]): x[\"error_rms\"] for x in c if not x[\"bent\"]}
assert cost == sorted(cost)
assert rms[\"corrected\", 0, 1] > rms[\"corrected\", 0, 2] > rms[\"corrected\", 0, 3]
assert rms[\"linear\", 0, 0] > rms[\"basis\", 2, 0]
assert sum(x[\"taken\"] for x in c) == 1
"'
tight() {
    crossohm fit strong.yaml -g strong.csv --training 64 --held-out 8 --tolerance 1e-15 -o tight.fcm --quiet \
        2>tight.said
    test $? -eq 1 && grep -q 'the best of all stages tried; expected at most 1e-15' tight.said &&
        crossohm info tight.fcm >/dev/null
}
fact "where none is good enough, the best is written and exit is 1" tight
threads() {
    crossohm fit strong.yaml -g strong.csv -v strong-v.csv --training 300 --tolerance 1e-4 -o two.fcm --quiet \
        --threads 2 &&
        cmp two.fcm corrected.fcm && crossohm apply two.fcm -v strong-new.csv -o two.csv --quiet --threads 2 &&
        cmp two.csv corrected.csv
}
fact "two threads write the same model and the same currents" threads

python=
for p in python3 /usr/bin/python3; do
    "$p" -c 'import h5py, numpy' 2>/dev/null && python=$p && break
done
if test "$python"; then
    # same MODEL VOLTS: crossohm apply against numpy on what h5py sees
    same() {
        crossohm apply "$1" -v "$2" -o own.csv --quiet &&
        $python -c "
import sys; sys.path.insert(0, '$top_srcdir/examples')
import numpy as np, read_fcm
v = np.loadtxt('$2', delimiter=',', ndmin=2); own = np.loadtxt('own.csv', delimiter=',', ndmin=2)
read_fcm.check('$1')
other = read_fcm.apply(read_fcm.load('$1'), v)
worst = abs(own - other).max() / abs(own).max()
print('# worst', worst); assert worst < 1e-13"
    }
    for m in linear basis corrected; do
        fact "stage $m is what the format says, by numpy" same $m.fcm strong-new.csv
    done
    cat >odd.yaml <<'END'
array: {row_wire_ohm: 3, column_wire_ohm: 0, driver_ohm: 0, sense_ohm: 5, drive_side: right, sense_side: both,
    sense_volt: 0.02,
    lines: {word: {1: floating, 2: {hold_volt: 0.1}}, bit: {0: floating, 3: {hold_volt: 0.05}}},
    faults: {stuck: [[0, 1, 1.0e-4]], open_cells: [[4, 2]], open_word_segments: [[3, 1]]}}
device: {law: sinh, v0_volt: 0.3, reference_volt: 0.4, series_ohm: 500, on_siemens: 1.0e-4, off_siemens: 1.0e-5}
dac: {read_volt: 0.5}
END
    numbers 6 6 5 1e-5 1e-4 >odd.csv
    sparse 7 20 6 0 0.5 >odd-v.csv
    crossohm fit odd.yaml -g odd.csv --tolerance 1e-6 -o odd.fcm --quiet
    fact "so it is with held lines, faults, both ends, no ohm" same odd.fcm odd-v.csv
    crossohm apply odd.fcm -v odd-v.csv -o odd-fast.csv --quiet
    crossohm solve odd.yaml -g odd.csv -v odd-v.csv -o odd-exact.csv --quiet
    found=$(error odd-fast.csv odd-exact.csv)
    fact "and it is right there" below "${found#* }" 1e-5
else
    tap_skip "the stages by numpy" "python3-h5py is not installed"
fi

# ---- ngspice, and laws -----------------------------------------------------------------------------------------
judged() {
    crossohm solve strong.yaml -g small.csv -v small-v.csv -o spice.csv --engine ngspice --quiet
}
numbers 8 5 6 1e-5 1e-4 >small.csv
sparse 9 12 5 -0.4 0.5 >small-v.csv
if judged 2>/dev/null; then
    crossohm fit strong.yaml -g small.csv -v small-v.csv --tolerance 1e-5 -o small.fcm --quiet
    crossohm apply small.fcm -v small-v.csv -o small-fast.csv --quiet
    found=$(error small-fast.csv spice.csv)
    fact "ngspice agrees with the corrections" below "${found#* }" 1e-4
else
    tap_skip "ngspice agrees with the corrections" "no ngspice"
fi
awk 'BEGIN {
    print "level,v[V],i[A]"
    for (k = 0; k < 3; k++)
        for (v = -6; v <= 6; v++)
            printf "%d,%g,%.9g\n", k, v / 10, 1e-5 * 3^k * (v / 10) * (1 + k * (v / 10)^2)
}' >curves.csv
numbers 10 9 7 1e-5 9e-5 >laws.csv
sparse 11 40 9 0 0.4 >laws-v.csv
# law NAME DEVICE
law() {
    printf 'array: {row_wire_ohm: 2, column_wire_ohm: 4, driver_ohm: 20}\ndevice: {%s}\ndac: {read_volt: 0.4}\n' \
        "$2" >"$1.yaml"
    crossohm fit "$1.yaml" -g laws.csv --training 200 --tolerance 2e-5 -o "$1.fcm" --quiet &&
    crossohm apply "$1.fcm" -v laws-v.csv -o "$1.csv" --quiet &&
    crossohm solve "$1.yaml" -g laws.csv -v laws-v.csv -o "$1-exact.csv" --quiet &&
    found=$(error "$1.csv" "$1-exact.csv") && below "${found% *}" 4e-5
}
fact "measured curves have a fast model" law table \
    'law: table, file: curves.csv, reference_volt: 0.2, on_siemens: 1.0e-4, off_siemens: 1.0e-5'
fact "so have selectors" law selector 'type: 1S1R, law: ohmic, on_siemens: 1.0e-4, off_siemens: 1.0e-5,
    selector: {law: sinh, v0_volt: 0.06, siemens: 1.0e-3, reference_volt: 0.3}'
fact "and contacts in series" law series \
    'law: sinh, v0_volt: 0.15, reference_volt: 0.4, series_ohm: 2000, on_siemens: 1.0e-4, off_siemens: 1.0e-5'

# ---- technology, compare, refusals ---------------------------------------------------------------------------------
technology() {
    crossohm fit strong.yaml --set array.rows=8 --set array.columns=6 --set array.drive_side=left --arrays 3 \
        --training 120 --held-out 16 --tolerance 5e-3 -o tech.fcm --json tech.json --quiet &&
    crossohm info tech.fcm | grep -q 'technology' && test "$(taken tech.json stage)" = basis &&
    crossohm info tech.fcm | grep -q 'on 16 inputs and 3 arrays kept out of the fit'
}
fact "a technology knows with which stage to fit its arrays" technology
compared() {
    crossohm compare strong.yaml -g small.csv -v small-v.csv --fcm small.fcm -o small.html --json small.json \
        >small.said &&
    grep -q 'corrections.*taken' small.said && grep -q 'Stages of the fast model that were tried' small.html &&
    grep -q 'nonlinear (law polynomial)' small.html && python3 -c "
import json
r = json.load(open('small.json'))
m = r['fast_model']
assert m['stage'] == 'corrected' and len(m['candidates']) == 11 and m['cost'] > 8 and not m['exact']
assert m['error']['max'] < 1e-4 and abs(r['budget']['fast_model_error']['max_ampere']) > 0"
}
fact "compare shows every stage, and the error of the one taken" compared
refused() {
    crossohm fit strong.yaml -g small.csv --engine ngspice -o no.fcm --quiet 2>no.said
    test $? -eq 2 && ! test -e no.fcm && grep -q 'nonlinear cells have no matrix' no.said
}
fact "ngspice is not asked for a matrix that is none" refused
tap_done
