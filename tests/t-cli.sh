#!/bin/sh
# The command on real runs: figures of the 2x2 example solved by hand, the same bytes for any number of threads,
# every output where it was asked for, nothing half-written after kill -9.
# SPDX-License-Identifier: GPL-3.0-or-later
. "$top_srcdir/tests/tap.sh"

cat >hw.yaml <<'END'
crossohm: 1
array: {driver_ohm: 1000, row_wire_ohm: 5, column_wire_ohm: 10, sense_ohm: 1000}
END
printf '5e-5,5e-6\n2e-5,1e-5\n' >g.csv                 # 20k 200k; 50k 100k ohm
printf '0.2,0.1\n1,0\n' >v.csv

# Numbers of two CSV texts agree to a relative tolerance.
close() {
    awk -v t="$3" '
        FNR == 1 { file++ }
        /^#/ { next }
        { n = split($0, x, ","); for (k = 1; k <= n; k++) value[file, ++count[file]] = x[k] }
        END {
            if (count[1] != count[2] || !count[1]) { print "counts", count[1], count[2]; exit 1 }
            for (k = 1; k <= count[1]; k++) {
                d = value[1, k] - value[2, k]; if (d < 0) d = -d
                s = value[2, k] < 0 ? -value[2, k] : value[2, k]
                if (!(d <= t * s)) { print "got " value[1, k] ", want " value[2, k]; bad = 1 }
            }
            exit bad
        }' "$1" "$2"
}
quiet() {
    crossohm "$@" --quiet
}

# ---- the 2x2 example, to the 13 digits given; solved by hand with two engines in mind
printf '4.438903924255e-05,4.688470024746e-06\n1.819833216552e-05,9.573660367421e-06\n' >want.csv
matrix_is_exact() {
    quiet matrix hw.yaml -g g.csv --engine "$1" >got.csv && close got.csv want.csv 2e-13
}
fact "matrix 2x2 by star-mesh elimination" matrix_is_exact starmesh
fact "matrix 2x2 by Cholesky factorisation" matrix_is_exact cholmod

awk -F, 'NR == 1 { a = $1; b = $2 } NR == 2 { c = $1; d = $2 }
    END { printf "%.17g,%.17g\n%.17g,%.17g\n", .2*a+.1*c, .2*b+.1*d, a, b }' want.csv >want-i.csv
currents_are_exact() {
    quiet solve hw.yaml -g g.csv -v v.csv --engine "$1" >got.csv && close got.csv want-i.csv 4e-13
}
for engine in auto cholmod klu line starmesh; do
    fact "solve 2x2 with engine $engine" currents_are_exact $engine
done

header_names_unit_and_bound() {
    quiet solve hw.yaml -g g.csv -v v.csv | head -n 1 | grep '^# column_amp\[A\].*worst bound'
}
fact "the CSV header names unit and worst bound" header_names_unit_and_bound

set_works() {
    quiet solve hw.yaml -g g.csv -v v.csv --set array.row_wire_ohm=0 --set array.column_wire_ohm=0 \
        --set array.driver_ohm=0 --set array.sense_ohm=0 >got.csv &&
        awk 'BEGIN { printf "%.17g,%.17g\n5e-5,5e-6\n", .2*5e-5 + .1*2e-5, .2*5e-6 + .1*1e-5 }' >ideal.csv &&
        close got.csv ideal.csv 1e-15
}
fact "--set reaches the array: without resistance I = G^T V" set_works

