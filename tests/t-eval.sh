#!/bin/sh
# crossohm eval: the same bytes for any number of threads and after kill -9, calibration images are never scored, what
# it writes agrees with itself, and what cannot be evaluated is named.
# SPDX-License-Identifier: GPL-3.0-or-later
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/fashion.sh"

evaluate() {
    crossohm eval fashion-lenet5.yaml fashion-lenet5.onnx --preprocess unit --quiet "$@"
}
score() {
    evaluate --data idx:images,labels --calibrate idx:train,train-labels@0:20 "$@"
}

first() {
    score --limit 100 --logits --threads 1 -o one >one.said
}
fact "a network is evaluated" first
fact "with two threads" score --limit 100 --logits --threads 2 -o two
same_files() {
    for name in report.json report.html images.csv logits-fp32.npy logits-quantised.npy logits-circuit.npy; do
        cmp "$1/$name" "$2/$name" || return
    done
    test ! -e "$1/checkpoint"
}
fact "two threads give the same bytes as one" same_files one two

agrees() {
    $python - <<'END'
import json, numpy
report = json.load(open('one/report.json'))
rows = numpy.loadtxt('one/images.csv', delimiter=',', dtype=int)
assert report['images'] == len(rows) == 100 and report['calibration_images'] == 20
assert list(rows[:, 0]) == list(range(100))
for column, stage in ((2, 'fp32'), (3, 'quantised'), (4, 'converters'), (5, 'circuit')):
    assert abs(report['accuracy'][stage] - (rows[:, column] == rows[:, 1]).mean()) < 1e-12, stage
    low, high = report['interval95'][stage]
    assert low < report['accuracy'][stage] < high
for column, stage in ((2, 'fp32'), (3, 'quantised'), (5, 'circuit')):
    logits = numpy.load('one/logits-%s.npy' % stage)
    assert logits.dtype == numpy.float32 and logits.shape == (100, 10)
    assert (logits.argmax(1) == rows[:, column]).all(), stage
assert report['accuracy']['fp32'] > 0.85 and report['accuracy']['quantised'] > 0.85
for layer in report['layers']:
    for part in (layer, layer['circuit']):
        assert abs(part['clipped_share'] - part['clipped'] / part['conversions']) < 1e-12
    assert abs(layer['used_share'] - layer['used_cells'] / layer['cells']) < 1e-12
assert report['totals']['arrays'] == sum(layer['arrays'] for layer in report['layers'])
assert len(report['layers']) == 5 and all(layer['conversions'] > 0 for layer in report['layers'])
for layer in report['layers']:
    circuit = layer['circuit']
    assert circuit['solved_arrays'] == layer['arrays'] and circuit['sampled_arrays'] == 1
    assert 5e-8 < circuit['sampled_error_rel'] < circuit['bound_rel'] < 7e-8
    assert 0 < circuit['nf_low'] < circuit['nf_mean'] < circuit['nf_high'] < 0.1
    assert layer['flipped'] == 0 and 0.05 < circuit['flipped'] / circuit['conversions'] < 0.8
    assert circuit['conversions'] == layer['conversions'] and circuit['gain'] > layer['gain']
END
}
tells_the_time() {
    grep -q 'an image, on one thread: .* s; fp32 .*, quantised .*, converters .*, circuit .* %$' one.said &&
    grep -q ' [0-9][0-9]* arrays programmed and solved in .* s (.* s of processor)$' one.said
}
fact "it tells each stage's share of the time, and how long the arrays took" tells_the_time

agree="report, images and logits agree with each other"
if [ -n "$python" ]; then fact "$agree" agrees; else tap_skip "$agree" "python3-numpy is not installed"; fi

# The first layer's inputs are the pixels, here real numbers of both signs: percentiles of their magnitudes by NumPy.
percentiles() {
    $python -c '
import numpy
numpy.save("noise.npy", numpy.random.default_rng(5).normal(size=(3, 1, 28, 28)).astype("f4"))
numpy.save("noise-labels.npy", numpy.zeros(3, "i4"))' || return
    for p in 3.21 50.3 99.9 100; do
        crossohm eval fashion-lenet5.yaml fashion-lenet5.onnx --quiet --data idx:images,labels --limit 8 --threads 2 \
            --calibrate npy:noise.npy,noise-labels.npy --set "mapping.input_range={percentile: $p}" -o "range$p" ||
            return
    done
    $python - <<'END'
import json, numpy
noise = numpy.load('noise.npy').astype('f8')
for p in ('3.21', '50.3', '99.9', '100'):
    want = numpy.percentile(abs(noise), float(p)) / 127
    got = json.load(open('range%s/report.json' % p))['layers'][0]['input_scale']
    print(p, got, want)
    assert abs(got - want) <= 1e-7 * want, p
END
}
percent="percentiles of a layer's inputs are those of NumPy"
if [ -n "$python" ]; then fact "$percent" percentiles; else tap_skip "$percent" "python3-numpy is not installed"; fi

