#!/bin/sh
# crossohm bench: rates and rows are there, positive, and consistent with each other.
# SPDX-License-Identifier: GPL-3.0-or-later
. "$top_srcdir/tests/tap.sh"

ngspice=
[ ! -x "$CROSSOHM_NGSPICE_HELPER" ] || ngspice=--ngspice
runs() {
    crossohm bench --from 16 --size 32 $ngspice --json bench.json >table.csv 2>talk
}
fact "bench of 16x16 and 32x32 runs" runs

# The value of "key" in each row for one input, one a line; or in rows of another kind, or in none.
values() {
    awk -F'": ' -v key="  \"$1" -v what="${2-one input}" '
        /"what":/ { kind = $2; gsub(/[",]/, "", kind) }
        index($1, key) && substr($1, index($1, key)) == key && kind == what {
            sub(/,$/, "", $2); print $2 }' bench.json
}
rates_are_positive() {
    for key in dgemm_flop_per_sec sgemm_flop_per_sec stream_byte_per_sec; do
        values $key '' | awk '{ n++; ok = $1 > 1e8 } END { exit !(n == 1 && ok) }' || return
    done
}
fact "dgemm, sgemm and stream have a rate" rates_are_positive

every_engine_has_a_row() {
    for engine in cholmod klu starmesh line auto; do
        test "$(values engine | grep -c "\"$engine\"")" = 6 || return      # three arrays, two sides
    done
}
fact "five engines, three arrays, two sides" every_engine_has_a_row

every_bound_is_proven() {
    values worst_bound_rel | awk '$1 == "null" || !($1 < 1e-10) { bad = 1 } END { exit bad || NR != 30 }'
}
fact "every row is proven to 1e-10" every_bound_is_proven

stages_add_up() {
    values plan_sec >plan; values factor_sec >factor; values solve_sec >solve; values total_sec >total
    paste plan factor solve total | awk '{ d = $1 + $2 + $3 - $4; if (d * d > 1e-12 * $4 * $4 + 1e-18) bad = 1 }
        END { exit bad || NR != 30 }'
}
fact "plan, factor and solve add up to the total" stages_add_up

bytes_are_those_of_the_iterations() {
    values side >side; values iterations >iterations; values bytes >bytes
    paste side iterations bytes | awk '$2 != "null" { n++; if ($3 != 112 * $1 * $1 * $2) bad = 1 }
        END { exit bad || n < 6 }'
}
fact "line moves 112 bytes per cell and iteration" bytes_are_those_of_the_iterations

every_row_counts_operations() {
    values operations | awk '!($1 > 1000) { bad = 1 } END { exit bad || NR != 30 }'
}
fact "every engine counts its operations" every_row_counts_operations

# star-mesh elimination of one array does what each array of a batch does
same_operations() {
    values engine >engine; values side >side; values operations >operations
    one=$(paste engine side operations | awk '$1 ~ /starmesh/ && $2 == 32 { print $3; exit }')
    values operations batch | sed -n 3p | awk -v one="$one" '{ exit !($1 == one) }'
}
fact "an array of a batch takes the operations of engine starmesh" same_operations

ngspice_is_slower() {
    values ngspice_by_this | awk '!($1 > 2) { bad = 1 } END { exit bad || NR != 30 }'
}
if [ "$ngspice" ]; then
    fact "ngspice is timed beside them, and takes longer" ngspice_is_slower
else
    tap_skip "ngspice is timed beside them, and takes longer" "built without ngspice"
fi

# Of the limit: something, and less than what no table of sums, no narrower limit explains.
shares() {
    for kind in batch evaluation apply; do
        values fraction_of_limit $kind | awk '!($1 > 0.005 && $1 < 4) { bad = 1 } END { exit bad || !NR }' || return
    done
    values fraction_of_limit batch >fraction; values operations batch >operations; values total_sec batch >total
    values limit batch >limit
    paste limit fraction operations total | awk -v d="$(values dgemm_flop_per_sec '')" \
        -v s="$(values sgemm_flop_per_sec '')" '
        { r = $3 / $4 / ($1 ~ /dgemm/ ? d : s) / $2 - 1; if (r * r > 1e-12) bad = 1 } END { exit bad || NR != 4 }'
}
fact "batches, evaluation and apply have their share of matrix products" shares

fact "the table has a line for each row" test "$(grep -c '^"' table.csv)" = 39
fact "progress goes to standard error" grep -q 'klu/this' talk
refused() {
    crossohm bench "$@" >out 2>&1
    test $? -eq 2 && grep -q 'expected' out
}
fact "sides that are none are refused" refused --size 5000
fact "and those in the wrong order" refused --from 64 --size 32

# The instruction set is the environment's to choose, and changes nothing.
printf '5e-5,5e-6\n2e-5,1e-5\n' >g.csv
printf '0.2,0.1\n1,0\n' >v.csv
echo 'crossohm: 1' >hw.yaml
same_on_every_level() {
    CROSSOHM_SIMD=portable crossohm solve hw.yaml -g g.csv -v v.csv --engine line --quiet -o portable.csv &&
        crossohm solve hw.yaml -g g.csv -v v.csv --engine line --quiet -o best.csv && cmp portable.csv best.csv
}
fact "solve --engine line: the same bytes on the portable level" same_on_every_level
unknown_level() {
    CROSSOHM_SIMD=sse9 crossohm solve hw.yaml -g g.csv -v v.csv --engine line >out 2>&1
    test $? -eq 2 && grep -q 'expected avx512, avx2 or portable' out
}
fact "an instruction set that is none is refused" unknown_level
auto_says_why() {
    crossohm solve hw.yaml -g g.csv -v v.csv --quiet -o i.csv --json report.json &&
        grep -q '"engine": "cholmod"' report.json && grep -q '"engine_reason": ".*Cholesky' report.json
}
fact "auto says which engine it took, and why" auto_says_why
tap_done
