#!/bin/sh
# The decks of netlists/ swept by ngspice and fitted: r2r-dac.yaml, transimpedance.yaml, behavioural-adc.yaml; and how
# far the law follows the ladder as its switches get worse: switch-ohm.csv.
#   results/converters/make.sh [build folder]      about 2 s
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
cd "$(dirname "$0")/../.."
build=${1:-build}
out=results/converters
CROSSOHM_NGSPICE_HELPER=${CROSSOHM_NGSPICE_HELPER:-$build/crossohm-ngspice}
export CROSSOHM_NGSPICE_HELPER
deck=$(mktemp "${TMPDIR:-/tmp}/crossohm-ladder.XXXXXX")
trap 'rm -f "$deck" "$deck.json" $out/switch-ohm.csv.part' EXIT

dac() {
    "$build"/crossohm converter dac "$@" --in b0,b1,b2,b3,b4,b5,b6,b7 --high-volt 1.8 --read-volt 0.99609375 --out out --quiet
}
adc() {
    "$build"/crossohm converter adc "$@" --low 0 --high 100e-6 --quiet
}
figure() {
    sed -n "s/^  \"$1\": \([^,]*\).*/\1/p" "$deck.json"
}

dac netlists/r2r-dac.cir -o $out/r2r-dac.yaml
adc netlists/transimpedance.cir --in Icolumn --out out --out-low 0 --out-high -1 -o $out/transimpedance.yaml
adc netlists/behavioural-adc.cir --in in --out code --inl 2 -o $out/behavioural-adc.yaml
{
    echo "# $("$build"/crossohm --version | sed 1q); results/converters/make.sh; netlists/r2r-dac.cir, legs of 20k"
    echo "# closed switch [ohm],residual rms [LSB],residual at worst [LSB],at code"
    for ohm in 0.001 10 20 50 100 200; do
        sed "s/ron=100/ron=$ohm/; s/roff=100/roff=$ohm/" netlists/r2r-dac.cir >"$deck"
        dac "$deck" -o /dev/null --json "$deck.json"
        printf '%s,%.3g,%.3g,%d\n' "$ohm" "$(figure residual_rms_lsb)" "$(figure residual_max_lsb)" "$(figure worst_at_code)"
    done
} >$out/switch-ohm.csv.part
mv $out/switch-ohm.csv.part $out/switch-ohm.csv
