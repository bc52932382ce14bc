#!/bin/sh
# crossohm compare: report.json holds the right numbers, page and report.json are the same bytes every time, the page
# is well formed and holds no script, ngspice is asked and agrees, a missing ngspice is named.
# SPDX-License-Identifier: GPL-3.0-or-later
. "$top_srcdir/tests/tap.sh"

cat >hw.yaml <<'END'
crossohm: 1
array: {driver_ohm: 1000, row_wire_ohm: 5, column_wire_ohm: 10, sense_ohm: 1000}
dac: {bits: 4}
END
printf '5e-5,5e-6\n2e-5,1e-5\n' >g.csv
printf '0.2,0.1\n0.1,0\n0.05,0.2\n' >v.csv
compare() {
    crossohm compare hw.yaml -g g.csv -v v.csv --quiet "$@"
}
says() {
    grep -q -e "$2" "$1" || { cat "$1"; return 1; }
}
# number FILE KEY: the first number behind "KEY":
number() {
    sed -n "s/.*\"$2\": \[*\([-+.0-9e]*\).*/\1/p" "$1" | head -n 1
}
near() {
    awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { d = a - b; if (d < 0) d = -d; print a, b; exit !(a != "" && d <= t) }'
}

fact "a comparison" compare -o a.html --json a.json
compare -o b.html --json b.json >b.out
fact "the page is the same, byte for byte" cmp a.html b.html
fact "report.json too" cmp a.json b.json
# What the ADC reads of the exact currents: a range that most of them leave, worked out by hand.
adc_row() {
    compare --set adc.range=fixed --set adc.low_ampere=0 --set adc.high_ampere=4e-6 -o clip.html --json clip.json &&
        sed -n '/"budget"/,$p' clip.json | sed -n '/"adc": {/,$p' >row &&
        crossohm solve hw.yaml -g g.csv -v v.csv --quiet | awk -F, '/^[^#]/ {
            for (j = 1; j <= NF; j++) {
                lsb = 4e-6 / 255; code = int($j / lsb + 0.5); code = code > 255 ? 255 : code
                error = $j - code * lsb; error = error < 0 ? -error : error
                most = error > most ? error : most
            }
        } END { printf "%.17g\n", most }' >by_hand && near "$(number row max_ampere)" "$(cat by_hand)" 1e-15 &&
        awk '{ exit !($1 > 1e-6) }' by_hand
}
fact "the budget's ADC row is what the ADC does, clipping included" adc_row
warned() {
    printf -- '-0.1,0.1\n' >minus.csv &&
        crossohm compare hw.yaml -g g.csv -v minus.csv -o minus.html --quiet 2>said >told &&
        says said '1 of 2 voltages lie outside what the DAC gives'
}
fact "a voltage that the DAC cannot give is told, --quiet or not" warned
if command -v xmllint >xmllint.path; then
    sed '1d; s/&[A-Za-z]*;/x/g' a.html >a.xml              # XML knows no HTML entities
    fact "the page is well formed" xmllint --noout a.xml
else
    tap_skip "the page is well formed" "xmllint is not installed"
fi
no_script() {
    ! grep -i -q -e '<script' -e 'http:' -e 'https:' -e 'src=' a.html
}
fact "the page needs nothing else and holds no script" no_script
every_section() {
    for title in 'What was simulated' 'Error budget' 'Voltage lost' 'Nonideality factor' 'Fast model against exact' \
        'Error of the fast model' 'Its error in each column' 'Gain, and' 'Agreement of the engines'; do
        grep -q "<h2>$title" a.html || { echo "no section: $title"; return 1; }
    done
}
fact "the page has every section" every_section
no_nan() {
    ! grep -i -q -e 'nan' -e '[^a-z]inf[^o]' a.html
}
fact "no number on the page is NaN or infinite" no_nan