# ---- a larger array for everything else
crossohm_inputs() {
    awk -v m="$1" -v n="$2" -v p="$3" 'BEGIN {
        srand(7)
        for (i = 0; i < m; i++) for (j = 0; j < n; j++)
            printf "%.9g%s", exp(log(1e-6) + rand() * log(100)), j < n - 1 ? "," : "\n" >"big-g.csv"
        for (k = 0; k < p; k++) for (i = 0; i < m; i++)
            printf "%.9g%s", rand() - 0.5, i < m - 1 ? "," : "\n" >"big-v.csv"
    }'
}
crossohm_inputs 24 17 37
cat >big.yaml <<'END'
crossohm: 1
array: {row_wire_ohm: 2, column_wire_ohm: 3, drive_side: both, sense_volt: 0.01, lines: {word: {3: {hold_volt: 0.1}}}}
END
everything() {
    mkdir -p "$1" && crossohm solve big.yaml -g big-g.csv -v big-v.csv --threads "$2" --engine "$3" -o "$1/i.npy" \
        --node-voltage "$1/u.npy" --branch-current "$1/b.npz" --power "$1/p.npz" --bound "$1/bound.npy" \
        --json "$1/report.json" --timing "$1/timing.json" --gradient 4 --gradient-output "$1/d.npz" --quiet
}
all_files_there() {
    everything one 1 "$1" && test "$(ls one | tr '\n' ' ')" = \
        "b.npz bound.npy d.npz i.npy p.npz report.json timing.json u.npy "
}
same_for_two_threads() {
    everything two 2 "$1" && rm one/timing.json two/timing.json && diff -r one two
}
for engine in cholmod klu starmesh; do
    rm -rf one two
    fact "$engine: every output is where it was asked for, nothing else" all_files_there $engine
    fact "$engine: the same bytes with one thread and two" same_for_two_threads $engine
done

report_holds() {
    for key in tool version command engine engine_reason worst_bound_rel worst_bound_amp worst_kcl_amp \
        worst_power_rel refinements islands undefined current_lost power; do
        grep "\"$key\":" one/report.json || { echo "no $key"; return 1; }
    done
    ! grep -E 'threads|seconds|host' one/report.json
}
fact "report.json has the proof, and neither times nor threads" report_holds
fact "report.json leaves current_lost open where signs cancel" grep '"current_lost": null' one/report.json

matrix_agrees() {
    crossohm matrix big.yaml -g big-g.csv --engine starmesh -o s.csv --offset s0.csv --bound sb.npy \
        --offset-bound s0b.npy --quiet &&
        crossohm matrix big.yaml -g big-g.csv --engine cholmod -o c.csv --offset c0.csv --json m.json --quiet &&
        close s.csv c.csv 1e-11 && close s0.csv c0.csv 1e-9
}
fact "matrix: two ways agree, offsets included" matrix_agrees

# A batch of nine arrays: the 2x2 example nine times in one .npy of (9, 2, 2), whose numbers are copied from a .npy
# that an array without resistance gives for unit voltages.
printf '1,0\n0,1\n' >unit.csv
quiet solve hw.yaml -g g.csv -v unit.csv --set array.row_wire_ohm=0 --set array.column_wire_ohm=0 \
    --set array.driver_ohm=0 --set array.sense_ohm=0 -o g.npy
{
    printf '\223NUMPY\001\000v\000'
    printf "%-117s\n" "{'descr': '<f8', 'fortran_order': False, 'shape': (9, 2, 2), }"
    for k in 1 2 3 4 5 6 7 8 9; do
        tail -c 32 g.npy
    done
} >nine.npy
# batch NAME TOLERANCE options...: every array of the batch is the one hand-solved matrix.
batch() {
    name=$1
    tolerance=$2
    shift 2
    quiet matrix hw.yaml -g nine.npy -o "$name.npy" "$@" && crossohm info "$name.npy" && for k in 0 4 8; do
        { head -c 128 g.npy; tail -c +$((129 + 32 * k)) "$name.npy" | head -c 32; } >part.npy
        quiet solve hw.yaml -g part.npy -v unit.csv --set array.row_wire_ohm=0 --set array.column_wire_ohm=0 \
            --set array.driver_ohm=0 --set array.sense_ohm=0 >got.csv &&
            close got.csv want.csv "$tolerance" || return 1
    done
}
fact "matrix of a batch, float64" batch wide 2e-13
fact "matrix of a batch, float32" batch narrow 1e-6 --precision float32
fact "matrix of a batch: two threads, the same bytes" sh -c \
    'crossohm matrix hw.yaml -g nine.npy -o two.npy --threads 2 --quiet && cmp wide.npy two.npy'