# Killed at some moment while images are evaluated: after the first blocks are on disk.
killed_and_resumed() {
    varied() { score --limit 300 --set device.variation.sigma=0.05 --instances 2 "$@"; }
    varied -o whole || return
    for attempt in 1 2 3; do
        (exec crossohm eval fashion-lenet5.yaml fashion-lenet5.onnx --preprocess unit --quiet \
            --data idx:images,labels --calibrate idx:train,train-labels@0:20 --limit 300 \
            --set device.variation.sigma=0.05 --instances 2 \
            --resume --threads 1 -o part) &
        process=$!                     # of crossohm itself, not of a shell around it
        for wait in $(seq 6000); do    # longer than a busy machine takes to calibrate
            test "$(wc -c <part/checkpoint 2>/dev/null || echo 0)" -gt $((attempt * 1500)) && break
            sleep 0.01
        done
        kill -9 $process 2>/dev/null
        wait $process 2>/dev/null
        test ! -e part/report.json && test -e part/checkpoint || { echo "not killed in time"; return 1; }
    done
    other=portable
    [ "${CROSSOHM_SIMD-}" != portable ] || other=avx2
    if CROSSOHM_SIMD=avx2 crossohm version >/dev/null; then     # another instruction set would make it a mixture
        (CROSSOHM_SIMD=$other; export CROSSOHM_SIMD; varied --resume -o part) 2>said
        test $? -eq 4 && grep -q 'a checkpoint of other inputs' said || { cat said; return 1; }
    fi
    varied --resume --threads 2 -o part || return
    for name in report.json report.html images.csv; do
        cmp whole/$name part/$name || return
    done
}
fact "killed three times and resumed, the files are the same" killed_and_resumed

other_checkpoint() {
    mkdir -p other && printf 'crossohm checkpoint 1 %064d\n' 0 >other/checkpoint
    score --limit 20 --resume -o other 2>said
    test $? -eq 4 && grep -q 'checkpoint: a checkpoint of other inputs' said && test ! -e other/report.json
}
fact "a checkpoint of something else is refused" other_checkpoint

never_scored() {
    evaluate --data idx:images,labels@0:60 --calibrate idx:images,labels@20:50 -o apart || return
    test "$(sed 1d apart/images.csv | cut -d, -f1 | tr '\n' ' ')" = "$(seq -s ' ' 0 19) $(seq -s ' ' 50 59) " &&
        grep -q '"excluded_images": 30' apart/report.json
}
fact "calibration images are never scored" never_scored
cat >pictures.py <<'END'
import gzip, os, struct, zlib
pixels = gzip.open('images').read()[16:16 + 12 * 784]
def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
for folder in 'pictures', 'others':
    os.mkdir(folder)
    for k in range(12):
        rows = b''.join(b'\0' + pixels[k * 784 + 28 * i:k * 784 + 28 * i + 28] for i in range(28))
        with open('%s/%d.png' % (folder, k if folder == 'pictures' else 11 - k), 'wb') as png:
            png.write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 28, 28, 8, 0, 0, 0, 0)) +
                      chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))
open('list.csv', 'w').writelines('%d.png,%d\n' % (k, k % 10) for k in range(12))
END
never_scored_pictures() {
    $python pictures.py || return
    evaluate --data images:pictures,list.csv --calibrate images:pictures,list.csv@3:7 -o pictures-apart || return
    test "$(sed 1d pictures-apart/images.csv | cut -d, -f1 | tr '\n' ' ')" = "0 1 2 7 8 9 10 11 " || return
    evaluate --data images:pictures,list.csv --calibrate images:others,list.csv@3:7 -o other-pictures &&
        grep -q '"excluded_images": 0' other-pictures/report.json
}
pictures="nor those of a folder, by what they show"
if [ -n "$python" ]; then
    fact "$pictures" never_scored_pictures
else
    tap_skip "$pictures" "python3-numpy is not installed"
fi
nothing_left() {
    evaluate --data idx:images,labels@0:10 --calibrate idx:images,labels@0:20 -o none 2>said
    test $? -eq 4 && grep -q 'no image is left' said && test ! -e none/report.json
}
fact "no image left to score is an error" nothing_left

