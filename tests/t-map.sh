#!/bin/sh
# crossohm map: what it lists against arithmetic by hand, the tiles it exports against a reader of its own
# (tests/tiles.py), layers with settings of their own, mistakes that are named.
# SPDX-License-Identifier: GPL-3.0-or-later
. "$top_srcdir/tests/tap.sh"
net=$top_srcdir/models/fashion-lenet5.onnx
printf 'array: {rows: 100, columns: 70}\n' >hw.yaml
python=
for p in python3 /usr/bin/python3; do
    [ -z "$python" ] && $p -c 'import h5py, numpy' 2>/dev/null && python=$p
done

# ---- the list
lists() {
    crossohm map hw.yaml "$net" --json net.json >list && cat list
}
fact "a network is listed" lists
# 400 x 120 on 100 x 70: 4 x 2 blocks; 7 bits in cells of 2: 4 slices, each a pair; 400 120 8 of 7000 64 cells
fact "blocks, slices, tiles, cells, use of the first dense layer" \
    grep -E '^/7/Gemm +1 +400 +120 +100x70 +8 +4 +64 +448000 +85\.71 +8/14 ' list
fact "a histogram with the share of cells without a digit" grep -E '^# +no digit +[0-9.]+ % +[0-9]+$' list
fact "levels are those of 2-bit cells" grep -E '^# +7e-06 S #' list
adds_up() {
    awk '/ S #/ { sum += $NF } /no digit/ { sum += $NF } /^# .* cells, / { want = $6 }
         END { print "# " sum " " want; exit sum != want }' list
}
fact "the histogram counts every cell" adds_up
same_again() {
    crossohm map hw.yaml "$net" --json again.json >again && cmp list again && cmp net.json again.json
}
fact "the same again" same_again

# ---- a matrix by hand: 3 inputs, 2 outputs, weights over 127: q = 127 -64 / 1 0 / -2 50
printf '1.27,-0.64\n0.01,0\n-0.02,0.5\n' >W.csv
small="--set array.rows=2 --set array.columns=4"
by_hand() {
    crossohm map hw.yaml W.csv $small >list && cat list && grep -E '^W +1 +3 +2 +2x4 +2 +4 +16 +128 +37\.50 ' list &&
    grep -E ' -64 +127  0\.00999999978$' list
}
fact "three weights by two: 48 of 128 cells" by_hand
keys_change() {
    grep -q "$1" list && crossohm map hw.yaml W.csv $small --set "$2" >other && cat other && ! cmp -s list other
}
# Digits of those: plus 3331 1000 2030, minus 0001 2000.
levels() {
    grep -E '^# +1e-06 S #+ +30\.47 % +39$' list && grep -E '^# +4e-06 S #+ +2\.34 % +3$' list &&
    grep -E '^# +7e-06 S #+ +1\.56 % +2$' list && grep -E '^# +1e-05 S #+ +3\.12 % +4$' list
}
fact "39 digits 0, three 1, two 2, four 3" levels
for key in weight_bits=6 sign=offset sign=twos_complement slices=columns unused_cell=open \
    'weight_clip={percentile: 60}' 'weight_clip={sigma: 1}' weight_scale=channel; do
    fact "mapping.$key changes the list" keys_change '^W' "mapping.$key"
done
fact "device.bits_per_cell changes the list" keys_change '^W' device.bits_per_cell=4
fact "mapping.input_bits changes the streams" keys_change ' 8/14 ' mapping.input_bits=4
fact "mapping.input_sign changes the streams" keys_change ' 8/14 ' mapping.input_sign=twos_complement

# ---- layers of their own
digital() {
    crossohm map hw.yaml "$net" --set 'layers."/0/Conv".keep=digital' --set 'layers.*Gemm.array.rows=50' >list &&
    cat list && grep -E '^/0/Conv +1 +25 +6 digital$' list && grep -E '^/7/Gemm .* 50x70 ' list &&
    grep -E '^/3/Conv .* 100x70 ' list
}
fact "a layer kept digital, others with arrays of their own" digital