portable_batch() {
    CROSSOHM_SIMD=portable
    export CROSSOHM_SIMD
    batch portable 2e-13 --json portable.json && grep '"simd": "portable"' portable.json
    result=$?
    unset CROSSOHM_SIMD
    return $result
}
fact "matrix of a batch: CROSSOHM_SIMD chooses the instructions" portable_batch
batch_report() {
    quiet matrix hw.yaml -g nine.npy -o b.npy --bound bound.npy --offset o.npy --offset-bound ob.npy --json b.json &&
        cat b.json && grep -q '"arrays": 9' b.json && grep -q '"sampled_arrays": 3' b.json &&
        crossohm info o.npy | grep -q '(9, 2)' && crossohm info bound.npy | grep -q '(9, 2, 2)'
}
fact "matrix of a batch: bounds, offsets and a report" batch_report

one_dimension_is_one_input() {
    crossohm matrix hw.yaml -g g.csv --set array.sense_volt=0.1 --offset v1.npy -o m.npy --quiet &&
        crossohm matrix hw.yaml -g g.csv --set array.sense_volt=0.1 --offset v1.csv -o m.npy --quiet &&
        crossohm info v1.npy | grep 'shape (2)' && sed '/^#/d' v1.csv | paste -s -d, >v1-row.csv &&
        quiet solve hw.yaml -g g.csv -v v1.npy >got.csv && quiet solve hw.yaml -g g.csv -v v1-row.csv | cmp got.csv -
}
fact "voltages of one dimension are one input" one_dimension_is_one_input

# ---- standard input: the first byte tells .npy from CSV
quiet matrix hw.yaml -g g.csv --set array.row_wire_ohm=0 --set array.column_wire_ohm=0 --set array.driver_ohm=0 \
    --set array.sense_ohm=0 -o g.npy
from_stdin() {
    quiet solve hw.yaml -g "$1" -v v.csv >got.csv && quiet solve hw.yaml -g - -v v.csv <"$1" | cmp got.csv -
}
fact "- as conductances: .npy" from_stdin g.npy
fact "- as conductances: CSV" from_stdin g.csv
fact "- as conductances: CSV from a pipe" sh -c \
    'cat g.csv | crossohm solve hw.yaml -g - -v v.csv --quiet >piped.csv && crossohm solve hw.yaml -g g.csv -v v.csv \
     --quiet | cmp piped.csv -'

# ---- what auto takes
engine_is() {
    want=$1
    shift
    crossohm "$@" >printed 2>said
    code=$?
    cat said
    test $code -eq 0 && grep -q "engine $want: " said
}
fact "matrix without --engine is star-mesh elimination" engine_is starmesh matrix hw.yaml -g g.csv --json why.json
fact "and the report says so" grep '"engine": "starmesh"' why.json
fact "and why" grep '"engine_reason": "elimination without subtraction' why.json
fact "matrix --engine auto is the same" engine_is starmesh matrix hw.yaml -g g.csv --engine auto
fact "solve without --engine weighs the two: a small array is factored" engine_is cholmod \
    solve hw.yaml -g g.csv -v v.csv
# Two floating word lines hang on cells of 1e-24 S: Cholesky factors this, but proves only a digit or two.
printf 'array: {row_wire_ohm: 1e-7, column_wire_ohm: 1e-7, driver_ohm: 1e-5, sense_ohm: 1e-5,
    lines: {word: {1: floating, 2: floating}, bit: {2: floating}}}\n' >hard.yaml
printf '1e-4,1e-23,1e-10\n1e-24,1e-4,1e-7\n1e-11,1e-19,1e-9\n1e-20,1e-24,1e-18\n' >hard.csv
printf '1,0,0,0\n' >hard-v.csv
fact "solve turns to star-mesh elimination where Cholesky proves too little" \
    engine_is 'starmesh: Cholesky proved too little' solve hard.yaml -g hard.csv -v hard-v.csv
advises() {
    crossohm solve hard.yaml -g hard.csv -v hard-v.csv --engine "$1" 2>said
    code=$?
    cat said
    test $code -eq 3 && grep -q '; try --engine starmesh$' said
}
fact "a named engine that proves too little advises another" advises cholmod

