#!/bin/sh
# crossohm device: what it writes reads back, what it says is true, mistakes are named.
# SPDX-License-Identifier: GPL-3.0-or-later
. "$top_srcdir/tests/tap.sh"
cp "$top_srcdir/examples/iv.csv" "$work"
chmod u+w iv.csv

# curves FILE LAW-IN-AWK LEVELS DEVICES: a function f(v, g) of awk, no noise, a device 2 % above the one before.
curves() {
    awk -v levels="$3" -v devices="$4" "
        function sinh(x) { return (exp(x) - exp(-x)) / 2 }
        function f(v, g) { return $2 }"'
        BEGIN {
            print "level,v[V],i[A],device"
            for (l = 0; l < levels; l++) for (d = 0; d < devices; d++) for (k = -20; k <= 20; k++)
                printf "%d,%g,%.15g,%s\n", l, k / 40, f(k / 40, (l + 1) * 1e-5 * (1 + 0.02 * d)), "d" d
        }' >"$1"
}
curves sinh.csv 'g * sinh(v / 0.25)' 4 3
curves ohmic.csv 'g * v' 4 3
curves switch.csv 'g * v * (v > 0.2 ? 20 : 1)' 2 2
curves falls.csv 'g * v * (1 - 1.8 * v * (v > 0))' 2 2

value() {
    sed -n "s/^  $1: \([^ ]*\).*/\1/p" "$2"
}
near() {
    echo "# got $1, want $2 within $3"
    awk -v got="$1" -v want="$2" -v most="$3" 'BEGIN { d = got - want; exit !(got != "" && d <= most && -d <= most) }'
}

# ---- what is written

crossohm device ohmic.csv -o ohmic.yaml --json ohmic.json 2>ohmic.said || cat ohmic.said
fact "ohmic cells are" test "$(value law ohmic.yaml)" = ohmic
fact "four levels are two bits" test "$(value bits_per_cell ohmic.yaml)" = 2
fact "the highest level is on, at the mean of its devices" near "$(value on_siemens ohmic.yaml)" 4.08e-5 1e-15
fact "the lowest is off" near "$(value off_siemens ohmic.yaml)" 1.02e-5 1e-15
used_as_file() {
    printf 'array: {rows: 2, columns: 2}\ndevice: {file: ohmic.yaml, bits_per_cell: 1}\n' >board.yaml &&
        crossohm info board.yaml >sheet && cat sheet && grep 'bits_per_cell: 1$' sheet &&
        near "$(value on_siemens sheet)" "$(value on_siemens ohmic.yaml)" 0
}
fact "device: {file: ohmic.yaml} is a device" used_as_file
fact "and so is the file itself" crossohm info ohmic.yaml
crossohm device sinh.csv -o sinh.yaml --report sinh.html 2>sinh.said || cat sinh.said
fact "a hyperbolic sine is one" test "$(value law sinh.yaml)" = sinh
fact "v0 comes back" near "$(value v0_volt sinh.yaml)" 0.25 1e-9
fact "at the highest voltage of all curves" test "$(value reference_volt sinh.yaml)" = 0.5
fact "v0 is said too" grep -E '^  v0 +0.25 V' sinh.said
page() {
    grep -c '<svg' sinh.html && test "$(grep -c '<svg' sinh.html)" -eq 3 && ! grep -i '<script\|http' sinh.html &&
        ! grep -i 'nan\b\|inf\b' sinh.html && tail -n 1 sinh.html | grep '</html>'
}
fact "the page has three charts, no script and no NaN" page
crossohm device iv.csv -o iv.yaml --json iv.json --quiet 2>iv.said
fact "--quiet says nothing" test ! -s iv.said
per_level() {
    test "$(grep -c '^  coefficients: \[\[1, \|^                 \[1, ' iv.yaml)" -eq 4 && grep 'by AIC' iv.yaml
}
fact "a shape for each of four levels" per_level
twice() {
    crossohm device iv.csv -o again.yaml --json again.json --report one.html --quiet &&
        crossohm device iv.csv -o again.yaml --json again.json --report two.html --quiet &&
        cmp iv.yaml again.yaml && cmp iv.json again.json && cmp one.html two.html
}
fact "the same bytes twice" twice
from_stdin() {
    crossohm device - --quiet <iv.csv >piped.yaml && sed 1d piped.yaml >got && sed 1d iv.yaml >want && cmp got want
}
fact "standard input and output" from_stdin
any_order() {
    { sed -n '1,2p' iv.csv; sed 1,2d iv.csv | sort -t, -k3,3g -k1,1r -s; } >shuffled.csv &&
        crossohm device shuffled.csv -o shuffled.yaml --quiet &&
        near "$(value on_siemens shuffled.yaml)" "$(value on_siemens iv.yaml)" 1e-15
}
fact "lines in another order give the same device" any_order
if python3 -c 'import json' 2>python.said; then
    says_the_same() {
        python3 -c '
import json, sys
r = json.load(open("iv.json"))
assert r["law"] == "polynomial" and r["order"] == 3 and r["per_level"] and r["replicated_by"] == "device"
assert len(r["levels"]) == 4 and len(r["curves"]) == 24 and r["curves_not_followed"] == 0
assert r["device"]["bits_per_cell"] == 2
assert abs(r["levels"][3]["siemens"]["value"] - float(sys.argv[1])) < 1e-18
best = min(c["aic"] for c in r["candidates"] if c["aic"] is not None)
assert best == [c["aic"] for c in r["candidates"] if c["order"] == 3 and c["per_level"]][0]' \
            "$(value on_siemens iv.yaml)"
    }
    fact "the JSON says the same" says_the_same
