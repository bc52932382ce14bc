#!/bin/sh
# Effective weights, crossohm eval --export-onnx, run by an independent runtime, against stage analog: the circuit
# stage's arrays and gains without converters.  Gains none, array and column, arrays of 64 x 64 and 48 x 20, 24 images
# each; cells of 20 kohm to 200 kohm, wires of 5 (rows) and 10 ohm (columns) a segment.  Writes export.csv beside
# itself.
#   results/networks/export.sh [-b build folder] [-r folder] [-t "64x64 48x20"] [NAME ...]
# The runtime is onnxruntime (1.20.1 made what is here) for node: in that folder,
#   npm install onnxruntime-node@1.20.1 --ignore-scripts
# It gets the same pixels: from a network that hands them on, run by crossohm eval.
# NAME: lenet5, resnet20, resnet32, mobilenet-v1, resnet8-int8, mobilenet-v1-int8; all if left out.  -int8: quantised
# models, whose logits are integers of 8 bits.  Data as make.sh has them.
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$here/../../build runtime=. tiles="64x64 48x20"
while getopts b:r:t: option; do
    case $option in b) build=$OPTARG ;; r) runtime=$OPTARG ;; t) tiles=$OPTARG ;; *) exit 2 ;; esac
done
shift $((OPTIND - 1))
build=$(cd "$build" && pwd)
NODE_PATH=$(cd "$runtime" && pwd)/node_modules
export NODE_PATH
data=$(cd "${CROSSOHM_DATA:-$here/../../../shared/data}" 2>/dev/null && pwd || true)
fashion=/usr/share/datasets/fashion-mnist
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf 'crossohm: 1\narray: {rows: 64, columns: 64}\n' >"$work/hardware.yaml"

on_fashion="--preprocess unit --data idx:$fashion/t10k-images-idx3-ubyte.gz,$fashion/t10k-labels-idx1-ubyte.gz
    --calibrate idx:$fashion/train-images-idx3-ubyte.gz,$fashion/train-labels-idx1-ubyte.gz@0:50"
cifar=cifar10:$data/cifar10/cifar10_test_jpegderived.bin.gz
on_cifar="--data $cifar@1000:2000 --calibrate $cifar@0:32"
imagenet=images:$data/imagenet-sample/images256,$data/imagenet-sample/labels.csv
on_imagenet="--preprocess tf --data $imagenet@8:1000 --calibrate $imagenet@0:8"

# take NAME: network, shape of an image, data, settings
take() {
    shape="3 32 32" set=""
    case $1 in
    lenet5) network=$here/../../models/fashion-lenet5.onnx shape="1 28 28" images=$on_fashion ;;
    resnet20 | resnet32) network=$data/models/$1_cifar10.onnx images="--preprocess imagenet $on_cifar" ;;
    resnet8-int8) network=$data/models/mlperftiny_resnet8_cifar10_int8qdq.onnx images="--preprocess raw $on_cifar" ;;
    mobilenet-v1) network=$data/models/mobilenet_v1_0.25_128_imagenet_fp32.onnx shape="3 128 128" images=$on_imagenet
        set="--set mapping.weight_scale=channel" ;;
    mobilenet-v1-int8) network=$data/models/mobilenet_v1_0.25_128_imagenet_int8qdq.onnx shape="3 128 128"
        images=$on_imagenet ;;
    *) echo "$1: no such network; the head of this file has them" >&2; exit 2 ;;
    esac
}

# shellcheck disable=SC2086
evaluate() {
    "$build/crossohm" eval "$work/hardware.yaml" "$@" $images --limit 24 --logits --quiet -o "$work/out" >/dev/null
}

# shellcheck disable=SC2086
row() {
    rows=${2%x*} columns=${2#*x}
    evaluate "$network" $set --set array.rows="$rows" --set array.columns="$columns" --set array.row_wire_ohm=5 \
        --set array.column_wire_ohm=10 --set device.on_siemens=5e-5 --set device.off_siemens=5e-6 \
        --set gain.scope="$3" --export-onnx "$work/out/effective.onnx"
    echo "$1,$rows,$columns,$3,$(node "$here/onnxruntime.js" compare "$work/out" $shape)"
}

{
    version=$("$build/crossohm" --version | sed -n '1s/.* //p')
    echo "# crossohm $version, results/networks/export.sh; seed 1; cells 5e-6 to 5e-5 S, wires 5 and"
    echo "# 10 ohm a segment; largest difference of a logit over the range of those of stage analog: export, the"
    echo "# exported network by onnxruntime from stage analog; runtime, onnxruntime without graph optimisation from"
    echo "# with it; circuit, stage circuit from analog (what converters cost); near: images whose every logit is"
    echo "# within 1e-4; changed: predictions by export"
    echo "network,rows,columns,gain,images,export_rel,runtime_rel,circuit_rel,export_near,runtime_near,changed"
    for name in "${@:-lenet5 resnet20 resnet32 mobilenet-v1 resnet8-int8 mobilenet-v1-int8}"; do
        for each in $name; do
            take "$each"
            # shellcheck disable=SC2086
            node "$here/onnxruntime.js" flatten $shape >"$work/pixels.onnx"
            evaluate "$work/pixels.onnx"
            mv "$work/out/logits-fp32.npy" "$work/out/pixels.npy"
            for tile in $tiles; do
                for gain in none array column; do
                    row "$each" "$tile" "$gain"
                done
            done
        done
    done
} >"$work/export.csv"
mv "$work/export.csv" "$here/export.csv"
