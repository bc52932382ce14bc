#!/bin/sh
# Every command that README and the EXAMPLES of the man pages show is executed as written; it must succeed and
# print the lines shown below it, figures within 1e-12 ("..." stands for lines left out).  Commands begin with
# "$ ".  And every option that --help names has its place in the manual.
# SPDX-License-Identifier: GPL-3.0-or-later
. "$top_srcdir/tests/tap.sh"
cp -R "$top_srcdir/examples" "$top_srcdir/netlists" "$top_srcdir/models" "$work"
chmod -R u+w "$work/examples" "$work/netlists" "$work/models"

# Commands and expected lines of one document: "$ command" or "> line".
shown() {
    case $1 in
    *README) sed -n '/^    \$ /,/^$/s/^    //p' "$1" ;;
    *) sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/p' "$1" | sed -n '/^\$ /,/^\.Ed/p' |
        sed '/^\.Ed/d; s/\\-/-/g; s/\\&//g; s/\\e/\\/g' ;;
    esac | sed '/^\$ /!s/^/> /'
}

# Does a line of `printed` say what the line $1 says, its figures within 1e-12?
printed_line() {
    LC_ALL=C awk -v want="$1" '
        function same(a, b) {
            return a == b || (a ~ /^[-+.0-9e]+$/ && b ~ /^[-+.0-9e]+$/ && (a - b) ^ 2 <= (1e-12 * a) ^ 2)
        }
        BEGIN { n = split(want, wanted, /[ ,]+/) }
        split($0, got, /[ ,]+/) == n { for (k = 1; k <= n && same(got[k], wanted[k]); k++); if (k > n) found = 1 }
        END { exit !found }' printed
}

# Run a command; every line shown below it must be among what it prints.
as_shown() {
    sh -c "$1" >printed 2>&1 || { cat printed; return 1; }
    while IFS= read -r want; do
        [ "$want" = ... ] || printed_line "$want" || { echo "no line: $want"; cat printed; return 1; }
    done <expected
}

execute() {
    [ -z "$command" ] || fact "$name: $command" as_shown "$command"
    : >expected
}

for document in "$top_srcdir/README" "$top_srcdir"/doc/*.[15]; do
    name=$(basename "$document")
    command=
    : >expected
    shown "$document" >"$name.shown"
    while IFS= read -r line <&3; do
        case $line in
        '$ '*) execute; command=${line#??} ;;
        *) printf '%s\n' "${line#??}" >>expected ;;
        esac
    done 3<"$name.shown"
    execute
done

# README calls its first command star-mesh elimination and its second Cholesky: are they?
readme_engine() {
    command=$(sed -n 's/^\$ //p' README.shown | sed -n "$1p")
    sh -c "$command" 2>&1 >/dev/null | tee said && grep -q "engine $2: " said
}
fact "README's first command takes star-mesh elimination" readme_engine 1 starmesh
fact "README's second takes Cholesky" readme_engine 2 cholmod

# Every line of the table stands on the page about modelling, in the same order.
modelling_table() {
    sed '/^#/d; s/^\([^;]*\);\([^;]*\);\([^;]*\);\(.*\)/.It \3 Ta \4 Ta \1: \2/' \
        "$top_srcdir/results/modelling/table.csv" >table
    sed -n '/^\.It [0-9]/{s/\\-/-/g;p;}' "$top_srcdir/doc/crossohm-modelling.7" | diff table - && test -s table
}
fact "crossohm-modelling(7) shows what results/modelling computed" modelling_table

# From elsewhere, by a path that only holds there.
quickstart_usage() {
    source=$(cd "$top_srcdir" && pwd -P)       # top_srcdir may end in ..
    (cd "$source/.." && { "./$(basename "$source")/quickstart" what; test $? -eq 2; }) 2>&1 | tee "$work/usage"
    grep -q 'quickstart check' "$work/usage" && ! grep -qi 'no such file\|can.t read' "$work/usage"
}
fact "quickstart shows its usage from any folder" quickstart_usage

# The page of the verb, or the common page, describes each option the verb understands.
describes_all_options() {
    crossohm "$1" --help >help || return
    for option in $(grep -o -e '--[a-z][a-z-]*' help | sort -u); do
        cat "$top_srcdir/doc/crossohm.1" "$top_srcdir/doc/crossohm-$1.1" | grep -q -e "Fl Fl ${option#--}\b" ||
            { echo "not in the manual: $option"; return 1; }
    done
}
for verb in solve matrix fit apply compare map eval info converter device netlist; do
    fact "crossohm-$verb.1 describes every option" describes_all_options $verb
done
if command -v mandoc >mandoc.path; then
    fact "the manual is well formed" mandoc -T lint -W warning "$top_srcdir"/doc/*.[15]
else
    tap_skip "the manual is well formed" "mandoc is not installed"
fi
tap_done
