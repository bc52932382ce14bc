#!/bin/sh
# crossohm fit: the model's file is the same twice and for any number of threads, applying it equals solving, and
# what cannot be fitted leaves nothing behind.
# SPDX-License-Identifier: GPL-3.0-or-later
. "$top_srcdir/tests/tap.sh"

awk 'BEGIN {
    srand(11)
    for (i = 0; i < 12; i++) for (j = 0; j < 9; j++)
        printf "%.9g%s", exp(log(1e-6) + rand() * log(100)), j < 8 ? "," : "\n" >"g.csv"
    for (k = 0; k < 40; k++) for (i = 0; i < 12; i++) printf "%.9g%s", rand() * 0.2, i < 11 ? "," : "\n" >"v.csv"
    for (k = 0; k < 30; k++) for (i = 0; i < 12; i++) printf "%.9g%s", rand() * 0.2, i < 11 ? "," : "\n" >"new.csv"
}'
cat >hw.yaml <<'END'
crossohm: 1
array: {row_wire_ohm: 2, column_wire_ohm: 3, drive_side: both, lines: {word: {3: {hold_volt: 0.1}, 5: floating}}}
dac: {bits: 6, noise_volt: 1.0e-4}
adc: {bits: 7, noise_lsb: 0.3}
END
fit() {
    crossohm fit hw.yaml --quiet "$@"
}

fact "an array is fitted" fit -g g.csv -v v.csv -o a.fcm --json a.json
fact "the same again" fit -g g.csv -v v.csv -o b.fcm --json b.json
fact "the model is the same, byte for byte" cmp a.fcm b.fcm
fact "so is the report" cmp a.json b.json
two_threads() {
    fit -g g.csv -v v.csv -o c.fcm --threads 2 && cmp a.fcm c.fcm
}
fact "and for two threads" two_threads
other_seed() {
    fit -g g.csv -v v.csv -o d.fcm --seed 2 && ! cmp -s a.fcm d.fcm
}
fact "another seed gives another model" other_seed

applying_equals_solving() {
    crossohm apply a.fcm -v new.csv -o model.csv --quiet &&
    crossohm solve hw.yaml -g g.csv -v new.csv -o exact.csv --engine klu --quiet && awk -F, '
        FNR == 1 { file++; row = 0 }
        /^#/ { next }
        { row++; for (j = 1; j <= NF; j++) i[file, row, j] = $j; rows = row; n = NF }
        END {
            for (k = 1; k <= rows; k++) for (j = 1; j <= n; j++) {
                d = i[1, k, j] - i[2, k, j]; if (d < 0) d = -d
                s = i[2, k, j] < 0 ? -i[2, k, j] : i[2, k, j]; if (s > full) full = s; if (d > worst) worst = d
            }
            print rows, "inputs, worst", worst, "of", full
            exit !(rows == 30 && full > 0 && worst <= 1e-10 * full)
        }' model.csv exact.csv
}
fact "applying the model equals solving new inputs" applying_equals_solving

fact "starmesh fits as well" fit -g g.csv -v v.csv -o s.fcm --engine starmesh
fact "without V any DAC code is an input" fit -g g.csv -o w.fcm
says() {
    grep -q "$2" "$1" || { cat "$1"; return 1; }
}
fact "the report has the held-out error" says a.json '"held_out_inputs": 64'
info_names_sources() {
    crossohm info a.fcm >info.txt && says info.txt "$(sha256sum g.csv | cut -d ' ' -f 1)"
}
if command -v sha256sum >sha; then
    fact "the model names the sha256 of G" info_names_sources
else
    tap_skip "the model names the sha256 of G" "sha256sum is not installed"
fi

technology() {
    fit --set array.rows=8 --set array.columns=5 --arrays 3 --held-out 16 -o t.fcm --json t.json &&
        says t.json '"held_out_arrays": 3' && says t.json '"scope": "technology"'
}
fact "a technology states its error over random arrays" technology

# ---- what fails
fact "a number of arrays whose products overflow is refused" \
    fails 4 'arrays held out' fit -o x.fcm --arrays 6148914691236517206 --held-out 1 \
    --set array.rows=8 --set array.columns=5
fact "so is one of inputs" fails 4 'inputs held out' fit -g g.csv -o x.fcm --held-out 4611686018427387904

# ---- what it rests on, whatever that is
from_a_pipe() {
    mkfifo pipe.csv && { cat g.csv >pipe.csv & } && timeout 20 crossohm fit hw.yaml -g pipe.csv -o pipe.fcm --quiet &&
        crossohm info pipe.fcm >pipe.txt && says pipe.txt 'sha256 of siemens: unknown (not a regular file) (pipe.csv)'
}
fact "a pipe has no sha256, and is not waited for" from_a_pipe
strange_name() {
    strange=$(printf 'a\nseed: 9\033[31m.csv')
    cp g.csv "$strange" && fit -g "$strange" -o strange.fcm && crossohm info strange.fcm >strange.txt &&
        says strange.txt '(a\\x0aseed: 9\\x1b\[31m.csv)' && ! grep -q '^  seed: 9' strange.txt &&
        [ "$(tr -d '\n' <strange.txt | tr -d '[:print:]\200-\377' | wc -c)" = 0 ]
}
fact "a name with control characters stays on its line" strange_name
fact "no -o is a usage error" fails 2 '-o: missing' fit -g g.csv
fact "V without G is a usage error" fails 2 '-g: missing' fit -v v.csv -o x.fcm
fact "no held-out input is a usage error" fails 2 'held-out: found 0' fit -g g.csv -o x.fcm --held-out 0
fact "random arrays beside G are a usage error" fails 2 'not with -g' fit -g g.csv -o x.fcm --arrays 3
fact "klu has no matrix" fails 2 'klu' fit -g g.csv -o x.fcm --engine klu
fact "a model that cannot be written is exit 1" fails 1 'nowhere' fit -g g.csv -o nowhere/x.fcm
fact "an error beyond the tolerance is exit 1, the model written all the same" \
    fails 1 'held-out error' fit -g g.csv -v v.csv -o tight.fcm --tolerance 0
fact "written all the same" crossohm info tight.fcm
fact "nothing is left behind" test ! -e x.fcm
tap_done
