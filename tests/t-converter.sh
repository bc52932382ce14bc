#!/bin/sh
# crossohm converter on real decks through real ngspice: sweeps against circuits solved here by hand, planted errors
# recovered, files that read back, and mistakes that are named.
# SPDX-License-Identifier: GPL-3.0-or-later
. "$top_srcdir/tests/tap.sh"
[ -x "${CROSSOHM_NGSPICE_HELPER:-}" ] || tap_skip_all "ngspice (libngspice0-dev) is missing: no crossohm-ngspice"
cp "$top_srcdir"/netlists/*.cir "$work"
chmod u+w ./*.cir
bits=b0,b1,b2,b3,b4,b5,b6,b7

dac() {
    crossohm converter dac "$@" --in $bits --high-volt 1.8 --read-volt 0.99609375 --out out
}
tia() {
    crossohm converter adc "$@" --in Icolumn --out out --low 0 --high 100e-6 --out-low 0 --out-high -1
}
adc() {
    crossohm converter adc "$@" --in in --out code --low 0 --high 100e-6
}
# The number behind a key of a YAML file, or an end of its interval.
value() {
    sed -n "s/^  $1: \([^ ]*\).*/\1/p" "$2"
}
interval() {
    sed -n "s/^  $1: .*# 95 %: \([^ ]*\) to \(.*\)/\1 \2/p" "$2"
}
inside() {
    echo "# $2: interval $1"
    awk -v want="$2" -v of="$1" 'BEGIN { split(of, end, " "); exit !(of != "" && end[1] <= want && want <= end[2]) }'
}
near() {
    echo "# got $1, want $2 within $3"
    awk -v got="$1" -v want="$2" -v most="$3" 'BEGIN { d = got - want; exit !(got != "" && d <= most && -d <= most) }'
}

# ---- what ngspice puts out is what the circuit puts out

dac r2r-dac.cir -o dac.yaml --residual dac.csv 2>dac.said || cat dac.said
# Node voltages of the ladder by elimination from the far end; each leg by its Thevenin equivalent.
ladder_is_right() {
    awk -F, '
        function output(code,    k, bit, low, g, i, leg, volt) {
            g = 1 / 20e3; i = 0                                  # the terminating resistor
            for (k = 0; k < 8; k++) {
                bit = int(code / 2 ^ k) % 2
                volt = bit ? 1e9 / (1e9 + 100) : 100 / (1e9 + 100)
                leg = 1 / (20e3 + 100 * 1e9 / (1e9 + 100))
                g += leg; i += leg * volt
                if (k < 7) { volt = i / g; g = 1 / (1 / g + 10e3); i = g * volt }
            }
            return i / g
        }
        /^#/ { next }
        { d = $2 - output($1); if (d < 0) d = -d; if (d > worst) worst = d; count++ }
        END { print "# " count " codes, worst difference " worst " V"; exit !(count == 256 && worst < 1e-9) }' dac.csv
}
fact "the R-2R ladder puts out what Kirchhoff says, at every code" ladder_is_right

tia transimpedance.cir -o tia.yaml --residual tia.csv 2>tia.said || cat tia.said
# Bisection for the input node; the amplifier follows from it.
stage_is_right() {
    awk -F, '
        function tanh(x) { return x > 20 ? 1 : x < -20 ? -1 : 1 - 2 / (exp(2 * x) + 1) }
        function output(v) { return (-1.5 * tanh(1000 * (v + 0.5e-3) / 1.5) / 50 + v / 10e3) / \
            (1 / 50 + 1 / 100e3 + 1 / 10e3) }
        function excess(v, i) { return v / 10e6 + (v - output(v)) / 10e3 - i }
        /^#/ { next }
        {
            low = -1; high = 1
            for (k = 0; k < 80; k++) { v = (low + high) / 2; if (excess(v, $1) < 0) low = v; else high = v }
            d = $2 + 255 * output(low); if (d < 0) d = -d; if (d > worst) worst = d; count++
        }
        END { print "# " count " points, worst difference " worst " LSB"
            exit !(count == 256 && worst < 1e-6) }' tia.csv
}
fact "the transimpedance stage puts out what its equations say" stage_is_right

# ---- fits

