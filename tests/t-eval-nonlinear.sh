#!/bin/sh
# Networks on nonlinear cells: every layer's arrays get the cheapest stage of the fast model within the tolerance;
# what is said of its error is true by exact currents of whole images; an almost ohmic law gives what ohmic cells give;
# and what no matrix can say is refused.
# SPDX-License-Identifier: GPL-3.0-or-later
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/fashion.sh"

# on LAW ARGUMENTS: two layers on 32x32 arrays, 2 images, cells of that law; last: the last one alone
first=
on() {
    law=$1
    shift
    sed "s/^device: {.*/device: {${law}on_siemens: 1.0e-4, off_siemens: 1.0e-5}/
        s/rows: 64/rows: 32/; s/columns: 64/columns: 32/" fashion-lenet5.yaml >hw.yaml
    echo 'layers: {"/3/Conv": {keep: digital}, "/7/Gemm": {keep: digital}, "/9/Gemm": {keep: digital}'"$first}" >>hw.yaml
    crossohm eval hw.yaml fashion-lenet5.onnx --preprocess unit --quiet --data idx:images,labels --limit 2 \
        --calibrate idx:train,train-labels@0:17 "$@"
}
sinh='law: sinh, v0_volt: 0.1, reference_volt: 0.2, '
# holds FILE EXPRESSION of r, the report; circuit: of its layers on arrays; taken: stages these got; error: audited
holds() {
    python3 -c "
import json
r = json.load(open('$1/report.json'))
circuit = [l['circuit'] for l in r['layers'] if 'circuit' in l]
taken = [c for x in circuit if 'fitted' in x for c in x['fitted']['candidates'] if c['taken']]
error = [e['rms'] for e in r.get('audit', {}).get('images', {}).get('current_error', [])]
print([(t['stage'], t['functions'], t['bent'], t['cost'], t['error_rms']) for t in taken], error)
assert ($2)"
}

last() {
    first=', "/0/Conv": {keep: digital}'
    on "$@"
    code=$?
    first=
    return $code
}

fact "a network on cells of law sinh is evaluated" on "$sinh" --logits --threads 1 -o one --audit images=1
fact "with two threads" on "$sinh" --logits --threads 2 -o two --audit images=1
same_files() {
    for name in report.json report.html images.csv logits-circuit.npy; do
        cmp one/$name two/$name || return
    done
}
fact "two threads give the same bytes as one" same_files
fact "with one input bit the bent basis is within 0.1 %, and cheapest" holds one \
    "all(t['stage'] == 'basis' and t['functions'] == 1 and t['bent'] and t['error_rms'] < 1e-3 for t in taken) and
     all(x['fitted']['tolerance'] == 1e-3 and x['fitted_rms'] == t['error_rms'] and x['sampled_arrays'] == 4
         for x, t in zip(circuit, taken))"
fact "by exact currents of an image it errs three times as much as said, at most" holds one \
    "len(error) == 2 and all(t['error_rms'] / 3 < e < 3 * t['error_rms'] for e, t in zip(error, taken))"
fact "which are those of certified solves" holds one \
    "0 < r['audit']['images']['exact_rel'] < 1e-8 and r['audit']['images']['certified_inputs'] > 5"
fact "the choices say that no matrix is exact" grep -q 'cells are nonlinear, so no matrix is exact' one/report.html

fact "one matrix each, where the tolerance allows it" on "$sinh" --tolerance 0.1 -o loose --audit images=1,tiles=1
fact "errs ten times as much" holds loose \
    "all(not t['bent'] and t['cost'] == 1 for t in taken) and
     all(a > 8 * b for a, b in zip(error, [e['rms'] for e in json.load(open('one/report.json'))
                                          ['audit']['images']['current_error']]))"
fact "arrays solved by themselves say the same" holds loose \
    "1e-4 < r['audit']['tiles']['cholmod_rel'] < 0.1 and r['audit']['tiles']['bound_rel'] is None"
