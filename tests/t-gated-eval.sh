#!/bin/sh
# Networks on gated columns: nonlinear cells, pulses on gates, transistors that leak; sampled arrays against the mesh
# and ngspice, images through ladders by the laws themselves, and what is refused.
# SPDX-License-Identifier: GPL-3.0-or-later
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/fashion.sh"

# The first 16 images alone: reading all takes longer than what is tested.
{ printf '\0\0\10\3\0\0\0\20\0\0\0\34\0\0\0\34'; gzip -dc images 2>/dev/null | tail -c +17 | head -c 12544; } >few
{ printf '\0\0\10\1\0\0\0\20'; gzip -dc labels 2>/dev/null | tail -c +9 | head -c 16; } >few-labels

# on DEVICE ARGUMENTS: the last layer, 84 x 10, on 24x16 arrays, 6 images
on() {
    cat >hw.yaml <<END
array: {topology: source_column, rows: 24, columns: 16, source_wire_ohm: 7, column_wire_ohm: 11, source_end_ohm: 90}
device: {${1}transistor_ohm: 3000, on_siemens: 5.0e-5, off_siemens: 1.0e-6}
layers: {"/?/*": {keep: digital}}
END
    shift
    crossohm eval hw.yaml fashion-lenet5.onnx --preprocess unit --quiet --data idx:few,few-labels@0:6 \
        --calibrate idx:few,few-labels@6:16 "$@"
}
sinh='law: sinh, v0_volt: 0.1, reference_volt: 0.2, '
# holds FOLDER EXPRESSION of r, the report, and c, the circuits of its layers
holds() {
    python3 -c "
import json, sys
r = json.load(open('$1/report.json'))
c = [l['circuit'] for l in r['layers'] if 'circuit' in l]
print(c[:1], r.get('audit'))
sys.exit(not (c and $2))"
}
audited="max(x['sampled_error_rel'] for x in c) < 3e-6 and max(x['bound_rel'] for x in c) < 1e-3 and
    r['audit']['tiles']['outside_bound'] == 0 and r['audit']['tiles']['cholmod_rel'] < 3e-6 and
    0 < r['audit']['tiles']['bound_rel'] < 1e-3 and (r['audit']['tiles']['ngspice_rel'] or 0) < 3e-6"

fact "a network on gated columns of law sinh" on "$sinh" --threads 1 --logits -o one --audit tiles=2,images=1
fact "float32 within its bound of the mesh and of ngspice" holds one "$audited"
fact "an image by the laws themselves changes no class" holds one \
    "r['audit']['images']['changed'] == 0 and r['audit']['images']['certified_bound_rel'] <= 1e-9"
fact "no matrix is said to be exact, none to be fitted" \
    grep -q 'solved by Newton.*no one conductance matrix is exact' one/report.html
same() {
    on "$sinh" --threads 2 --logits -o two --audit tiles=2,images=1 &&
        cmp one/logits-circuit.npy two/logits-circuit.npy && cmp one/report.json two/report.json
}
fact "two threads give the same bytes" same
fact "polynomials, every cell its own" on "law: polynomial, coefficients: [1, 0.5, 4], reference_volt: 0.2, \
variation: {sigma: 0.1}, " --instances 1 -o poly --audit tiles=2
fact "they too are within their bound" holds poly "$audited"
awk 'BEGIN { print "level,v[V],i[A]"; for (k = 0; k < 4; k++) for (n = -3; n <= 12; n++) { v = n / 40
    printf "%d,%g,%g\n", k, v, (1e-6 + k * 1.633e-5) * v * (1 + 2 * v * v + 0.3 * k * v) } }' >curves.csv
fact "a table" on 'law: table, file: curves.csv, reference_volt: 0.2, ' -o table --audit tiles=2
fact "it too" holds table "$audited"
fact "a law that hardly bends" on 'law: sinh, v0_volt: 1000, reference_volt: 0.2, ' --logits -o almost
fact "ohmic cells" on '' --logits -o ohmic
almost() {
    holds almost "True" >almost.txt && holds ohmic "True" >ohmic.txt && python3 -c "
import json
a, b = ([l['circuit'] for l in json.load(open(f + '/report.json'))['layers'] if 'circuit' in l]
    for f in ('almost', 'ohmic'))
for x, y in zip(a, b):
    assert abs(x['nf_high'] / y['nf_high'] - 1) < 1e-4 and abs(x['gain'] / y['gain'] - 1) < 1e-3, (x, y)"
}
fact "is ohmic" almost
fact "pulses of 3 bits on gates" on "$sinh" --set 'dac={bits: 3, encoding: pulse_width}' -o pulses --audit tiles=2
fact "their charge is that of their slots, by the mesh and by ngspice" holds pulses "$audited"
fact "transistors that leak" on '' --set device.transistor_off_siemens=1e-6 -o leak --audit tiles=2,images=1
fact "rows that are off carry what they do" holds leak "$audited and r['audit']['images']['changed'] == 0"
fact "nonlinear, read from the top" on "$sinh" --set device.transistor_off_siemens=1e-6 \
    --set array.sense_side=top --set array.source_side=top -o both --audit tiles=2
fact "both at once" holds both "$audited"

says() {
    code=$1 text=$2
    shift 2
    "$@" >out 2>err
    got=$?
    cat err
    [ $got -eq "$code" ] && grep -q -e "$text" err
}
fact "half a gate is no digit" says 4 'expected 1 or dac.encoding pulse_width' on '' --set dac.bits=2 -o no
fact "nor is a gate with errors" says 4 'as gates are on or off: what a low' on '' --set dac.offset_volt=0.01 -o no
fact "source_row is a mesh for every read" says 4 'expected source_column or plane' on '' \
    --set array.topology=source_row -o no
fact "a cell beyond its table is named" says 4 'where its law is known' on \
    'law: table, file: curves.csv, reference_volt: 0.2, ' --set dac.read_volt=0.6 -o no
tap_done
