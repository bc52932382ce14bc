#!/bin/sh
# Gated arrays: every topology and cell law against ngspice and KLU; how far one matrix in place of the ladders would be
# off; what LeNet-5 loses on gated columns of nonlinear cells, its arrays judged by the mesh and by ngspice; what ResNet-20
# loses, and takes, beside a crossbar.  Writes agreement.csv, one-matrix.csv, lenet5.csv, resnet20.csv and timing.txt
# beside itself.
#   results/gated/make.sh [-b build folder] [agreement] [one-matrix] [lenet5] [resnet20]
# MNIST, CIFAR-10, LeNet-5 and ResNet-20: $CROSSOHM_DATA, default ../shared/data.
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$here/../../build
while getopts b: option; do
    case $option in b) build=$OPTARG ;; *) exit 2 ;; esac
done
shift $((OPTIND - 1))
build=$(cd "$build" && pwd)
crossohm=$build/crossohm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C
[ $# -gt 0 ] || set -- agreement one-matrix lenet5 resnet20

# cells FILE ROWS COLUMNS LOW HIGH SEED: log-uniform
cells() {
    awk -v m="$2" -v n="$3" -v low="$4" -v high="$5" -v seed="$6" 'BEGIN { srand(seed)
        for (i = 0; i < m; i++) for (j = 0; j < n; j++)
            printf "%.17g%s", low * exp(rand() * log(high / low)), j < n - 1 ? "," : "\n" }' >"$work/$1"
}
# gates FILE INPUTS ROWS SEED: on with a chance that is the input's own
gates() {
    awk -v k="$2" -v m="$3" -v seed="$4" 'BEGIN { srand(seed)
        for (n = 0; n < k; n++) { p = 0.1 + 0.8 * rand()
            for (i = 0; i < m; i++) printf "%d%s", rand() < p, i < m - 1 ? "," : "\n" } }' >"$work/$1"
}
# apart FILE FILE: largest difference over the largest current
apart() {
    awk -F, '/^#/ { next } FILENAME == ARGV[1] { row++; for (k = 1; k <= NF; k++) { a[row, k] = $k
        s = $k < 0 ? -$k : $k; if (s > most) most = s } next }
        { r++; for (k = 1; k <= NF; k++) { d = $k - a[r, k]; if (d < 0) d = -d; if (d > worst) worst = d } }
        END { printf "%.1e", worst / most }' "$1" "$2"
}

agreement() {
    {
        echo "# $($crossohm --version | sed -n 1p), results/gated/make.sh agreement; largest difference of a column's current over"
        echo "# full scale, 8 inputs; cells 1e-6 to 1e-4 S log-uniform, transistors 2 kohm, source wires 3, column wires 5 ohm,"
        echo "# ends 70 and 40 ohm; bound: proven, of a column's scale"
        echo "topology,cells,rows,columns,klu,ngspice,bound"
        for topology in source_column source_row plane; do
            for law in ohmic "sinh, v0_volt: 0.08, reference_volt: 0.2" \
                "polynomial, coefficients: [1, 0.4, 3], reference_volt: 0.2"; do
                for shape in "24 17" "32 32" "5 31" "31 3"; do
                    # shellcheck disable=SC2086
                    set -- $shape
                    cells g.csv "$1" "$2" 1e-6 1e-4 "$1"
                    gates x.csv 8 "$1" "$2"
                    printf '%s\n' "array: {topology: $topology, source_wire_ohm: 3, column_wire_ohm: 5, source_end_ohm: 70, sense_ohm: 40}" \
                        "device: {type: 1T1R, transistor_ohm: 2000, law: $law}" >"$work/hw.yaml"
                    for engine in auto klu ngspice; do
                        "$crossohm" solve "$work/hw.yaml" -g "$work/g.csv" --gate "$work/x.csv" --engine $engine --quiet \
                            -o "$work/$engine.csv" --json "$work/$engine.json"
                    done
                    echo "$topology,${law%%,*},$1,$2,$(apart "$work/auto.csv" "$work/klu.csv"),$(apart "$work/auto.csv" \
                        "$work/ngspice.csv"),$(sed -n 's/.*"worst_bound_rel": \([^,]*\),/\1/p' "$work/auto.json" |
                        awk '{ printf "%.1e", $1 }')"
                done
            done
        done
    } >"$work/agreement.csv"
    mv "$work/agreement.csv" "$here"
}