fact "and ngspice agrees" holds loose \
    "(r['audit']['tiles']['ngspice_rel'] is None or
        abs(r['audit']['tiles']['ngspice_rel'] / r['audit']['tiles']['cholmod_rel'] - 1) < 1e-3)"
fact "two input bits take a second function, whose products are free" last "$sinh" --set dac.bits=2 -o two_bits \
    --audit images=1
fact "and are within 0.15 %" holds two_bits \
    "all(t['functions'] == 2 and t['bent'] and t['cost'] == 2.25 for t in taken) and max(error) < 1.5e-3"
fact "so do four bits, read column by column" last "$sinh" --set dac.bits=4 --set mapping.subtract=digital \
    -o four_bits --audit images=1
fact "likewise" holds four_bits "all(t['functions'] == 2 and t['cost'] == 2.5 for t in taken) and max(error) < 1.5e-3"
quietly() {
    last "$sinh" --logits -o quiet && last "$sinh" --logits -o noisy --set dac.noise_volt=1e-12 || return
    [ -z "$python" ] || $python -c "
import numpy as np
a, b = (np.load(f + '/logits-circuit.npy') for f in ('quiet', 'noisy'))
assert np.abs(a - b).max() < 0.01 * np.ptp(a), np.abs(a - b).max()"
}
fact "a DAC with hardly any noise gives what one without gives" quietly

beyond() {
    last "$sinh" --tolerance 1e-9 -o exact --audit images=1 2>said
    test $? -eq 1 && cat said && grep -q 'fitted to .* rms, the best of all stages tried; expected at most 1e-09' said
}
fact "a tolerance beyond every stage ends with status 1" beyond
fact "with corrections, which are as good as they say" holds exact \
    "all(t['stage'] == 'corrected' and t['corrections'] == 3 and t['cost'] > 30 for t in taken) and
     all(0 < e < 3e-5 for e in error) and r['audit']['images']['logit_error_rel'] < 0.01"

last '' --logits -o ohmic
last 'law: sinh, v0_volt: 1000, reference_volt: 0.2, ' --logits -o almost
almost() {
    holds almost "max(x['sampled_error_rel'] for x in circuit) < 1e-6" && python3 -c "
import json
a, b = (json.load(open(f + '/report.json')) for f in ('ohmic', 'almost'))
for k, l in zip(a['layers'], b['layers']):
    if 'circuit' not in k: continue
    x, y = k['circuit'], l['circuit']
    assert abs(x['nf_mean'] - y['nf_mean']) < 1e-4 * x['nf_mean'], (x['nf_mean'], y['nf_mean'])
    assert abs(x['flipped_share'] - y['flipped_share']) < 2e-3
assert a['accuracy'] == b['accuracy']"
}
fact "an almost ohmic law gives what ohmic cells give" almost
fact "without wires nonlinear cells are not called ideal" sh -c "
    sed 's/_ohm: [0-9]*/_ohm: 0/' hw.yaml >free.yaml &&
    crossohm eval free.yaml fashion-lenet5.onnx --preprocess unit --quiet --data idx:images,labels --limit 1 \
        --calibrate idx:train,train-labels@0:2 -o free && grep -q 'no matrix is exact' free/report.html"

# refused PATTERN ARGUMENTS
refused() {
    pattern=$1
    shift
    last "$sinh" -o no "$@" 2>said
    code=$?
    cat said
    test $code -ne 0 && grep -q "$pattern" said
}
fact "no matrix to be exported" refused 'nonlinear cells multiply by no matrix' --export-onnx x.onnx
fact "bridges are refused" refused 'bridges join its lines' --set 'array.faults.word_bridges=[[1, 5, 200]]'
fact "so are pulses of several bits" refused 'pulse_width of 2 bits on nonlinear cells' --set dac.bits=2 \
    --set dac.encoding=pulse_width
fact "and a tolerance of nothing" refused 'tolerance 0: expected an error above 0' --tolerance 0
tap_done