# I of the hand-solved 2x2 matrix (t-cli.sh) over G^T V: NF of both columns.
nonideality() {
    awk 'BEGIN {
        a = .2 + .1 + .05; b = .1 + 0 + .2
        printf "%.12g %.12g\n", 1 - (4.438903924255e-05*a + 1.819833216552e-05*b)/(5e-5*a + 2e-5*b),
            1 - (4.688470024746e-06*a + 9.573660367421e-06*b)/(5e-6*a + 1e-5*b) }' >want
    read -r first second <want
    near "$(number a.json nonideality_factor)" "$first" 1e-10 &&
        near "$(sed -n 's/.*"nonideality_factor": \[.*, \(.*\)\].*/\1/p' a.json)" "$second" 1e-10
}
fact "NF of both columns, by hand" nonideality
fast_model_is_exact() {
    sed -n '/"fast_model": {/,$p' a.json >fast && near "$(number fast max)" 0 1e-14 && says fast '"exact": true'
}
fact "the fast model is exact" fast_model_is_exact
oracle() {
    awk 'BEGIN { printf "%.12g\n", (5e-5 + 2e-5 + 5e-6 + 1e-5) / \
        (4.438903924255e-05 + 1.819833216552e-05 + 4.688470024746e-06 + 9.573660367421e-06) }' >want
    awk '/"source": "oracle"/ { found = 1 } found' a.json >gain &&
        near "$(number gain factor_range)" "$(cat want)" 1e-10
}
fact "the oracle gain of the array, by hand" oracle
mean_power() {
    sed -n '/"power_mean": {/,/}/p' a.json >mean
    sed -n '/"power": {/,/}/p' a.json >sum
    for part in cells_watt word_lines_watt bit_lines_watt; do
        near "$(awk "BEGIN { printf \"%.15g\", $(number mean $part) * $(number a.json inputs) }")" \
            "$(number sum $part)" 1e-12 || return
    done
}
fact "power by part, the mean over inputs" mean_power
series_belongs_to_the_cell() {
    ideal='--set array.driver_ohm=0 --set array.row_wire_ohm=0 --set array.column_wire_ohm=0 --set array.sense_ohm=0'
    compare $ideal --set device.series_ohm=20000 --json series.json &&
        near "$(number series.json nonideality_factor)" 0 1e-12 &&
        near "$(number series.json current_lost)" 0 1e-12 &&
        awk '/"source": "oracle"/ { found = 1 } found' series.json >gain && near "$(number gain factor_range)" 1 1e-12
}
fact "series_ohm belongs to the cell: without wires NF is 0, the gain 1" series_belongs_to_the_cell
fact "what is printed names the speed" says b.out '^Speed '
fact "and the report" says b.out '^Report     b.html'

# ---- times
times_in_report() {
    compare --against klu --times -o t.html --json t.json --timing t-timing.json >t.out && says t.html '<h2>Times' &&
        ! grep -q '<h2>Times' a.html && ! grep -q '"times"' a.json &&
        sed -n '/"times": {/,$p' t.json >times && near "$(number times inputs)" 3 0 &&
        sed -n '/"method": "klu"/,$p' times >klu && near "$(number klu times_faster_than_klu)" 1 1e-12 &&
        sed -n '/"ratio"/,$p' t-timing.json >ratio && sed -n '/"method": "fast_model"/,$p' times >model &&
        near "$(number model times_faster_than_klu)" "$(number ratio klu_over_fast_model)" 1e-6 &&
        says model '"times_faster_than_ngspice": null'
}
fact "--times puts the times on the page and into report.json" times_in_report
per_input() {
    awk -F'[:,]' '/"factor_sec"/ { f = $2 } /"solve_sec"/ { s = $2 } /"per_input_sec"/ { p = $2; exit }
        END { d = p - (f + s) / 3; exit !(p > 0 && d * d < 1e-24 * p * p) }' times
}
fact "per input is factor and solve over inputs" per_input
untimed() {
    sed -e 's/ --times//' -e '/"times": {/,$d' t.json >t.rest && compare --against klu --json k.json &&
        sed '$d' k.json | sed '$s/$/,/' >k.rest && cmp t.rest k.rest
}
fact "nothing else in report.json changes" untimed

with_model() {
    crossohm fit hw.yaml -g g.csv -v v.csv -o m.fcm --quiet && compare --fcm m.fcm --json m.json &&
        says m.json '"fitted_to_other_conductances": false' &&
        near "$(number m.json highest_lsb_ampere)" "$(number a.json highest_lsb_ampere)" 0
}
fact "a model from a file gives the same" with_model
other_cells() {
    printf '5e-5,5e-6\n2e-5,3e-5\n' >other.csv
    crossohm fit hw.yaml -g other.csv -v v.csv -o o.fcm --quiet && compare --fcm o.fcm --json o.json &&
        says o.json '"fitted_to_other_conductances": true'
}
fact "a model of other conductances is recognised" other_cells

crossohm fit hw.yaml --set array.rows=2 --set array.columns=2 --arrays 1 --held-out 4 -o t.fcm --quiet
fact "--times without a report is refused" fails 2 'neither -o nor --json' compare --times
fact "a technology is no model of an array, and refused" fails 4 'technology' compare --fcm t.fcm

# ---- ngspice
if [ -x "$CROSSOHM_NGSPICE_HELPER" ]; then
    judged() {
        compare --against ngspice,klu --judge-inputs 2 -o n.html --json n.json &&
            says n.json '"engine": "ngspice"' && sed -n '/"ngspice"/,$p' n.json >judge &&
            near "$(number judge inputs)" 2 0 && near "$(number judge difference_rel)" 0 1e-9 &&
            says n.html 'ngspice against exact'
    }
    fact "ngspice agrees on the first two inputs" judged
else
    tap_skip "ngspice agrees on the first two inputs" "built without ngspice"
fi
CROSSOHM_NGSPICE_HELPER=/nowhere/helper
export CROSSOHM_NGSPICE_HELPER
fact "a missing ngspice is named, exit 1" fails 1 'ngspice' compare --against ngspice -o gone.html --json gone.json
fact "and nothing is written" test ! -e gone.html -a ! -e gone.json
tap_done