# ---- names that are not UTF-8
strange=$(printf 'caf\351')
replaced=$(printf 'caf\357\277\275')
cp g.csv "$strange.csv"
strange_name() {
    crossohm solve hw.yaml -g "$strange.csv" -v v.csv -o i.npy --json strange.json --timing strange-t.json --quiet &&
        crossohm info "$strange.csv" --json strange-i.json && grep "$replaced.csv" strange.json &&
        grep "$replaced.csv" strange-t.json && grep "$replaced.csv" strange-i.json
}
fact "a file name that is not UTF-8 is recorded with U+FFFD" strange_name
good=$(printf 'caf\303\251-\360\237\222\241')
good_name() {
    cp g.csv "$good.csv" && crossohm solve hw.yaml -g "$good.csv" -v v.csv -o i.npy --json good.json --quiet &&
        grep "$good.csv" good.json
}
fact "one that is UTF-8 as it is" good_name

# ---- no current, no loss
loses() {
    crossohm compare hw.yaml -g g.csv -v "$1" -o lost.html >printed && cat printed &&
        grep -q "not stated: .*$2" printed
}
printf '0,0\n' >none.csv
printf '0.1,-0.1\n' >signs.csv
fact "without a voltage the loss is not stated, and why" loses none.csv 'no input drives a current'
fact "with both signs neither, and why" loses signs.csv 'both signs'
json_on_stdout() {
    crossohm compare hw.yaml -g g.csv -v v.csv --json - --quiet >stdout.json &&
        crossohm compare hw.yaml -g g.csv -v v.csv --json file.json --quiet && cmp stdout.json file.json
}
fact "--json - is the report and nothing else" json_on_stdout

compare_runs() {
    crossohm compare big.yaml -g big-g.csv -v big-v.csv -o "$1.html" --json "$1.json" --threads "$2" \
        --quiet >"$1.txt" &&
        grep -q '^starmesh .*of scale' "$1.txt" && grep -q '^klu .*of scale' "$1.txt" && grep -q '^Times' "$1.txt" &&
        grep -q '<svg' "$1.html" && ! grep -q '<script' "$1.html"
}
compare_repeats() {
    compare_runs again 2 && cmp first.html again.html && cmp first.json again.json
}
fact "compare: three engines, a page with pictures and without script" compare_runs first 1
fact "compare: report.html and report.json come again byte for byte" compare_repeats
exits() {
    want=$1
    shift
    "$@" >out 2>&1
    got=$?
    cat out
    test $got -eq "$want"
}
fact "compare: beyond the tolerance exits 1" \
    exits 1 crossohm compare big.yaml -g big-g.csv -v big-v.csv --tolerance 1e-300

power_balances() {
    awk -F'[:,]' '/_watt"/ { gsub(/[ "]/, "", $1); w[$1] = $2 } END {
        rest = w["sources_watt"] - w["cells_watt"] - w["word_lines_watt"] - w["bit_lines_watt"] - w["bridges_watt"]
        print "rest", rest, "bridges", w["bridges_watt"]
        exit !(w["cells_watt"] > 0 && rest * rest <= 1e-24 * w["sources_watt"] ^ 2 &&
               w["bridges_watt"] >= bridges * w["cells_watt"]) }' bridges="$2" "$1"
}
fact "power delivered is power dissipated" power_balances one/report.json 0

# ---- bridges between lines carry current and take power
bridged() {
    crossohm solve big.yaml -g big-g.csv -v big-v.csv -o bridged.npy --json bridged.json \
        --branch-current bridged-b.npz --gradient 4 --gradient-output bridged-d.npz --power bridged-p.npz --quiet \
        --set 'array.faults={word_bridges: [[1, 5, 2], [0, 0, 3]], bit_bridges: [[6, 0, 200]]}'
}
fact "an array with bridges is solved" bridged
fact "power in bridges completes the sum" power_balances bridged.json 1e-3

islands_named() {
    crossohm solve hw.yaml -g g.csv -v v.csv --set 'array.faults.open_word_segments=[[0, 0]]' \
        --set 'array.faults.open_cells=[[0, 1]]' --json island.json --quiet -o i.npy && cat island.json &&
        grep 'word line 0' island.json
}
fact "an island is named" islands_named

