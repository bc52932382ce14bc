#!/bin/sh
# What networks lose on crossbars, stage by stage: array sizes 16 to 128, cells of 100 kohm to 1 Mohm and of 20 kohm to
# 200 kohm, wires of 1 ohm and of 5 (rows) and 10 ohm (columns) a segment, driver and sense 100 ohm; every array's circuit
# solved exactly.  Writes NAME.csv and timing-NAME.txt beside itself, row by row: in the place of what was there for the
# same array, cells and wires.
#   results/networks/make.sh [-b build folder] [-t "64 128"] [-s "mild hard"] NAME ...
# Sizes: 16, 32, 64 and 128; SqueezeNet 64 and 128, MobileNet-v2 64; audits 32 and 64.
# Settings: mild (100 kohm to 1 Mohm, 1 ohm), hard (20 kohm to 200 kohm, 5 and 10 ohm), wires (cells as mild, wires as
# hard), cells (cells as hard, wires as mild); -s names some, else all four.
# NAME: lenet5, lenet5-gains, lenet5-variation, resnet20, resnet32, mobilenet-v1, mobilenet-v2, squeezenet, and audit: all
# of these networks, with 50 arrays each and up to 20 images solved once more.
# Fashion-MNIST: the Debian package dataset-fashion-mnist.  Other networks and data: $CROSSOHM_DATA, default ../shared/data.
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$here/../../build tiles="" settings="mild wires cells hard"
while getopts b:t:s: option; do
    case $option in b) build=$OPTARG ;; t) tiles=$OPTARG ;; s) settings=$OPTARG ;; *) exit 2 ;; esac
done
shift $((OPTIND - 1))
build=$(cd "$build" && pwd)
data=$(cd "${CROSSOHM_DATA:-$here/../../../shared/data}" 2>/dev/null && pwd || true)
fashion=/usr/share/datasets/fashion-mnist
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf 'crossohm: 1\n' >"$work/hardware.yaml"

# The command of a network, without hardware.
lenet5="$here/../../models/fashion-lenet5.onnx --preprocess unit
    --data idx:$fashion/t10k-images-idx3-ubyte.gz,$fashion/t10k-labels-idx1-ubyte.gz
    --calibrate idx:$fashion/train-images-idx3-ubyte.gz,$fashion/train-labels-idx1-ubyte.gz@0:1000"
cifar=cifar10:$data/cifar10/cifar10_test_jpegderived.bin.gz
on_cifar="--preprocess imagenet --data $cifar@1000:2000 --calibrate $cifar@0:32"
resnet20="$data/models/resnet20_cifar10.onnx $on_cifar"
resnet32="$data/models/resnet32_cifar10.onnx $on_cifar"
imagenet=images:$data/imagenet-sample/images256,$data/imagenet-sample/labels.csv
mobilenet_v1="$data/models/mobilenet_v1_0.25_128_imagenet_fp32.onnx --preprocess tf --set mapping.weight_scale=channel
    --data $imagenet@8:1000 --calibrate $imagenet@0:8"
mobilenet_v2="$data/models/mobilenet_v2_1.0_224_imagenet_fp32.onnx --preprocess tf --set mapping.weight_scale=channel
    --data $imagenet@8:108 --calibrate $imagenet@0:8"
squeezenet="$data/models/squeezenet1_1_imagenet.onnx --preprocess imagenet --data $imagenet@8:208
    --calibrate $imagenet@0:8"

# One row of the table from a report.
row='
import json, sys
r, t = json.load(open(sys.argv[1])), json.load(open(sys.argv[2]))
layers = [l for l in r["layers"] if "circuit" in l]
c = [l["circuit"] for l in layers]
arrays, all = sum(x["solved_arrays"] for x in c), sum(x["conversions"] for x in c)
a, s = r["accuracy"], r["steps"]["converters_to_circuit"]
row = sys.argv[3:] + [r["images"], arrays] + ["%.4f" % a[k] for k in ("fp32", "quantised", "converters", "circuit")]
row += ["%.4f" % x for x in r["interval95"]["circuit"]] + ["%+.4f" % s["difference"]]
row += ["%+.4f" % x for x in s["interval95"]] + ["yes" if s["resolved"] else "no"]
row += ["%.4f" % (sum(x["nf_mean"] * x["solved_arrays"] for x in c) / arrays), "%.4f" % max(x["nf_high"] for x in c)]
row += ["%.4f" % (sum(x["flipped"] for x in c) / all), "%.5f" % (sum(x["clipped"] for x in c) / all)]
row += ["%.4f" % max(l["error_rel"] for l in layers), "%.4f" % max(x["error_rel"] for x in c)]
row += ["%.1e" % max(x["bound_rel"] for x in c), "%.1e" % max(x["sampled_error_rel"] for x in c)]
if len(r["gains"]) == 3:
    row += ["%.4f" % r["gains"][g]["accuracy"][k] for g in ("none", "array", "column") for k in ("converters", "circuit")]
