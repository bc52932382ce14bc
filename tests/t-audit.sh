#!/bin/sh
# crossohm eval --audit and what it leaves for other programs: the same bytes for any number of threads; the circuit
# stage agrees with exact solves and ngspice; exported weights give its logits without converters; tables say what they
# should.
# SPDX-License-Identifier: GPL-3.0-or-later
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/fashion.sh"

# fact TEXT SCRIPT: a Python script that asserts
python_fact() {
    if [ -n "$python" ]; then fact "$1" $python "$2"; else tap_skip "$1" "python3-numpy is not installed"; fi
}

evaluate() {
    crossohm eval fashion-lenet5.yaml fashion-lenet5.onnx --preprocess unit --quiet --data idx:images,labels "$@"
}
small() {
    evaluate --calibrate idx:train,train-labels@0:30 --set array.rows=16 --set array.columns=16 "$@"
}

full() {
    mkdir -p "$1"
    small --limit 33 --audit images=3,tiles=2 --export-onnx "$1/model.onnx" --export-noise "$1/noise.csv" \
        --export-error-table "$1/table.json" --threads "$2" -o "$1" | tee "$1.said"
}
fact "an audit with every export runs" full one 1
fact "with two threads" full two 2
same_files() {
    for name in report.json report.html images.csv model.onnx noise.csv; do
        cmp "one/$name" "two/$name" || return
    done
    cmp one/table.json two/table.json
}
fact "two threads give the same bytes as one" same_files
fact "it says so" grep -q '0 of 3 predictions changed; upper 95 % limit 63 %' one.said
shown_on_the_page() {
    grep -q 'Checked against the exact solver' one/report.html && grep -q '0 of 3 predictions changed' one/report.html
}
fact "the page too" shown_on_the_page

cat >audit.py <<'END'
import json
audit = json.load(open('one/report.json'))['audit']
images, tiles = audit['images'], audit['tiles']
assert images['count'] == 3 and images['changed'] == 0 and images['logit_error_rel'] < 1e-2
assert abs(images['changed_high95'] - (1 - 0.05 ** (1 / 3))) < 1e-12
assert images['certified_bound_rel'] < 1e-9
assert tiles['count'] == 2 and tiles['arrays'] == tiles['arrays_by_ngspice'] == 4 and tiles['currents'] > 100
assert 0 < tiles['cholmod_rel'] < 1e-5 and 0 < tiles['ngspice_rel'] < 1e-5
assert tiles['outside_bound'] == 0 and 1e-5 > tiles['bound_rel'] > tiles['cholmod_rel']
END
python_fact "sampled arrays lie within 1e-5 of full scale of cholmod and ngspice, as was known beforehand" audit.py

single() {
    small --limit 1 --audit tiles=2 --precision float32 -o single && ! cmp -s single/report.json one/report.json
}
fact "arrays are solved in float32 too" single
cat >single.py <<'END'
import json
one, single = (json.load(open(name + '/report.json')) for name in ('one', 'single'))
a, b = one['audit']['tiles'], single['audit']['tiles']
assert 1e-5 > b['cholmod_rel'] > 3 * a['cholmod_rel'] and b['outside_bound'] == 0
assert b['bound_rel'] > 10 * a['bound_rel']
for x, y in zip(one['layers'], single['layers']):
    assert 2 ** -24 < x['circuit']['bound_rel'] < 1.1 * 2 ** -24 and y['circuit']['bound_rel'] > 1e-5
    assert x['circuit']['sampled_error_rel'] < x['circuit']['bound_rel'] > 0
assert 'in float64 and rounded to float32' in one['choices'] and 'in float32,' in single['choices']
END
python_fact "with errors that are larger, and a bound that says little" single.py

cat >tables.py <<'END'
import json
layers, count = {}, 0
for line in open('one/noise.csv'):
    if line[0] == '#':
        continue
    layer, ideal, mean, std, conversions = line.split(',')
    layers.setdefault(layer, {})[int(ideal)] = float(mean), float(std), int(conversions)
flipped = 0
report = {layer['name']: layer for layer in json.load(open('one/report.json'))['layers']}
table = json.load(open('one/table.json'))
assert table['images'] == 2 and [layer['name'] for layer in table['layers']] == list(report) == list(layers)
for layer in table['layers']:
    codes, first = layers[layer['name']], layer['first_value']
    assert sum(code[2] for code in codes.values()) > 0
    assert first == min(codes) and layer['table']
    for row in layer['table']:
        for value, samples in enumerate(row, first):
            assert len(samples) == 100 and samples == sorted(samples)
            if value in codes:          # nowhere is a code far from what is usual for it
                mean, std, conversions = codes[value]
                near = all(abs(sample - mean) <= max(1, std * conversions ** 0.5) for sample in samples)
                assert near or set(samples) == {value}, (value, samples)
            else:
                assert set(samples) == {value}
    flipped += sum(code[1] > 0 for code in codes.values())
assert flipped > 10                     # wires spread codes
END
python_fact "noise and error table tell of the same codes" tables.py

ideal() {
    small --limit 33 --set array.row_wire_ohm=0 --set array.column_wire_ohm=0 --set array.driver_ohm=0 \
        --set array.sense_ohm=0 --export-noise ideal.csv -o ideal &&
    awk -F, '!/^#/ { n++; if ($2 != $3 || $4 != 0) exit 1 } END { exit n < 20 }' ideal.csv
}
fact "without wires every code stays what it is" ideal