else
    tap_skip "the JSON says the same" "python3 is not installed"
fi

curves reversed.csv 'g * v * (1 + 0.8 * v + (0.5 + g * 2e4) * v * v)' 4 3
from_off_to_on() {
    awk -F, -v OFS=, 'NR > 1 { $1 = 3 - $1 } { print }' reversed.csv >backwards.csv
    crossohm device reversed.csv -o forth.yaml --quiet && crossohm device backwards.csv -o back.yaml --quiet &&
        grep -A 3 'coefficients:' forth.yaml >want && grep -A 3 'coefficients:' back.yaml >got && cat want got &&
        test "$(wc -l <want)" -eq 4 && cut -c-40 want >want.short && cut -c-40 got | cmp - want.short
}
fact "coefficients go from off to on, whatever the levels are called" from_off_to_on
three_levels() {
    grep -v '^3' reversed.csv >three.csv
    crossohm device three.csv -o three.yaml --quiet --tolerance 0.3 && grep 'coefficients: \[1, ' three.yaml &&
        grep 'bits_per_cell: 1    # 3 levels' three.yaml && crossohm device three.csv --shape level 2>said
    test $? -eq 4 && grep 'expected 2, 4, 8' said
}
fact "three levels share a shape: the hardware file has no place for three" three_levels

# ---- what no law follows

# exits CODE command...
exits() {
    want=$1
    shift
    "$@" >printed 2>said
    got=$?
    cat said
    test $got -eq "$want" || { echo "exit $got, want $want"; return 1; }
}
switches() {
    exits 1 crossohm device switch.csv -o switch.yaml --quiet && grep 'no law follows these curves' said &&
        test "$(value law switch.yaml)" = table && test "$(value file switch.yaml)" = "'switch-table.csv'" &&
        grep 'law: table, since no law follows' switch.yaml && grep '^level,v\[V\],i\[A\]$' switch-table.csv
}
fact "a switch is followed by no law: exit 1, and a table stands in" switches
table_rises() {
    awk -F, -v level=-1 '
        /^[0-9]/ { if ($1 == level && !($2 > v && $3 > i)) wrong = 1; level = $1; v = $2; i = $3; n++ }
        END { exit wrong || n < 80 }' switch-table.csv
}
fact "the table rises" table_rises
asked_for() {
    exits 1 crossohm device switch.csv --law sinh -o asked.yaml &&
        grep '4 of 4 curves not followed by law sinh' said && test "$(value law asked.yaml)" = sinh &&
        grep 'NOT FOLLOWED: 4 of 4 curves by law sinh' asked.yaml
}
fact "a law that was asked for is written all the same, and the exit code is 1" asked_for
one_of_many() {
    cp sinh.csv many.csv
    awk 'BEGIN { for (k = -20; k <= 20; k++) printf "2,%g,%g,bad\n", k / 40, (k > 8 ? 9 : 1) * k * 1e-7 }' >>many.csv
    exits 1 crossohm device many.csv -o many.yaml --report many.html --quiet &&
        grep '1 of 13 curves not followed.*level 2, device bad (line 494)' said &&
        test "$(value law many.yaml)" = sinh && grep 'device bad' many.html
}
fact "one curve of many is named" one_of_many
table_to_folder() {
    mkdir -p sub && exits 1 crossohm device switch.csv -o sub/s.yaml --quiet && test -s sub/s-table.csv &&
        test "$(value file sub/s.yaml)" = "'s-table.csv'" &&
        exits 1 crossohm device switch.csv -o sub/s.yaml --table t.csv --quiet && test -s t.csv
}
fact "the table goes beside the file that names it, or where --table says" table_to_folder

# ---- single curves: 26 points, noise of 0.2 % that alternates in a pattern with no rhythm