# --quiet silences the summary, never a warning.
warned() {
    pattern=$1
    shift
    crossohm "$@" --quiet >printed 2>said
    cat printed said
    grep -q "$pattern" said
}
open_row='array.faults={open_word_segments: [[0, 0]], open_cells: [[0, 1]]}'
fact "--quiet: solve still warns of islands" \
    warned '^island: ' solve hw.yaml -g g.csv -v v.csv --set "$open_row"
fact "--quiet: matrix still warns of islands" warned '^island: ' matrix hw.yaml -g g.csv --set "$open_row"
fact "--quiet: compare still warns of islands" \
    warned '^island: ' compare hw.yaml -g g.csv -v v.csv --set "$open_row"
fact "--quiet: a scheme still warns of islands" warned '^island: ' \
    solve hw.yaml -g g.csv --scheme half --cell 1,0 --read-volt 0.1 --set "$open_row"
fact "--quiet says nothing else" sh -c \
    'crossohm solve hw.yaml -g g.csv -v v.csv --quiet 2>quiet.txt && cat quiet.txt && test ! -s quiet.txt'
split_is_told() {
    crossohm solve hw.yaml -g g.csv -v v.csv --set array.sense_ohm=0 \
        --set 'array.faults.bit_bridges=[[1, 0, 0]]' --json split.json --quiet -o i.npy && cat split.json &&
        grep -A 3 '"undefined": \[[^]]' split.json
}
fact "columns joined by zero ohm: the undefined split is told" split_is_told
joined() {
    verb=$1
    shift
    crossohm "$verb" hw.yaml -g three.csv "$@" --set array.sense_ohm=0 --quiet \
        --set 'array.faults={bit_bridges: [[1, 0, 0], [1, 2, 0], [1, 3, 0]]}' 2>said >printed
    cat printed said
    grep -v '^# ' printed | grep -q '^[0-9]' && grep -q '^# columns 0, 1: only the sum is defined$' printed &&
        grep -q '^# columns 2, 3, 4: only the sum is defined$' printed && grep -q '^column 4: joined to' said
}
printf '5e-5,5e-6,1e-6,1e-5,2e-5\n2e-5,1e-5,1e-6,1e-5,3e-5\n' >three.csv
fact "and the CSV names the groups of columns" joined solve -v v.csv
fact "so does the matrix" joined matrix

# ---- info, help, version
info_says() {
    pattern=$1
    shift
    crossohm info "$@" >out && cat out && grep -q -e "$pattern" out
}
everything one 1 cholmod
fact "info: an array" info_says 'shape (37, 17), float64' one/i.npy
fact "info: node voltages" info_says 'node voltages' one/u.npy
fact "info: several arrays" info_says 'cells.npy: shape (37, 24, 17)' one/b.npz
fact "info: branch currents and gradients cannot be told apart" \
    info_says 'by its name: currents \[A\], or a gradient' one/d.npz