one_matrix() {
    {
        echo "# $($crossohm --version | sed -n 1p), results/gated/make.sh one-matrix; errors on 64 inputs not used to find it, shares of"
        echo "# full scale; best: least squares, rows: measured row by row; 32 columns, cells on_siemens/10 to on_siemens log-uniform,"
        echo "# transistors 3 kohm, both lines' wire each, ends 100 ohm each; sinh: v0 0.1 V, conductances at 0.2 V"
        echo "law,topology,rows,on_siemens,wire_ohm,best_rms,best_max,rows_rms,rows_max"
        for case in "ohmic source_column" "ohmic plane" "ohmic source_row" "sinh source_column"; do
            topology=${case#* }
            law=
            [ "${case% *}" = ohmic ] || law=", law: sinh, v0_volt: 0.1, reference_volt: 0.2"
            for on in 1e-5 5e-5; do
                for rows in 32 64 128; do
                    for wire in 1 3; do
                        cells g.csv $rows 32 "$(awk "BEGIN { print $on / 10 }")" $on 7
                        printf '%s\n' "array: {topology: $topology, source_wire_ohm: $wire, column_wire_ohm: $wire}" \
                            "device: {type: 1T1R, transistor_ohm: 3000$law}" >"$work/hw.yaml"
                        gates x.csv 2 $rows 5
                        "$crossohm" compare "$work/hw.yaml" -g "$work/g.csv" --gate "$work/x.csv" --against klu --quiet \
                            --json "$work/c.json" >/dev/null
                        printf '%s' "${case% *},$topology,$rows,$on,$wire"
                        for key in best_rms best_max rows_rms rows_max; do
                            printf ',%s' "$(sed -n "s/.*\"$key\": \([^,]*\),*/\1/p" "$work/c.json" | awk '{ printf "%.4f", $1 }')"
                        done
                        echo
                    done
                done
            done
        done
    } >"$work/one-matrix.csv"
    mv "$work/one-matrix.csv" "$here"
}

row='
import json, sys
r, t = json.load(open(sys.argv[1])), json.load(open(sys.argv[2]))
c = [l["circuit"] for l in r["layers"] if "circuit" in l]
a, all = r["accuracy"], sum(x["conversions"] for x in c)
row = sys.argv[3:] + [r["images"]] + ["%.4f" % a[k] for k in ("fp32", "quantised", "converters", "circuit")]
row += ["%.4f" % (sum(x["flipped"] for x in c) / all), "%.4f" % max(x["nf_high"] for x in c), "%.1e" % max(x["sampled_error_rel"] for x in c)]
print(",".join(map(str, row)))
sec = {p["stage"]: p["thread_seconds"] for p in t["seconds"]["passes"]}
print("%s: circuit stage %.2f ms an image, converters %.2f" % (" ".join(sys.argv[3:]), 1e3 * sec["circuit"] / r["images"],
      1e3 * sec["converters"] / r["images"]), file=sys.stderr)
'
judged='
import json, sys
r = json.load(open(sys.argv[1]))
c = [l["circuit"] for l in r["layers"] if "circuit" in l]
a, t, p = r["accuracy"], r["audit"]["tiles"], r["audit"]["images"]
print(",".join([sys.argv[2], str(r["images"])] + ["%.4f" % a[k] for k in ("fp32", "quantised", "converters", "circuit")]
      + ["%.4f" % max(x["nf_high"] for x in c), "%.1e" % max(x["bound_rel"] for x in c),
         "%.1e" % max(x["sampled_error_rel"] for x in c), "%d,%.1e,%.1e,%d" % (t["currents"], t["cholmod_rel"],
         t["ngspice_rel"], t["outside_bound"]), "%d,%d" % (p["count"], p["changed"])]))
