#!/bin/sh
# Networks on nonlinear cells: every array gets the matrix that fits best, its error is told and is the true one by
# exact solves of inputs of real images, an almost ohmic law gives what ohmic cells give, and what no matrix can say
# is refused.
# SPDX-License-Identifier: GPL-3.0-or-later
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/fashion.sh"

# on LAW ARGUMENTS: three layers on 32x32 arrays, 16 images, cells of that law
on() {
    law=$1
    shift
    sed "s/^device: {/device: {$law/; s/rows: 64/rows: 32/; s/columns: 64/columns: 32/" fashion-lenet5.yaml >hw.yaml
    echo 'layers: {"/7/Gemm": {keep: digital}, "/9/Gemm": {keep: digital}}' >>hw.yaml
    crossohm eval hw.yaml fashion-lenet5.onnx --preprocess unit --quiet --data idx:images,labels --limit 16 \
        --calibrate idx:train,train-labels@0:33 "$@"
}
sinh='law: sinh, v0_volt: 0.1, reference_volt: 0.2, '
# get FILE EXPRESSION of r, the report
get() {
    python3 -c "
import json
r = json.load(open('$1/report.json'))
print($2)"
}
holds() {
    test "$(get "$1" "$2")" = True || { get "$1" "[l.get('circuit') for l in r['layers']][:1]"; return 1; }
}

fact "a network on cells of law sinh is evaluated" on "$sinh" --logits --threads 1 -o one --audit tiles=2
fact "with two threads" on "$sinh" --logits --threads 2 -o two --audit tiles=2
same_files() {
    for name in report.json report.html images.csv logits-circuit.npy; do
        cmp one/$name two/$name || return
    done
}
fact "two threads give the same bytes as one" same_files
fact "the report says how far fitted matrices are from exact currents, in every layer" holds one \
    "all(0 < l['circuit']['fitted_rms'] <= l['circuit']['sampled_error_rel'] < 0.01
        for l in r['layers'] if 'circuit' in l)"
fact "four arrays of each layer were compared" holds one \
    "all(l['circuit']['sampled_arrays'] == 4 for l in r['layers'] if 'circuit' in l)"
fact "inputs of real images say the same" holds one "1e-9 < r['audit']['tiles']['cholmod_rel'] < 0.03"
fact "and no bound is claimed" holds one "r['audit']['tiles']['bound_rel'] is None"
fact "ngspice agrees with the exact solver on them" holds one \
    "(r['audit']['tiles']['ngspice_rel'] is None or
        abs(r['audit']['tiles']['ngspice_rel'] / r['audit']['tiles']['cholmod_rel'] - 1) < 1e-3)"
fact "the choices say that no matrix is exact" grep -q 'cells are nonlinear, so no matrix is exact' one/report.html

on '' --logits -o ohmic
on 'law: sinh, v0_volt: 1000, reference_volt: 0.2, ' --logits -o almost
almost() {
    holds almost "max(l['circuit']['sampled_error_rel'] for l in r['layers'] if 'circuit' in l) < 1e-6" &&
    python3 -c "
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
# 2 bits: the DAC's levels are seen through the law; a straight line through them would be some percent off.
fact "two input bits" on "$sinh" --set dac.bits=2 -o bits
fact "are fitted through the law of a mean cell" holds bits \
    "max(l['circuit']['fitted_rms'] for l in r['layers'] if 'circuit' in l) < 0.01"
fact "without wires nonlinear cells are not called ideal" sh -c "
    sed 's/_ohm: [0-9]*/_ohm: 0/' hw.yaml >free.yaml &&
    crossohm eval free.yaml fashion-lenet5.onnx --preprocess unit --quiet --data idx:images,labels --limit 8 \
        --calibrate idx:train,train-labels@0:32 -o free && grep -q 'no matrix is exact' free/report.html"

# refused PATTERN ARGUMENTS
refused() {
    pattern=$1
    shift
    on "$sinh" -o no "$@" 2>said
    code=$?
    cat said
    test $code -ne 0 && grep -q "$pattern" said
}
fact "images are not run through exact matrices, which there are none" refused 'expected --audit tiles=N' \
    --audit images=2
fact "nor exported as one" refused 'nonlinear cells multiply by no matrix' --export-onnx x.onnx
fact "bridges are refused" refused 'bridges join its lines' --set 'array.faults.word_bridges=[[1, 5, 200]]'
fact "so are pulses of several bits" refused 'pulse_width of 2 bits on nonlinear cells' --set dac.bits=2 \
    --set dac.encoding=pulse_width
tap_done