no_other_guess() {
    crossohm info "$1" >out && cat out && ! grep -q 'guessed' out && test "$(grep -c "by its name: $2" out)" -eq "$3"
}
fact "info: of branch currents nothing is guessed" no_other_guess one/b.npz currents 7
fact "info: power is known by name" no_other_guess one/p.npz 'power \[W\]' 5
no_guess_without_elements() {
    info_says 'bit_bridges.npy: shape (37, 0), float64, no elements' one/b.npz && ! grep -q zeros out
}
fact "info: an array without elements says so" no_guess_without_elements
fact "info: a report" info_says '^  power:' one/report.json
fact "info: a report's command" info_says '^  command: crossohm solve big.yaml' one/report.json
fact "info: a report's nested figures" info_says '^    cells_watt: [0-9]' one/report.json
fact "info: a report of compare" info_says '^    1:' first.json
every_figure() {
    crossohm info one/report.json >out && for key in $(sed -n 's/^ *"\([a-z_]*\)": [^[{].*/\1/p' one/report.json); do
        grep -q " $key: " out || { echo "no $key"; return 1; }
    done
}
fact "info: every scalar figure of a report" every_figure
fact "info: timing.json too" info_says 'seconds:' one/timing.json
fact "info: a page's title" info_says '^Crossohm: 24 x 17 crossbar' first.html
fact "info: a page's method" info_says '^The column currents of a 24 x 17 resistive crossbar' first.html
no_markup() {
    crossohm info first.html >out && ! grep -q '[<>&]' out && grep -q 'certified to lie within' out
}
fact "info: and no markup" no_markup
stdin_says() {
    crossohm info - <"$1" >out && cat out && grep -q -e "$2" out
}
fact "info -: an array" stdin_says one/i.npy 'standard input: shape (37, 17), float64'
fact "info -: several arrays" stdin_says one/p.npz 'power \[W\]'
fact "info -: a table" stdin_says g.csv 'decimal text'
fact "info -: a hardware file" stdin_says big.yaml 'driven: both sides\|hardware description'
fact "info -: a report" stdin_says one/report.json 'worst_kcl_amp'
fact "info -: a page" stdin_says first.html '^Crossohm: 24 x 17'
shapes_are() {
    crossohm info "$1" | sed -n 's/^\([a-z_]*\).npy: shape \(.*)\),.*/\1 \2/p' | tr '\n' ';' >shapes
    cat shapes
    test "$(cat shapes)" = "$2"
}
branches='cells (37, 24, 17);row_wires (37, 24, 16);column_wires (37, 23, 17);drivers (37, 2, 24);senses (37, 1, 17);'
branches="${branches}word_bridges (37, 0);bit_bridges (37, 0);"
fact "branch currents have the shapes of the manual" shapes_are one/b.npz "$branches"
fact "the gradient has the same shapes" shapes_are one/d.npz "$branches"
fact "power has one number per input or line" shapes_are one/p.npz \
    'sources (37);cells (37);word_lines (37, 24);bit_lines (37, 17);bridges (37);'
bridges_have_shapes() {
    for file in bridged-b.npz bridged-d.npz; do
        crossohm info $file | grep -q 'word_bridges.npy: shape (37, 2)' &&
            crossohm info $file | grep -q 'bit_bridges.npy: shape (37, 1)' || return
    done
    crossohm info bridged-p.npz | grep 'bridges.npy: shape (37), .* [1-9]'
}
fact "bridges have a place in all three files" bridges_have_shapes
fact "info: a table" info_says 'shape (24, 17)' big-g.csv
fact "info: a hardware file" info_says 'driven: both sides' big.yaml --set array.rows=24 --set array.columns=17
fact "info: one row and one column are not rows" info_says '1 row (word lines, driven: left), 1 column (bit' \
    hw.yaml --set array.rows=1 --set array.columns=1
info_round_trip() {
    crossohm info big.yaml >a.yaml && crossohm info a.yaml | sed 1d >b && sed 1d a.yaml | cmp - b
}
fact "info: what it prints for a hardware file is one" info_round_trip
fits_a_screen() {
    for verb in solve matrix fit compare info; do
        crossohm $verb --help >help && head -n 1 help | grep '^Example: crossohm' && test "$(wc -l <help)" -le 30 &&
            test "$(awk 'length > n { n = length } END { print n }' help)" -le 118 || return
    done
}
fact "--help begins with an example and fits a screen" fits_a_screen
fact "help, help VERB and version exit 0" sh -c 'crossohm help && crossohm help solve && crossohm version'

# ---- kill -9: the old file or the new one
crossohm_inputs 96 96 400
crossohm solve big.yaml -g big-g.csv -v big-v.csv -o whole.npy --node-voltage whole-u.npy --quiet
crossohm solve hw.yaml -g g.csv -v v.csv -o old.npy --quiet
killed_leaves_no_half() {
    for delay in 0.01 0.05 0.1 0.15 0.2 0.25 0.3 0.4 0.5 0.7; do
        cp old.npy i.npy
        cp old.npy u.npy
        crossohm solve big.yaml -g big-g.csv -v big-v.csv -o i.npy --node-voltage u.npy --quiet &
        sleep $delay
        kill -9 $! 2>/dev/null
        wait $! 2>/dev/null
        cmp -s i.npy old.npy || cmp -s i.npy whole.npy || { echo "i.npy is torn after $delay s"; return 1; }
        cmp -s u.npy old.npy || cmp -s u.npy whole-u.npy || { echo "u.npy is torn after $delay s"; return 1; }
    done
}
fact "kill -9 leaves the old file or the new one" killed_leaves_no_half
tap_done