side_by_side() {
    score --limit 20 --stages -o stages &&
        grep -q '"none":' stages/report.json && grep -q '"array":' stages/report.json &&
        grep -q '"column":' stages/report.json && grep -q 'Gain side by side' stages/report.html
}
fact "--stages shows the gains side by side" side_by_side

technology() {
    crossohm fit fashion-lenet5.yaml -o technology.fcm --arrays 1 --held-out 2 --quiet &&
    crossohm eval technology.fcm fashion-lenet5.onnx --preprocess unit --quiet --data idx:images,labels \
        --calibrate idx:train,train-labels@0:20 --limit 100 -o technology &&
        cmp one/images.csv technology/images.csv
}
fact "a technology's .fcm serves as hardware" technology

no_wires="--set array.row_wire_ohm=0 --set array.column_wire_ohm=0 --set array.driver_ohm=0 --set array.sense_ohm=0"
without_wires() {
    score --limit 100 $no_wires --logits -o ideal >said && grep -q 'nothing in the arrays resists' said || return
    score --limit 100 $no_wires --set array.sense_ohm=1e-9 --logits -o almost >said &&
        cut -d, -f1-5 ideal/images.csv | sed 1d >a && cut -d, -f1-4,6 ideal/images.csv | sed 1d >b && cmp a b &&
        cut -d, -f1-4,6 almost/images.csv | sed 1d >b && cmp a b
}
fact "without resistances circuit repeats converters, and with hardly any it computes the same" without_wires

instances() {
    score --limit 20 --set device.variation.sigma=0.2 --instances 3 --threads 1 -o vary1 &&
        score --limit 20 --set device.variation.sigma=0.2 --instances 3 --threads 2 -o vary2 || return
    for name in report.json report.html images.csv; do
        cmp vary1/$name vary2/$name || return
    done
    grep -q variation2 vary1/images.csv && grep -q '"variation":' vary1/report.json &&
        grep -q '"enough_for_a_claim": false' vary1/report.json && grep -q 'Programmed instances' vary1/report.html
    score --limit 20 --set device.faults.stuck_on_rate=0.01 --set seed=2 -o vary3 &&
        grep -q '"count": 1' vary3/report.json
}
fact "instances are drawn, the same for any number of threads" instances
other_instances() {
    score --limit 300 --set device.variation.sigma=0.05 --instances 3 -o more || return
    ! cmp -s whole/images.csv more/images.csv && cut -d, -f1-8 more/images.csv | sed 1d >a &&
        sed 1d whole/images.csv >b && cmp a b
}
fact "more instances leave the first ones as they were" other_instances

# says EXIT TEXT command ...
says() {
    want=$1 text=$2
    shift 2
    "$@" >out 2>said
    code=$?
    test $code -eq "$want" && test "$(wc -l <said)" -eq 1 && grep -q -e "$text" said && return
    echo "exit $code"
    cat said
    return 1
}
fact "calibration images are asked for" says 2 'calibrate' evaluate --data idx:images,labels -o x
fact "instances of nothing that varies are refused" says 2 'nothing varies' score --limit 10 --instances 2 -o x
fact "so is a folder" says 2 '-o' score
fact "arrays are solved in two precisions only" says 2 'expected float64 or float32' evaluate \
    --data idx:images,labels --calibrate idx:images,labels@0:10 --precision float16 -o x
fact "and data" says 2 'data' evaluate --calibrate idx:images,labels@0:10 -o x
fact "a folder that cannot be is named" says 1 'labels/x' score --limit 10 -o labels/x
fact "a missing network is named" says 4 'none.onnx' crossohm eval fashion-lenet5.yaml none.onnx \
    --data idx:images,labels --calibrate idx:images,labels@0:10 -o x
fact "missing data are named" says 4 'nowhere' evaluate --data idx:nowhere,labels \
    --calibrate idx:images,labels@0:9 -o x
fact "images of another shape are named" says 4 'the network expects 1' \
    crossohm eval fashion-lenet5.yaml fashion-lenet5.onnx \
    --data "cifar10:$top_srcdir/tests/corpus/cifar/one" --calibrate idx:images,labels@0:10 --quiet -o x
cat >sections.yaml <<'END'
crossohm: 1
array: {rows: 64, columns: 64, row_wire_ohm: 0, column_wire_ohm: 0, driver_ohm: 0, sense_ohm: 0}
layers:
  nosuchlayer: {keep: digital}
END
fact "an override that fits no layer is named" says 4 'nosuchlayer' crossohm eval sections.yaml fashion-lenet5.onnx \
    --data idx:images,labels --calibrate idx:images,labels@0:10 --limit 10 --quiet -o x
test -e x && fact "nothing was written by any of these" test -z "$(ls x)"
tap_done