if "instances" in r:
    i = r["instances"]
    row += [i["count"], "%.4f" % a["variation"]] + ["%.4f" % x for x in r["interval95"]["variation"]]
    row += ["%.5f" % i["between_variance"] ** .5, "%.5f" % i["images_variance"] ** .5]
print(",".join(map(str, row)))
t = t["seconds"]
print("%s: %.1f s to calibrate, of them %.2f s to program and solve; %.1f s to evaluate, %.4g images/s" % (" ".join(
      sys.argv[3:]), t["calibrate"], t["program_and_solve"], t["evaluate"], t["images_per_second"]), file=sys.stderr)
'

# put FILE KEY: a line from standard input in the place of the one that begins so
put() {
    line=$(cat)
    { grep -v "^$2" "$1" || true; echo "$line"; } >"$1.part"
    mv "$1.part" "$1"
}

audited='
import json, sys
r = json.load(open(sys.argv[1]))
a, t = r["audit"].get("images"), r["audit"]["tiles"]
row = sys.argv[2:] + [t[k] for k in ("count", "arrays", "arrays_by_ngspice", "currents")]
row += ["%.1e" % t[k] for k in ("cholmod_rel", "ngspice_rel", "bound_rel")] + [t["outside_bound"]]
row += [a["count"], a["changed"], "%.4f" % a["changed_high95"], "%.1e" % a["logit_error_rel"]] if a else [0, "", "", ""]
print(",".join(map(str, row)))
'

# set_cells SETTING
set_cells() {
    case $1 in
    mild) on=1e-5 off=1e-6 row_wire=1 column_wire=1 ;;
    wires) on=1e-5 off=1e-6 row_wire=5 column_wire=10 ;;
    cells) on=5e-5 off=5e-6 row_wire=1 column_wire=1 ;;
    hard) on=5e-5 off=5e-6 row_wire=5 column_wire=10 ;;
    *) echo "$1: no such setting; the head of this file has them" >&2; exit 2 ;;
    esac
}

# run TILE arguments
run() {
    tile=$1
    shift
    "$build/crossohm" eval "$work/hardware.yaml" "$@" --quiet --set array.rows="$tile" --set array.columns="$tile" \
        --set array.row_wire_ohm="$row_wire" --set array.column_wire_ohm="$column_wire" --set device.on_siemens="$on" \
        --set device.off_siemens="$off" -o "$work/out" >/dev/null
}

# evaluate NAME SETTING TILE SUFFIX arguments
evaluate() {
    name=$1 tile=$3 suffix=$4
    set_cells "$2"
    shift 4
    run "$tile" "$@"
    python3 -c "$row" "$work/out/report.json" "$work/out/timing.json" "$tile" "$on" "$off" "$row_wire" "$column_wire" \
        >"$work/row" 2>"$work/time"
    sed "s/\$/$suffix/" "$work/row" | put "$here/$name.csv" "$tile,$on,$off,$row_wire,$column_wire,.*$suffix\$"
    sed "s/:/$suffix:/" "$work/time" | put "$here/timing-$name.txt" "$tile $on $off $row_wire $column_wire$suffix:"
}

begin() {
    {
        echo "# crossohm $("$build/crossohm" --version | sed -n '1s/.* //p'), results/networks/make.sh $1; seed 1; accuracies as shares,"
        echo "# intervals 95 % (circuit: Wilson; difference to converters: paired bootstrap); nf_mean over arrays; flipped, clipped:"
        echo "# of the circuit stage's codes; error: rms of the worst layer's sums; bound and sampled error of G_ni, worst layer"
        case $1 in mobilenet*) echo "# mapping.weight_scale channel: weights of 8 bits have a scale for each output" ;; esac
        printf '%s' "array,on_siemens,off_siemens,row_wire_ohm,column_wire_ohm,images,arrays,fp32,quantised,converters,circuit,"
        printf '%s' "circuit_low95,circuit_high95,difference,difference_low95,difference_high95,resolved,nf_mean,nf_high,"
        printf '%s\n' "flipped,clipped,converters_error,circuit_error,bound_rel,sampled_error_rel$2"
    } >"$work/head"
    { cat "$work/head"; grep -v -e '^#' -e '^array' "$here/$1.csv" 2>/dev/null || true; } >"$work/table"
    mv "$work/table" "$here/$1.csv"
    { sed -n 's/^model name[^:]*: /# /p' /proc/cpuinfo | head -n 1
      grep -v '^#' "$here/timing-$1.txt" 2>/dev/null || true; } >"$work/table"
    mv "$work/table" "$here/timing-$1.txt"
}