# single FILE LAW-IN-AWK: up to 0.52 V; b is 1 on the way back.
single() {
    awk "
        function sinh(x) { return (exp(x) - exp(-x)) / 2 }
        function f(v, b) { return $2 }"'
        BEGIN {
            print "level,v[V],i[A]"
            for (k = 1; k <= 26; k++) {
                b = k > 13; v = 0.04 * (b ? 27 - k : k)
                printf "0,%g,%.9g\n", v, f(v, b) * (1 + 0.002 * sin(k * k))
            }
        }' >"$1"
}
single one.csv '1e-6 * sinh(v / 0.2)'
single loop.csv '1e-5 * v * (1 + v) * (b ? 1.3 : 1)'
single clamp.csv '1e-5 * (v > 0.25 ? 2.5 - v / 10 : v * v * 40)'
single jump.csv '1e-5 * v * (v > 0.3 ? 10 : 1)'
single peak.csv '1e-5 * v * (exp(1 - v / 0.15) + 0.1)'
one_is_followed() {
    exits 0 crossohm device one.csv -o one.yaml --report one.html --json one.json &&
        grep 'curve level 0 (line 2): missed by .* no more than noise' said &&
        grep 'law sinh misses level 0 (line 2) by' one.yaml && grep 'Every curve is followed' one.html &&
        grep '"followed": true,\{0,1\}$' one.json && ! grep 'NOT FOLLOWED' one.yaml
}
fact "one curve of a law is followed, and how well is said" one_is_followed
one_loop() {
    exits 1 crossohm device loop.csv -o loop.yaml --report loop.html --json loop.json --quiet &&
        grep 'loop.csv: no law follows this curve: .* hangs together .*; a table stands in, loop-table.csv' said &&
        grep '1 of 1 curve not followed by law table' said && grep 'NOT FOLLOWED: 1 of 1 curve' loop.yaml &&
        grep 'No law follows this curve' loop.html && grep '"table_stands_in": true' loop.json
}
fact "one loop is followed by no law, nor by its table" one_loop
one_jump() {
    exits 1 crossohm device jump.csv -o jump.yaml --quiet && grep 'no law follows this curve' said &&
        test "$(value law jump.yaml)" = table
}
fact "one curve that jumps is followed by no law" one_jump
table_is_solved() {
    printf 'array: {rows: 1, columns: 1, driver_ohm: 0, sense_ohm: 0}\ndevice: {file: jump.yaml}\n' >board.yaml &&
        value on_siemens jump.yaml >g.csv && echo 0.2 >v.csv &&
        crossohm solve board.yaml -g g.csv -v v.csv -o i.csv --quiet &&
        near "$(grep -v '^#' i.csv)" 2e-6 1e-8
}
fact "its table solves an array: the current measured at 0.2 V flows" table_is_solved
clamped_is_solved() {
    exits 1 crossohm device clamp.csv -o clamp.yaml --quiet && test "$(value law clamp.yaml)" = table &&
        test "$(tail -n 1 clamp-table.csv | cut -d, -f 2)" = 0.52 &&
        value on_siemens clamp.yaml >g.csv &&
        crossohm solve board.yaml -g g.csv -v v.csv -o i.csv --quiet --set device.file=clamp.yaml &&
        near "$(grep -v '^#' i.csv)" 1.6e-5 5e-7
}
fact "the table of a curve that falls a little at its end reaches it, and solves an array" clamped_is_solved

# ---- mistakes

refused() {
    want=$1
    pattern=$2
    shift 2
    rm -f out.yaml
    "$@" -o out.yaml >printed 2>said
    got=$?
    cat said
    test $got -eq "$want" || { echo "exit $got, want $want"; return 1; }
    test "$(wc -l <said)" -eq 1 && grep -q -e "$pattern" said && test ! -s printed && test -z "$(find . -name 'out*')"
}
device() {
    crossohm device "$@"
}
fact "curves that fall" refused 4 'falls.csv:[0-9]*: .*expected a current that rises' device falls.csv
fact "one curve with a peak: no law, and no table either" refused 4 \
    'peak.csv:[0-9]*: .*expected a current that rises.*; no law follows either: ' device peak.csv
fact "a cubic that falls" refused 4 'falls within the range' device falls.csv --law polynomial --order 2
fact "no file" refused 2 'no file named' device
fact "no such file" refused 4 'nosuch.csv' device nosuch.csv
fact "another law" refused 2 "law: found 'cubic'" device iv.csv --law cubic
fact "another shape" refused 2 "shape: found 'round'" device iv.csv --shape round
fact "another loss" refused 2 "loss: found 'l1'" device iv.csv --loss l1
fact "an order of 1" refused 2 'order: found 1; expected 2 to 7' device iv.csv --order 1
fact "an order for sinh" refused 2 'belong to law polynomial' device iv.csv --law sinh --order 3
fact "a tolerance of 0" refused 2 'tolerance: found 0' device iv.csv --tolerance 0
fact "a reference no curve reaches" refused 4 'reference voltage: found 0.7 V' device iv.csv --reference-volt 0.7
fact "--set" refused 2 'no hardware file' device iv.csv --set seed=1
printf 'level,v[V],i[A]\n0,0.1,1e-6\n2,0.1,2e-6\n' >missing.csv
fact "a missing level" refused 4 'missing.csv:3: found level 2, but no level 1' device missing.csv
printf 'level,v[mV],i[A]\n0,100,1e-6\n' >milli.csv
fact "millivolts" refused 4 'milli.csv:1:7: found .v.mV..; expected v.V.' device milli.csv
stdout_takes_one() {
    exits 2 crossohm device iv.csv --json - && exits 2 crossohm device switch.csv --quiet && grep -e '--table' said
}
fact "two outputs do not share standard output" stdout_takes_one
cannot_write() {
    exits 1 crossohm device iv.csv -o nosuch/d.yaml --quiet && grep nosuch/d.yaml said
}
fact "an output that cannot be written" cannot_write
tap_done
