#!/bin/sh
# solve --scheme: reads of one cell of an 8x6 array.  The same array built by hand, every line written out, gives
# the same currents; without wires and ends the sneak current is what a few resistors in series give.
# SPDX-License-Identifier: GPL-3.0-or-later
. "$top_srcdir/tests/tap.sh"

cat >hw.yaml <<'END'
crossohm: 1
array: {rows: 8, columns: 6, row_wire_ohm: 40, column_wire_ohm: 70, driver_ohm: 300, sense_ohm: 500, sense_side: both}
device: {on_siemens: 1.0e-4, off_siemens: 2.0e-6}
END
sed 's/_ohm: [1-9][0-9]*/_ohm: 0/g' hw.yaml >ideal.yaml

# read FILE SCHEME VOLT [options]: r.json
read_cell() {
    file=$1
    scheme=$2
    volt=$3
    shift 3
    crossohm solve "$file" --scheme "$scheme" --cell 2,5 --read-volt "$volt" --json r.json --quiet "$@" >r.txt
}
# value on|off KEY, or value . KEY at the top
value() {
    awk -v part="$1" -v key="\"$2\":" '
        /^  "(on|off)": \{/ { in_part = $1 } /^  \}/ { in_part = "" }
        $1 == key && (part == "." ? in_part == "" : in_part == "\"" part "\":") { sub(",", "", $2); print $2 }' r.json
}
close() {
    awk -v g="$1" -v w="$2" -v t="$3" 'BEGIN {
        d = g - w; if (d < 0) d = -d; s = w < 0 ? -w : w
        if (!(d <= t * s)) { print "got " g ", want " w ", tolerance " t " of it"; exit 1 } }'
}

# ---- by hand: a YAML with all lines, conductances with the pattern, read voltages
# by_hand SCHEME PATTERN SIEMENS: prints sensed current and current through cell 2,5 at 0.3 V
by_hand() {
    awk -v scheme="$1" 'BEGIN {
        word = scheme == "half" ? 0.3 / 2 : 0.3 / 3
        bit = scheme == "half" ? 0.3 / 2 : 2 * (0.3 / 3)
        printf "lines: {word: {"
        for (i = 0; i < 8; i++) if (i != 2)
            printf "%d: %s, ", i, scheme == "floating" ? "floating" : sprintf("{hold_volt: %.17g}", word)
        printf "}, bit: {"
        for (j = 0; j < 5; j++)
            printf "%d: %s, ", j, scheme == "floating" ? "floating" : sprintf("{hold_volt: %.17g}", bit)
        print "}}" }' | sed 's/, }/}/g' >lines
    sed "s/sense_side: both/sense_side: both, $(cat lines)/" hw.yaml >hand.yaml
    awk -v pattern="$2" -v cell="$3" 'BEGIN {
        for (i = 0; i < 8; i++) for (j = 0; j < 6; j++) {
            on = pattern == "all-on" || (pattern == "checkerboard" && (i + j) % 2 == 0)
            g = pattern == "given" ? (1 + i + 8 * j) * 1e-6 : on ? 1e-4 : 2e-6
            printf "%s%s", i == 2 && j == 5 ? cell : g, j < 5 ? "," : "\n"
        } }' >hand.csv
    printf '0,0,0.3,0,0,0,0,0\n' >volt.csv
    crossohm solve hand.yaml -g hand.csv -v volt.csv -o i.csv --node-voltage u.csv --quiet || return
    awk -F, -v g="$3" '/^#/ { next } FILENAME == "i.csv" { i = $6 }
        FILENAME == "u.csv" { k = 2 * 6 + 5; printf "%.17g %.17g\n", i, g * ($(k + 1) - $(48 + k + 1)) }' i.csv u.csv
}
agrees_with_hand() {
    awk 'BEGIN { for (i = 0; i < 8; i++) for (j = 0; j < 6; j++)
        printf "%s%s", (1 + i + 8 * j) * 1e-6, j < 5 ? "," : "\n" }' >given.csv
    test "$2" = given && set -- "$1" "$2" -g given.csv
    scheme=$1
    pattern=$2
    shift 2
    read_cell hw.yaml "$scheme" 0.3 --pattern "$pattern" "$@" || return
    for state in on off; do
        by_hand "$scheme" "$pattern" "$(test $state = on && echo 1e-4 || echo 2e-6)" >hand.txt || return
        close "$(value $state sensed_amp)" "$(cut -d' ' -f1 hand.txt)" 1e-11 || return
        close "$(value $state cell_amp)" "$(cut -d' ' -f2 hand.txt)" 1e-9 || return
        awk -v a="$(value $state sensed_amp)" -v b="$(value $state cell_amp)" -v s="$(value $state sneak_amp)" \
            'BEGIN { d = a - b - s; exit !(d * d <= 1e-28 * a * a) }' || { echo "sneak is not the rest"; return 1; }
    done
}
for scheme in half third floating; do
    for pattern in all-on all-off checkerboard given; do
        fact "scheme $scheme, others $pattern: the same as every line by hand" agrees_with_hand $scheme $pattern
    done