# Weights of tiles against the tiles themselves: few images calibrate, so that inputs are clipped in stage circuit.
cat >logits.py <<'END'
import csv, json, numpy
fp32, circuit, analog = (numpy.load('coarse/logits-' + stage + '.npy') for stage in ('fp32', 'circuit', 'analog'))
exported = numpy.load('exported/logits-fp32.npy')
scale = analog.max() - analog.min()
for other in exported, circuit, fp32:
    print(abs(other - analog).max() / scale)
assert abs(exported - analog).max() < 1e-6 * scale
assert abs(circuit - analog).max() > 1e-2 * scale and abs(fp32 - analog).max() > 1e-2 * scale
report = json.load(open('coarse/report.json'))
lines = list(csv.reader(open('coarse/images.csv')))
assert lines[0][-1].startswith('analog') and [int(line[-1]) for line in lines[1:]] == list(analog.argmax(1))
right = [line[-1] == line[1] for line in lines[1:]]
assert report['accuracy']['analog'] == sum(right) / 33 and report['interval95']['analog'][0] > 0
assert set(report['steps']) > {'fp32_to_analog', 'analog_to_circuit'}
assert all(layer['analog']['error_rel'] > 0 for layer in report['layers'])
END
exports_logits() {
    evaluate --limit 33 --calibrate idx:train,train-labels@0:3 --set gain.scope=column --set array.rows=48 \
        --set array.columns=20 --set array.row_wire_ohm=5 --set array.column_wire_ohm=10 --set device.on_siemens=5e-5 \
        --set device.off_siemens=5e-6 --set dac.offset_volt=0.005 --logits --export-onnx coarse.onnx -o coarse &&
    crossohm eval fashion-lenet5.yaml coarse.onnx --preprocess unit --quiet --data idx:images,labels --limit 33 \
        --calibrate idx:train,train-labels@0:3 --logits -o exported &&
    $python logits.py
}
exported="exported weights give the logits of stage analog to 1e-6 of their range, whatever converters do"
if [ -n "$python" ]; then
    fact "$exported" exports_logits
else
    tap_skip "$exported" "python3-numpy is not installed"
fi

# Where arrays do more than multiply, there is no stage analog.
held() {
    evaluate --limit 1 --calibrate idx:train,train-labels@0:1 --set array.sense_volt=0.01 --stages -o held &&
        ! grep -q '"analog":' held/report.json || return
    small --limit 4 --set array.sense_volt=0.01 --export-onnx held.onnx -o held 2>said
    code=$?
    cat said
    test $code -eq 4 && grep -q 'sense voltages add currents of their own' said && ! test -e held.onnx
}
fact "sense voltages leave stage analog out, and refuse the export before anything runs" held

# A depthwise convolution stays digital where that is asked for; on arrays, wires couple its channels.
mobile=${CROSSOHM_DATA:-$top_srcdir/../shared/data}/models/mobilenet_v1_0.25_128_imagenet_fp32.onnx
cat >noise.py <<'END'
import numpy
numpy.save('pixels.npy', numpy.random.RandomState(1).rand(2, 3, 128, 128).astype(numpy.float32))
numpy.save('two.npy', numpy.zeros(2, int))
END
depthwise() {
    $python noise.py &&
    crossohm eval fashion-lenet5.yaml "$mobile" --preprocess raw --quiet --data npy:pixels.npy,two.npy@0:1 \
        --calibrate npy:pixels.npy,two.npy@1:2 --set mapping.depthwise="$1" \
        --set dac.bits=8 --set device.bits_per_cell=7 --export-onnx "$1.onnx" -o "$1"
}
depthwise_both_ways() {
    depthwise digital && depthwise block_diagonal || return
    test "$(grep -c '"digital": true' digital/report.json)" -eq 13 &&
        ! grep -q '"digital": true' block_diagonal/report.json &&
        test "$(wc -c <digital.onnx)" -lt 2000000 && test "$(wc -c <block_diagonal.onnx)" -gt 8000000
}
mobile_fact="depthwise layers are digital if asked to be; else exported as the dense ones that wires make of them"
if [ -n "$python" ] && [ -e "$mobile" ]; then
    fact "$mobile_fact" depthwise_both_ways
else
    tap_skip "$mobile_fact" "python3-numpy or $mobile is missing"
fi

refuses() {
    small --limit 4 --audit "$1" -o x 2>said
    test $? -eq 2 && test "$(wc -l <said)" -eq 1 && grep -q -e '--audit: found' said && return
    cat said
    return 1
}
for wrong in images tiles=0 images=3,images=4 images=2,,tiles=1 images=2, pictures=3 tiles=-1; do
    fact "--audit $wrong is refused" refuses "$wrong"
done
noisy() {
    evaluate --calibrate idx:train,train-labels@0:1 --limit 1 --audit images=1 --set dac.noise_volt=0.001 \
        -o noisy 2>said
    test $? -eq 4 && grep -q 'dac.noise_volt' said && ! test -e noisy/report.json
}
fact "images with noise of the DAC are refused by name" noisy
dead() {
    evaluate --calibrate idx:train,train-labels@0:10 --limit 10 --set array.rows=128 --set array.column_wire_ohm=3000 \
        --set gain.scope=none -o dead 2>said || return
    cat said
    test "$(grep -c 'the same class' said)" = 1 && grep -q 'stage circuit gives every one of 10 images' said
}
fact "a stage that leaves nothing of the images is named" dead
nowhere() {
    evaluate --calibrate idx:train,train-labels@0:1 --limit 1 --export-onnx nowhere/x.onnx -o unwritten 2>said
    code=$?
    cat said
    test $code -eq 1 && grep -q 'nowhere/x.onnx' said && ! test -e unwritten/report.json
}
fact "where an export cannot be written nothing runs" nowhere
tap_done