# Rows by cells, wires and size.
order() {
    { grep -e '^#' -e '^array' "$1"; grep -v -e '^#' -e '^array' "$1" | sort -t, -k2,2g -k4,4g -k1,1n; } >"$work/table"
    mv "$work/table" "$1"
}

# table NAME SIZES MORE-COLUMNS arguments: all sizes, cells and wires
table() {
    name=$1 sizes=${tiles:-$2}
    begin "$1" "$3"
    shift 3
    for setting in $settings; do
        for tile in $sizes; do
            evaluate "$name" "$setting" "$tile" "" "$@"
        done
    done
    order "$here/$name.csv"
}

# audit NETWORK IMAGES arguments: of some arrays of the network, and some images
audit() {
    network=$1 images=$2
    shift 2
    for setting in $settings; do
        set_cells "$setting"
        for tile in ${tiles:-32 64}; do
            [ "$images" = 0 ] && what=tiles=50 || what=images=$images,tiles=50
            run "$tile" "$@" --limit 20 --calibrate-limit 8 --audit "$what"
            python3 -c "$audited" "$work/out/report.json" "$network" "$tile" "$on" "$off" "$row_wire" "$column_wire" |
                put "$here/audit.csv" "$network,$tile,$on,$off,$row_wire,$column_wire,"
        done
    done
}

begin_audit() {
    {
        echo "# crossohm $("$build/crossohm" --version | sed -n '1s/.* //p'), results/networks/make.sh audit; seed 1; currents of"
        echo "# arrays drawn from all layers, 8 inputs that images gave each: largest difference over full scale (the array's"
        echo "# largest column current), the bound that was known beforehand, how many currents lie outside theirs; images: with"
        echo "# every current from a certified matrix, Clopper-Pearson's limit at 95 %, logits over their range"
        printf '%s' "network,array,on_siemens,off_siemens,row_wire_ohm,column_wire_ohm,tiles,arrays,by_ngspice,currents,"
        echo "cholmod_rel,ngspice_rel,bound_rel,outside,images,changed,changed_high95,logit_error_rel"
        grep -v -e '^#' -e '^network' "$here/audit.csv" 2>/dev/null || true
    } >"$work/table"
    mv "$work/table" "$here/audit.csv"
}

all="16 32 64 128"
gains=",none_converters,none_circuit,array_converters,array_circuit,column_converters,column_circuit"
instances=",instances,variation,variation_low95,variation_high95,sd_between,sd_images"
for name in "$@"; do
    # shellcheck disable=SC2086
    case $name in
    lenet5) table lenet5 "$all" "" $lenet5 ;;
    lenet5-gains) table lenet5-gains "$all" "$gains" $lenet5 --limit 1000 --calibrate-limit 200 --stages ;;
    lenet5-variation)
        begin lenet5-variation "$instances,sigma"
        for sigma in 0.02 0.05 0.1 0.2; do
            evaluate lenet5-variation mild 64 ",$sigma" $lenet5 --limit 1000 --calibrate-limit 200 --instances 10 \
                --set device.variation.sigma=$sigma
        done ;;
    resnet20) table resnet20 "$all" "" $resnet20 ;;
    resnet32) table resnet32 "$all" "" $resnet32 ;;
    mobilenet-v1) table mobilenet-v1 "$all" "" $mobilenet_v1 ;;
    mobilenet-v2) table mobilenet-v2 64 "" $mobilenet_v2 ;;
    squeezenet) table squeezenet "64 128" "" $squeezenet ;;
    audit)
        begin_audit
        audit lenet5 20 $lenet5
        audit resnet20 20 $resnet20
        audit mobilenet-v1 0 $mobilenet_v1
        audit squeezenet 0 $squeezenet
        audit resnet32 0 $resnet32
        audit mobilenet-v2 0 $mobilenet_v2 ;;
    *) echo "$name: no such table; the head of this file has them" >&2; exit 2 ;;
    esac
done