# ---- the tiles
if [ -n "$python" ]; then
    $python -c 'import numpy; r = numpy.random.default_rng(5); numpy.save("W.npy", r.standard_normal((130, 75)))'
    comes_back() {
        rm -f t.h5
        # shellcheck disable=SC2086
        crossohm map hw.yaml W.npy -o t.h5 $1 >list || { cat list; return 1; }
        $python "$top_srcdir/tests/tiles.py" t.h5 W.npy
    }
    for scheme in 'sign=differential' 'sign=differential pair=columns' 'sign=differential slices=columns' \
        'sign=differential pair=columns slices=columns' 'subtract=digital off_current=reference_column' \
        'sign=offset' 'sign=offset slices=columns off_current=reference_column' 'sign=twos_complement' \
        'sign=twos_complement slices=columns' 'unused_cell=open' 'weight_bits=5'; do
        sets=
        for key in $scheme; do
            sets="$sets --set mapping.$key"
        done
        for bits in 1 3; do
            fact "h5py: q from conductances, $scheme, $bits bits per cell" \
                comes_back "$sets --set device.bits_per_cell=$bits"
        done
    done
    network_comes_back() {
        crossohm map hw.yaml "$1" -o net.h5 >list && $python "$top_srcdir/tests/tiles.py" net.h5
    }
    fact "h5py: every layer of a network" network_comes_back "$net"
    data=${CROSSOHM_DATA:-$top_srcdir/../shared/data}
    for model in mobilenet_v1_0.25_128_imagenet_int8qdq mlperftiny_resnet8_cifar10_int8qdq; do
        if [ -e "$data/models/$model.onnx" ]; then
            fact "h5py: $model" network_comes_back "$data/models/$model.onnx"
        else
            tap_skip "h5py: $model" "$data/models/$model.onnx is missing"
        fi
    done
    described() {
        crossohm map hw.yaml "$net" -o net.h5 >/dev/null && $python - <<'END'
import h5py
with h5py.File("net.h5") as f:
    layer = f["%2F7%2FGemm"]
    assert layer["q"].shape == (400, 120) and layer["q"].dtype == "int32"
    assert layer["tile_3_1/slice_2/minus"].shape == (100, 70)
    assert layer["tile_3_1/slice_2/minus"].attrs["unit"] == b"S"
    assert layer["weight_scale"].shape == (120,) and layer["weight_scale"].dtype == "float32"
    assert len(f.attrs["model_sha256"]) == 64 and b"mapping:" in f["hardware"][()]
END
    }
    fact "h5py: names, shapes, units" described
else
    tap_skip "q from conductances" "python3-h5py is not installed"
fi
reproducible() {
    crossohm map hw.yaml "$net" -o a.h5 >/dev/null && sleep 1.1 && crossohm map hw.yaml "$net" -o b.h5 >/dev/null &&
    cmp a.h5 b.h5
}
fact "the same bytes a second later" reproducible

# ---- mistakes
refuses() {
    want=$1 status=$2
    shift 2
    "$@" >said 2>&1
    got=$?
    cat said
    [ $got = "$status" ] && [ "$(wc -l <said)" = 1 ] && grep -qF -e "$want" said && [ ! -e never.h5 ] &&
    [ ! -e never.h5.part ]
}
fact "a pattern without a layer" refuses 'layers.conv1: found no layer of that name; expected such as /0/Conv' 4 \
    crossohm map hw.yaml "$net" --set layers.conv1.adc.bits=4 -o never.h5
fact "an array too narrow" refuses '/0/Conv: array.columns: found 3; expected at least 4, as one output takes 4' 4 \
    crossohm map hw.yaml "$net" --set array.columns=3 --set mapping.slices=columns -o never.h5
fact "no array at all" refuses 'layer /0/Conv: array.rows: found no value; expected one' 4 \
    sh -c "echo '{}' | crossohm map - '$net' -o never.h5"
fact "no model" refuses 'absent.onnx: cannot open' 4 crossohm map hw.yaml absent.onnx -o never.h5
printf '1,2\n' | tr -d '\n,' >not.onnx
fact "no network" refuses 'not.onnx' 4 crossohm map hw.yaml not.onnx -o never.h5
header="{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }"
printf '\223NUMPY\001\000\166\000%-117s\n12345678' "$header" >one.npy
fact "a matrix of one dimension" refuses 'one.npy: found 1 numbers in 1 dimensions; expected weights' 4 \
    crossohm map hw.yaml one.npy -o never.h5
fact "settings that contradict each other for one layer" refuses 'device: found on_siemens' 4 \
    crossohm map hw.yaml W.csv --set layers.W.device.on_siemens=1e-9 -o never.h5
fact "standard output for tiles" refuses 'found no regular file; expected one' 1 crossohm map hw.yaml W.csv -o -
fact "a folder that is not there" refuses 'no/t.h5: cannot create' 1 crossohm map hw.yaml W.csv -o no/t.h5
fact "one file only" refuses 'map' 2 crossohm map hw.yaml
file_too_large() {
    for k in 20 100 300; do
        refuses 'never.h5: cannot write: File too large' 1 \
            sh -c "ulimit -f $k; crossohm map hw.yaml '$net' -o never.h5" || return 1
    done
}
fact "a disk that is full early, later, late: an error, and nothing stays" file_too_large
tap_done