'
lenet5() {
    data=$(cd "${CROSSOHM_DATA:-$here/../../../shared/data}" && pwd)
    digits=$data/mnist
    awk 'BEGIN { print "level,v[V],i[A]"; for (k = 0; k < 4; k++) for (n = -4; n <= 12; n++) { v = n / 40
        printf "%d,%g,%.6g\n", k, v, (1e-6 + k * 1.633e-5) * v * (1 + (0.3 + 0.2 * k) * v + 3 * v * v) } }' >"$work/curves.csv"
    {
        echo "# $($crossohm --version | sed -n 1p), results/gated/make.sh lenet5; seed 1; 64 x 48 arrays, source_column, source wires 2 ohm,"
        echo "# column wires 3, ends 100 and 80 ohm, transistors of 3 kohm, cells 1 to 50 uS at 0.2 V; currents of 8 sampled arrays or"
        echo "# pairs against sparse Cholesky and ngspice, over full scale; images run through ladders by the laws themselves"
        echo "law,images,fp32,quantised,converters,circuit,nf_high,bound_rel,sampled_error_rel,currents,cholmod_rel,ngspice_rel,outside_bound,audited,changed"
        for law in "ohmic" "sinh, v0_volt: 0.1, reference_volt: 0.2" "polynomial, coefficients: [1, 0.4, 3, -1, 8], reference_volt: 0.2" \
            "table, file: curves.csv, reference_volt: 0.2"; do
            printf '%s\n' "array: {topology: source_column, rows: 64, columns: 48, source_wire_ohm: 2, column_wire_ohm: 3, source_end_ohm: 100, sense_ohm: 80}" \
                "device: {type: 1T1R, transistor_ohm: 3000, on_siemens: 5.0e-5, off_siemens: 1.0e-6, law: $law}" >"$work/hw.yaml"
            "$crossohm" eval "$work/hw.yaml" "$data/models/mnist_lenet5.onnx" --preprocess unit --data \
                "idx:$digits/t10k-images-idx3-ubyte.gz,$digits/t10k-labels-idx1-ubyte.gz" --calibrate \
                "idx:$digits/train-images-idx3-ubyte.gz,$digits/train-labels-idx1-ubyte.gz@0:40" --limit 300 --threads 1 \
                --audit tiles=8,images=2 --quiet -o "$work/out" >/dev/null
            python3 -c "$judged" "$work/out/report.json" "${law%%,*}"
            rm -rf "$work/out"
        done
    } >"$work/lenet5.csv"
    mv "$work/lenet5.csv" "$here"
}

resnet20() {
    data=$(cd "${CROSSOHM_DATA:-$here/../../../shared/data}" && pwd)
    cifar=cifar10:$data/cifar10/cifar10_test_jpegderived.bin.gz
    {
        echo "# $($crossohm --version | sed -n 1p), results/gated/make.sh resnet20; seed 1; cells 100 kohm to 1 Mohm behind transistors of 3 kohm,"
        echo "# wires 1 ohm, ends 100 ohm; sinh: v0 0.1 V, conductances at 0.2 V; nf_high: of a gated column with every gate on; sampled"
        echo "# error of G_ni, or of currents"
        echo "law,topology,array,images,fp32,quantised,converters,circuit,flipped,nf_high,sampled_error_rel"
        for tile in 64 128; do
            for case in "ohmic crossbar" "ohmic source_column" "ohmic plane" "sinh source_column"; do
                topology=${case#* }
                law=
                [ "${case% *}" = ohmic ] || law=", law: sinh, v0_volt: 0.1, reference_volt: 0.2"
                printf '%s\n' "array: {topology: $topology, rows: $tile, columns: $tile}" \
                    "device: {type: 1T1R, transistor_ohm: 3000$law}" >"$work/hw.yaml"
                "$crossohm" eval "$work/hw.yaml" "$data/models/resnet20_cifar10.onnx" --preprocess imagenet --data "$cifar@1000:2000" \
                    --calibrate "$cifar@0:1000" --limit 200 --calibrate-limit 40 --threads 1 --quiet -o "$work/out" >/dev/null
                python3 -c "$row" "$work/out/report.json" "$work/out/timing.json" "${case% *}" $topology $tile 2>>"$work/timing.txt"
                rm -rf "$work/out"
            done
        done
    } >"$work/resnet20.csv"
    sed -n 's/^model name[^:]*: /# /p' /proc/cpuinfo | head -n 1 >"$here/timing.txt"
    cat "$work/timing.txt" >>"$here/timing.txt"
    mv "$work/resnet20.csv" "$here"
}

for what in "$@"; do
    case $what in
    agreement) agreement ;;
    one-matrix) one_matrix ;;
    lenet5) lenet5 ;;
    resnet20) resnet20 ;;
    *) echo "$what: expected agreement, one-matrix, lenet5 or resnet20" >&2; exit 2 ;;
    esac
done