adc behavioural-adc.cir --inl 2 -o adc.yaml --json adc.json --residual adc.csv 2>adc.said || cat adc.said
fact "the planted gain error is inside its interval" inside "$(interval gain_error adc.yaml)" 0.014705882352941
fact "the planted offset is inside its interval" inside "$(interval offset_lsb adc.yaml)" 0.7
fact "the planted bow is inside its interval" inside "$(sed -n 's/^  # t^2: .*%: \([^ ]*\) to /\1 /p' adc.yaml)" -1.2
fact "an output of whole numbers is taken for codes" grep 'code transitions, 254 points' adc.said
fact "and the scatter is that of the sweep's steps, 1/16 LSB" near "$(value noise_lsb adc.yaml)" 0.018 0.002
fact "an analogue output is not" grep 'analogue output against its ideal line, 256 points' tia.said
fact "finite gain shows as a gain error" near "$(value gain_error tia.yaml)" -0.00099 3e-5
fact "the amplifier's offset shows as 0.5 mV of 1 V/255" near "$(value offset_lsb tia.yaml)" 0.1274 2e-4
fact "stage and behavioural ADC are described within 0.1 LSB" sh -c \
    '! grep "above 0.1" tia.yaml adc.yaml tia.said adc.said'
ladder_is_said_not_to_be() {
    grep 'at worst is above 0.1 LSB\|the worst is above 0.1 LSB' dac.said && grep 'above 0.1 LSB' dac.yaml &&
        grep 'residual 0.0646 LSB rms, 0.204 LSB at worst, at 128 code' dac.said
}
fact "the ladder's carries are said not to be" ladder_is_said_not_to_be
ideal_ladder() {
    sed 's/ron=100/ron=1e-3/; s/roff=100/roff=1e-3/; s/=1e9/=1e15/' r2r-dac.cir >ideal.cir
    dac ideal.cir -o ideal.yaml --inl 0 2>ideal.said && near "$(value gain_error ideal.yaml)" 0 1e-6 &&
        near "$(value offset_volt ideal.yaml)" 0 1e-6 && near "$(value noise_volt ideal.yaml)" 0 1e-6
}
fact "with ideal switches nothing is left" ideal_ladder

# ---- files

reads_back() {
    crossohm info "$1" >sheet || return
    shift 1
    for line in "$@"; do
        grep "$line" sheet || { echo "no $line"; cat sheet; return 1; }
    done
}
fact "dac.yaml is a hardware file" reads_back dac.yaml 'bits: 8' "gain_error: $(value gain_error dac.yaml)" \
    'read_volt: 0.99609375' "offset_volt: $(value offset_volt dac.yaml)" "noise_volt: $(value noise_volt dac.yaml)"
fact "adc.yaml is a hardware file" reads_back adc.yaml "gain_error: $(value gain_error adc.yaml)" 'range: fixed' \
    'high_ampere: 0.0001\|high_ampere: 1.*e-0*4' "offset_lsb: $(value offset_lsb adc.yaml)"
pastes() {
    { cat adc.yaml; sed -n '/^dac:/,$p' dac.yaml; } >both.yaml && reads_back both.yaml \
        "offset_lsb: $(value offset_lsb adc.yaml)" "offset_volt: $(value offset_volt dac.yaml)"
}
fact "both paste into one" pastes
says_the_same() {
    python3 -c '
import json, sys
r = json.load(open("adc.json"))
assert r["gain_error"]["value"] == float(sys.argv[1]) and r["points"] == 254 and r["below_tenth_lsb"] is True
assert len(r["inl_lsb"]) == 2 and r["inl_lsb"][0]["value"] == 0 and r["inl_chosen_by"] == "--inl"' \
        "$(value gain_error adc.yaml)"
}
if command -v python3 >python.path; then
    fact "the JSON says the same" says_the_same
else
    tap_skip "the JSON says the same" "python3 is not installed"
fi
fact "the residual is a line per point" test "$(grep -c -v '^#' adc.csv)" -eq 254
twice() {
    adc behavioural-adc.cir --inl 2 -o again.yaml --quiet && cmp again.yaml adc.yaml
}
fact "the same bytes twice" twice

# ---- inputs by name or node, and decks as they are