done

# ---- without wires and ends: seven others in the column, five in the row, all on
sneak_is() {
    read_cell ideal.yaml "$1" 0.3 && close "$(value on sneak_amp)" "$2" 1e-12 &&
        close "$(value off sneak_amp)" "$2" 1e-12 && close "$(value on cell_amp)" 3e-5 1e-14 &&
        close "$(value off ideal_amp)" 6e-7 1e-14
}
fact "half: each other cell of the column adds g X/2" sneak_is half 1.05e-4
fact "third: each other cell of the column adds g X/3" sneak_is third 7e-5
fact "floating: one chain of 5, 35 and 7 cells in parallel" sneak_is floating \
    "$(awk 'BEGIN { printf "%.17g", 0.3 * 1e-4 / (1 / 5 + 1 / 35 + 1 / 7) }')"

margin_follows() {
    read_cell hw.yaml half 0.3 || return
    on=$(value on sensed_amp)
    off=$(value off sensed_amp)
    close "$(value . read_margin)" "$(awk -v a="$on" -v b="$off" 'BEGIN { printf "%.17g", (a - b) / a }')" 1e-12 &&
        close "$(value . on_off_ratio)" "$(awk -v a="$on" -v b="$off" 'BEGIN { printf "%.17g", a / b }')" 1e-12
}
fact "read margin and ratio follow from the two currents" margin_follows
scales() {
    read_cell hw.yaml third 0.3 && once=$(value on sensed_amp) && read_cell hw.yaml third -0.6 &&
        close "$(value on sensed_amp)" "$(awk -v a="$once" 'BEGIN { printf "%.17g", -2 * a }')" 1e-13
}
fact "twice the voltage the other way, twice the current the other way" scales
engines_agree() {
    read_cell hw.yaml floating 0.3 --engine cholmod && first=$(value on sensed_amp) &&
        read_cell hw.yaml floating 0.3 --engine "$1" && close "$(value on sensed_amp)" "$first" 1e-12
}
fact "klu agrees" engines_agree klu
fact "starmesh agrees" engines_agree starmesh

fact "a cell outside the array is refused" refused 4 'expected rows 0 to 7 and columns 0 to 5' \
    crossohm solve hw.yaml --scheme half --cell 8,0 --read-volt 0.1
fact "an array without size is refused" refused 4 'rows' sh -c \
    'echo "crossohm: 1" >none.yaml; exec crossohm solve none.yaml --scheme half --cell 0,0 --read-volt 0.1'
fact "an array too large for this build is refused before memory is asked for" refused 4 'expected at most .* cells' \
    crossohm solve hw.yaml --scheme half --cell 0,0 --read-volt 0.1 --set array.rows=100000 \
    --set array.columns=10000000
fact "lines in the file beside a scheme are refused" refused 4 'array.lines' \
    crossohm solve hw.yaml --scheme half --cell 0,0 --read-volt 0.1 --set 'array.lines={word: {0: floating}}'
fact "an unknown scheme is refused" refused 2 'expected half, third or floating' \
    crossohm solve hw.yaml --scheme quarter --cell 0,0 --read-volt 0.1
fact "an unknown pattern is refused" refused 2 'expected all-on' \
    crossohm solve hw.yaml --scheme half --cell 0,0 --read-volt 0.1 --pattern none
fact "given conductances that are not given are refused" refused 2 '-g' \
    crossohm solve hw.yaml --scheme half --cell 0,0 --read-volt 0.1 --pattern given
tap_done
