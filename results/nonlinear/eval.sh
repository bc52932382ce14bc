#!/bin/sh
# LeNet-5 on arrays of nonlinear cells: how far one fitted matrix an array, the cheapest stage within 0.1 % and
# corrections are from exact currents of whole images, layer by layer, and what that does to accuracy.
#   results/nonlinear/eval.sh [build folder]      writes eval.csv and eval-timing.txt beside itself; five minutes on
#   two idle cores; needs Debian's dataset-fashion-mnist
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
F=/usr/share/datasets/fashion-mnist
IMAGES=200 AUDITED=2

# evaluate NAME DEVICE BITS STAGE ARGUMENTS: one row a layer
evaluate() {
    name=$1 device=$2 bits=$3 stage=$4
    shift 4
    sed "s/^device: {.*/device: {$device, on_siemens: 1.0e-4, off_siemens: 1.0e-5}/; s/driver_ohm: 100/driver_ohm: 10/
        s/sense_ohm: 100/sense_ohm: 10/; s/bits: 1,/bits: $bits,/" "$top/examples/fashion-lenet5.yaml" >hw.yaml
    crossohm eval hw.yaml "$top/models/fashion-lenet5.onnx" --preprocess unit --quiet \
        --data idx:$F/t10k-images-idx3-ubyte.gz,$F/t10k-labels-idx1-ubyte.gz --limit "$IMAGES" \
        --calibrate idx:$F/train-images-idx3-ubyte.gz,$F/train-labels-idx1-ubyte.gz@0:50 \
        --audit images="$AUDITED" "$@" -o folder >said
    python3 - "$name" "$bits" "$stage" <<'END'
import json, sys
r, t = json.load(open('folder/report.json')), json.load(open('folder/timing.json'))
a = r['audit']['images']
for e in a['current_error']:
    l = next(l for l in r['layers'] if l['name'] == e['layer'])['circuit']
    c = next(c for c in l['fitted']['candidates'] if c['taken'])
    taken = ('%d corrections' % c['corrections'] if c['stage'] == 'corrected' else
             'basis of %d%s' % (c['functions'], ' bent' if c['bent'] else ''))
    print('%s,%s,%s,%s,%s,%.4g,%.3g,%.3g,%.3g,%.2f,%.2f,%d/%d,%.2g,%.1e' % (
        sys.argv[1], sys.argv[2], sys.argv[3], e['layer'], taken, c['cost'], 100 * c['error_rms'], 100 * e['rms'],
        100 * e['max'], 100 * r['accuracy']['converters'], 100 * r['accuracy']['circuit'], a['changed'], a['count'],
        100 * a['logit_error_rel'], a['exact_rel']))
END
    sed -n 's/^ *an image, on one thread: /'"$name, $bits bits, $stage"': an image, on one thread: /p' said >>timing
}
{
    echo "# crossohm $(crossohm --version | sed -n '1s/.* //p'); results/nonlinear/eval.sh; LeNet-5, Fashion-MNIST," \
        "$IMAGES test images, $AUDITED of them audited, 64x64 arrays, 10k-100k ohm, wires 1 ohm, ends 10 ohm"
    echo "# stated: rms error of held-out inputs; rms, largest: of every current of the audited images against" \
        "exact ones; all over full scale"
    echo "# cells,DAC bits,stage,layer,taken,cost [products],stated [%],rms [%],largest [%],accuracy of" \
        "converters [%],of circuit [%],predictions that exact currents change,logit error [%],exact within"
    sinh="law: sinh, v0_volt: 0.1, reference_volt: 0.2"
    selector="type: 1S1R, selector: {law: sinh, siemens: 1.0e-4, v0_volt: 0.05, reference_volt: 0.2}"
    for bits in 1 2; do
        evaluate "sinh 0.1 V" "$sinh" $bits "one matrix" --tolerance 1
        evaluate "sinh 0.1 V" "$sinh" $bits "within 0.1 %"
    done
    evaluate 1S1R "$selector" 1 "one matrix" --tolerance 1
    evaluate 1S1R "$selector" 1 "within 0.1 %"
    IMAGES=2                           # corrections take a hundred times as long
    evaluate "sinh 0.1 V" "$sinh" 1 "within 0.005 % (2 images)" --tolerance 5e-5 --calibrate-limit 4
} >eval.csv
{
    echo "# $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1); shares of the stages"
    cat timing
} >eval-timing.txt
mv eval.csv eval-timing.txt "$out"