by_name() {
    sed -e '/^Vref/s/$/\nVb0 b0 0 0\nVb1 b1 0 0\nVb2 b2 0 0\nVb3 b3 0 0/' \
        -e '/^Vref/s/$/\nVb4 b4 0 0\nVb5 b5 0 0\nVb6 0 b6 0\nVb7 b7 0 0/' \
        r2r-dac.cir >named.cir
    crossohm converter dac named.cir --in vb0,B1,VB2,b3,vb4,b5,b6,vb7 --high-volt 1.8 --read-volt 0.99609375 \
        --out out -o named.yaml --quiet &&
        near "$(value offset_volt named.yaml)" "$(value offset_volt dac.yaml)" 1e-12 &&
        near "$(value noise_volt named.yaml)" "$(value noise_volt dac.yaml)" 1e-12
}
fact "bits by source and by node give one answer" by_name
acts_are_left_out() {
    sed 's/^Rin/.dc Vnone 0 1 1\n.control\nshell touch pwned\nrun\nquit\n.endc\n&/' behavioural-adc.cir >acts.cir
    adc acts.cir --inl 2 -o acts.yaml --quiet && sed 1d acts.yaml >got && sed 1d adc.yaml >want && cmp got want &&
        test ! -e pwned
}
fact "control sections and analyses of the deck are left out" acts_are_left_out
one_bit() {
    printf 'a driver\nR1 b out 1k\nR2 out 0 99k\n' >one.cir
    crossohm converter dac one.cir --in b --high-volt 0.2 --read-volt 0.2 --out out -o one.yaml --quiet &&
        near "$(value gain_error one.yaml)" -0.01 1e-12 && grep 'no interval' one.yaml && crossohm info one.yaml
}
fact "a one-bit driver has a gain error without an interval" one_bit
volts() {
    printf 'an ADC of volts\nVin in 0 0\nBc code 0 V=min(max(floor(V(in)*16+0.5),0),15)\n' >volts.cir
    crossohm converter adc volts.cir --in Vin --out code --bits 4 --low 0 --high 0.9375 -o volts.yaml --quiet \
        --inl 0 &&
        near "$(value gain_error volts.yaml)" 0 5e-3 && ! grep ampere volts.yaml && crossohm info volts.yaml
}
fact "an ADC that measures volts gets no range in ampere" volts

# ---- mistakes

# refused CODE PATTERN command...: exit code, one line that matches, nothing written
refused() {
    want=$1
    pattern=$2
    shift 2
    rm -f out.yaml
    "$@" -o out.yaml >printed 2>said
    got=$?
    cat said
    test $got -eq "$want" || { echo "exit $got, want $want"; return 1; }
    test "$(wc -l <said)" -eq 1 && grep -q -e "$pattern" said && test ! -s printed &&
        test -z "$(find . -name 'out.yaml*')"
}
converter() {
    crossohm converter "$@"
}
fact "no such kind" refused 2 'expected adc or dac' converter dca volts.cir --in Vin --out code
fact "no --in" refused 2 '^crossohm: --in' converter adc volts.cir --out code
fact "no --out" refused 2 '^crossohm: --out' converter adc volts.cir --in Vin
fact "no --high-volt" refused 2 'high-volt' converter dac one.cir --in b --out out
fact "no --low" refused 2 '--low' converter adc volts.cir --in Vin --out code
fact "low above high" refused 2 'low below high' converter adc volts.cir --in Vin --out code --low 1 --high 0
fact "an option of the other converter" refused 2 'belongs to converter dac' adc behavioural-adc.cir --read-volt 1
fact "--set" refused 2 'no hardware file' adc behavioural-adc.cir --set seed=1
fact "nine terms" refused 2 'expected 0 to 8' adc behavioural-adc.cir --inl 9
fact "too fine a sweep" refused 2 'per-code' adc behavioural-adc.cir --per-code 10000
fact "an empty bit" refused 2 'empty name' converter dac one.cir --in b,,c --out out --high-volt 1
fact "no such file" refused 4 'nosuch.cir' adc nosuch.cir
fact "no such input" refused 4 'volts.cir: input nosuch: not found' converter adc volts.cir --in nosuch --out code \
    --low 0 --high 1
fact "one bit twice" refused 4 'twice' converter dac one.cir --in b,B --out out --high-volt 1
fact "no such output" refused 1 'nosuch' converter adc volts.cir --in Vin --out nosuch --low 0 --high 1
fact "a code that does not rise" refused 4 'rise' converter adc volts.cir --in Vin --out code --low 2 --high 3
fact "analogue volts as codes" refused 4 'is not a code' tia transimpedance.cir --reading code
fact "an output that falls" refused 4 'gain error of -1.99' crossohm converter adc transimpedance.cir --in Icolumn \
    --out out --low 0 --high 100e-6 --out-low 0 --out-high 1 --inl 0
fact "an output that stays" refused 4 'gain error of -1' converter dac one.cir --in b --out 'i(vxosweep)' \
    --high-volt 1
broken_deck() {
    printf 'title\nX1 in nosuch\nR2 in 0 1k\n' >broken.cir
    refused 1 'broken.cir\|ngspice' converter adc broken.cir --in in --out in --low 0 --high 1
}
fact "a deck that ngspice does not read" broken_deck
no_ngspice() {
    CROSSOHM_NGSPICE_HELPER=/nonexistent/helper
    export CROSSOHM_NGSPICE_HELPER
    refused 1 '/nonexistent/helper' adc behavioural-adc.cir
}
(fact "a missing ngspice is named" no_ngspice; exit $tap_failed) || tap_failed=1
tap_count=$((tap_count + 1))
tap_done
