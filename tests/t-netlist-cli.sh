#!/bin/sh
# Decks and ngspice on the command line: written, read back, judged; what fails is named and leaves nothing.
# SPDX-License-Identifier: GPL-3.0-or-later
. "$top_srcdir/tests/tap.sh"
cp "$top_srcdir"/examples/2x2* .
chmod u+w ./*

netlist() {
    crossohm netlist 2x2.yaml -g 2x2-siemens.csv -v 2x2-volt.csv --quiet "$@"
}
solve() {
    crossohm solve 2x2.yaml -g 2x2-siemens.csv -v 2x2-volt.csv --quiet "$@"
}

# Both columns of the second README example, from a table of a solved deck.
right_currents() {
    awk -F, 'function near(a, b) { return (a - b) ^ 2 < (1e-12 * b) ^ 2 }
        $2 == "Vsense0" { a = near($3, 1.069764106506e-05) } $2 == "Vsense1" { b = near($3, 1.895060041691e-06) }
        END { exit !(a && b) }' "$1" || { cat "$1"; return 1; }
}
round_trip() {
    netlist --dialect "$1" -o deck.cir && crossohm solve deck.cir -o table.csv --quiet && right_currents table.csv
}
for dialect in ngspice hspice ltspice spectre xyce; do
    fact "$dialect: written, read back, solved" round_trip $dialect
done
to_stdout() {
    netlist >deck.cir && crossohm solve deck.cir --json report.json --quiet >table.csv && right_currents table.csv &&
        grep -q '"amp": 1.0697641065' report.json && grep -q '"volt": ' report.json
}
fact "standard output, and JSON" to_stdout
again() {
    netlist -o one.cir && netlist -o two.cir && cmp one.cir two.cir
}
fact "a deck is the same every time" again
sheet() {
    crossohm info deck.cir >sheet && grep -q 'sources   4 of voltage' sheet && grep -q '2x2.yaml, input 0' sheet
}
fact "info describes a deck" sheet

# refused CODE PATTERN command...
refused() {
    want=$1
    pattern=$2
    shift 2
    mkdir -p out
    "$@" >printed 2>said
    got=$?
    cat said
    left=$(ls -A out)
    rm -rf out
    test $got -eq "$want" || { echo "exit $got, want $want"; return 1; }
    test "$(wc -l <said)" -eq 1 || { echo "not one line"; return 1; }
    grep -q -e "$pattern" said || { echo "want $pattern"; return 1; }
    test -z "$left$(cat printed)" || { echo "left behind: $left"; return 1; }
}
printf 'title\nR1 a 0 1k\nC1 a 0 1p\n' >bad.cir
printf 'title\nV1 a 0 1\nV2 a 0 2\n' >loop.cir
fact "a capacitor is refused by file and line" refused 4 'bad.cir:3: .*C1' crossohm solve bad.cir -o out/t.csv
fact "so is a loop of sources" refused 4 'loop.cir: V2' crossohm solve loop.cir -o out/t.csv
fact "a deck that is not there" refused 4 'none.cir' crossohm solve none.cir -o out/t.csv
fact "info of a bad deck" refused 4 'bad.cir:3' crossohm info bad.cir
fact "an input that is not there" refused 4 'expected 0 to 0' netlist --input 1 -o out/d.cir
fact "usage: a dialect that is none" refused 2 'expected ngspice, hspice' netlist --dialect pspice -o out/d.cir
fact "usage: no voltages" refused 2 '-v' crossohm netlist 2x2.yaml -g 2x2-siemens.csv
fact "usage: voltages with a deck" refused 2 '--volts' crossohm solve deck.cir -v 2x2-volt.csv
fact "usage: another engine for a deck" refused 2 'klu or ngspice' crossohm solve deck.cir --engine cholmod
fact "a deck that cannot be written" refused 1 'none/d.cir' netlist -o none/d.cir

# ---- ngspice
fact "usage: ngspice proves nothing" refused 2 '--bound' solve --engine ngspice --bound out/b.npy -o out/i.npy
fact "usage: nor is there a gradient" refused 2 '--gradient' \
    solve --engine ngspice --gradient 0 --gradient-output out/d.npz -o out/i.npy
matrix() {
    crossohm matrix 2x2.yaml -g 2x2-siemens.csv --quiet "$@"
}
fact "usage: nor a bound of the matrix" refused 2 '--bound: not with --engine ngspice, which proves nothing' \
    matrix --engine ngspice --bound out/b.npy -o out/g.npy
fact "usage: nor of its offset" refused 2 '--offset-bound: not with' \
    matrix --engine ngspice --offset-bound out/b.npy -o out/g.npy
fact "usage: a time limit is for ngspice" refused 2 'only with --engine ngspice' matrix --time-limit 3 -o out/g.npy
fact "usage: so too for a deck" refused 2 'only with --engine ngspice' crossohm solve deck.cir --time-limit 3
fact "usage: a technology is not ngspice's" refused 2 'ngspice judges one array' \
    crossohm fit 2x2.yaml --engine ngspice -o out/t.fcm
fact "usage: an engine that is none" refused 2 'expected auto, cholmod, klu, ladder, line, starmesh or ngspice' \
    matrix --engine spice -o out/g.npy
judge() (
    CROSSOHM_NGSPICE_HELPER=$1
    export CROSSOHM_NGSPICE_HELPER
    solve --engine ngspice -o out/i.npy --json out/r.json --time-limit 1
)
script() {
    printf '#!/bin/sh\n%s\n' "$1" >helper.sh
    chmod +x helper.sh
}
judge_other() (
    CROSSOHM_NGSPICE_HELPER=./none
    export CROSSOHM_NGSPICE_HELPER
    "$@" --engine ngspice
)
for verb in matrix fit; do
    fact "$verb: a missing helper" refused 1 'ngspice: cannot start' \
        judge_other crossohm $verb 2x2.yaml -g 2x2-siemens.csv -o out/o.npy --json out/r.json
done
fact "scheme: a missing helper" refused 1 'ngspice: cannot start' \
    judge_other crossohm solve 2x2.yaml --scheme half --cell 0,0 --read-volt 0.2 --json out/r.json
fact "a deck: a missing helper" refused 1 'deck.cir: ngspice: cannot start' \
    judge_other crossohm solve deck.cir -o out/t.csv --json out/r.json
fact "a missing helper" refused 1 '2x2.yaml: ngspice: cannot start ./none: No such file' judge ./none
script 'kill -SEGV $$'
fact "a crash" refused 1 'crashed: signal 11' judge ./helper.sh
script 'echo $$ >started; sleep 100; :'
fact "a hang" refused 1 'did not finish in time' judge ./helper.sh
no_stray() {
    for tries in 1 2 3 4 5; do
        ps -o pid= -g "$(cat started)" >stray || return 0
        sleep 0.2
    done
    cat stray
    return 1
}
if command -v ps >ps.path; then
    fact "no stray process" no_stray
else
    tap_skip "no stray process" "ps is missing"
fi
script 'cat >/dev/null; echo broken'
fact "nonsense for an answer" refused 1 'no complete answer' judge ./helper.sh
if [ -x "${CROSSOHM_NGSPICE_HELPER-}" ]; then
    judged() {
        solve --engine ngspice -o judged.csv --json judged.json && grep -q '"judged": true' judged.json &&
            grep -q '"worst_bound_rel": null' judged.json &&
            awk -F, '/^#/ { next } { exit !(($1 - 1.069764106506e-05) ^ 2 < 1e-34 &&
                ($2 - 1.895060041691e-06) ^ 2 < 1e-34) }' \
                judged.csv || { cat judged.csv judged.json; return 1; }
    }
    fact "ngspice agrees" judged
    beside() (
        unset CROSSOHM_NGSPICE_HELPER
        judged
    )
    fact "the helper beside the command is found" beside
    compared() {
        crossohm compare 2x2.yaml -g 2x2-siemens.csv -v 2x2-volt.csv --against klu,ngspice >compared &&
            grep ngspice compared
    }
    # same FILE FILE: the same words, numbers within 1e-11
    same() {
        awk -F '[:, ]+' 'function near(a, b) { return a == b || (a - b) ^ 2 <= (1e-11 * b) ^ 2 }
            FNR == NR { for (k = 1; k <= NF; k++) a[FNR, k] = $k; lines = FNR; next }
            { for (k = 1; k <= NF; k++) if (!near(a[FNR, k], $k)) { print FNR ": " a[FNR, k] " " $k; bad = 1 } }
            END { exit bad || FNR != lines || !lines }' "$1" "$2"
    }
    judged_matrix() {
        matrix --set array.sense_volt=0.1 --engine ngspice --offset i0.csv --json m.json >m.csv &&
            grep -q '"judged": true' m.json && grep -q '"worst_bound_rel": null' m.json &&
            grep -q 'without a bound' m.csv && matrix --set array.sense_volt=0.1 --offset exact-i0.csv >exact.csv &&
            grep -v '^#' m.csv >m.rows && grep -v '^#' exact.csv >exact.rows && same m.rows exact.rows &&
            same i0.csv exact-i0.csv
    }
    fact "the matrix by ngspice" judged_matrix
    judged_scheme() {
        read="solve 2x2.yaml --set array.rows=7 --set array.columns=5 --scheme $1 --cell 4,1 --read-volt 0.3"
        read="$read --pattern checkerboard --quiet"
        crossohm $read --engine ngspice --json r.json >r.txt &&
            crossohm $read --engine klu --json exact.json >exact.txt &&
            grep -q 'judged, not proven' r.txt && grep -q '"bound_amp": null' r.json &&
            grep -v 'command\|engine\|bound\|kcl' r.json >r.rest &&
            grep -v 'command\|engine\|bound\|kcl' exact.json >e.rest &&
            same r.rest e.rest
    }
    for scheme in half third floating; do
        fact "scheme $scheme by ngspice" judged_scheme $scheme
    done
    judged_deck() {
        netlist --dialect "$1" -o judged.cir &&
            crossohm solve judged.cir --engine ngspice --quiet --json r.json >t.csv &&
            right_currents t.csv && grep -q '"engine": "ngspice"' r.json &&
            crossohm solve judged.cir --quiet >exact.csv && same t.csv exact.csv
    }
    fact "a deck by ngspice" judged_deck ngspice
    fact "one in another dialect" judged_deck spectre
    judged_fit() {
        crossohm fit 2x2.yaml -g 2x2-siemens.csv --engine ngspice -o n.fcm --json f.json --quiet &&
            grep -q '"exact": false' f.json && crossohm info n.fcm >sheet &&
            grep -q 'conductance matrix by ngspice' sheet &&
            crossohm apply n.fcm -v 2x2-volt.csv -o n.csv --quiet && solve -o e.csv &&
            grep -v '^#' n.csv >n.rows && grep -v '^#' e.csv >e.rows && same n.rows e.rows
    }
    fact "a model whose matrix is ngspice's, and which is not called exact" judged_fit
    fact "compare --against ngspice" compared
else
    tap_skip "ngspice agrees" "crossohm-ngspice was not built: libngspice is missing"
fi
tap_done
