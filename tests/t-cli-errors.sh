#!/bin/sh
# Whatever is wrong, the exit code says whose fault it is, one line on stderr says where, what was found and what
# was expected, and no file, whole or half, is left behind.
# SPDX-License-Identifier: GPL-3.0-or-later
. "$top_srcdir/tests/tap.sh"

printf 'crossohm: 1\narray: {rows: 2, columns: 2}\n' >hw.yaml
printf '5e-5,5e-6\n2e-5,1e-5\n' >g.csv
printf '0.2,0.1\n' >v.csv
# An array without resistance answers unit voltages with its conductances: g.csv as .npy.
printf '1,0\n0,1\n' >unit.csv
crossohm solve hw.yaml -g g.csv -v unit.csv --set array.row_wire_ohm=0 --set array.column_wire_ohm=0 \
    --set array.driver_ohm=0 --set array.sense_ohm=0 -o g.npy --quiet

# refused CODE PATTERN command...: exits with the code, one line "crossohm: ..." that matches, no output files.
refused() {
    want=$1
    pattern=$2
    shift 2
    mkdir out
    "$@" >printed 2>said
    got=$?
    cat said
    left=$(ls out)
    rm -rf out
    test $got -eq "$want" || { echo "exit $got, want $want"; return 1; }
    test "$(wc -l <said)" -eq 1 || { echo "not one line"; return 1; }
    grep -q '^crossohm: ' said || { echo "does not begin with crossohm:"; return 1; }
    grep -q -e "$pattern" said || { echo "want $pattern"; return 1; }
    test -z "$left" || { echo "left behind: $left"; return 1; }
    test ! -s printed || { echo "printed results"; return 1; }
}
# solve with one thing replaced, all outputs wanted
solve() {
    hardware=$1
    siemens=$2
    volts=$3
    shift 3
    crossohm solve "$hardware" -g "$siemens" -v "$volts" -o out/i.npy --json out/r.json --node-voltage out/u.npy "$@"
}
bad_input() {
    refused 4 "$@"
}

# ---- arrays
printf '1e-5,1e-5,1e-5\n1e-5,1e-5,1e-5\n' >wide.csv
printf '1e-5,-1e-6\n1e-5,1e-5\n' >negative.csv
printf '1e-5,nan\n1e-5,1e-5\n' >nan.csv
printf '1e-5,1e-5\n1e-5\n' >ragged.csv
printf '1e-5;1e-5\n1e-5;1e-5\n' >semicolon.csv
printf '0.1,0.1,0.1\n' >three.csv
: >empty.csv
: >empty.npy
head -c 100 g.npy >cut.npy
head -c 140 g.npy >short.npy
{ cat g.npy; printf x; } >long.npy
sed 's/<f8/<i8/' g.npy >integer.npy
# NaN as the last float64
{ head -c 152 g.npy; printf '\0\0\0\0\0\0\370\177'; } >nan.npy
for file in wide negative nan ragged semicolon empty; do
    case $file in
    wide) pattern='wide.csv: .*(2, 3).*expected' ;;
    negative) pattern='negative.csv: cell (0, 1) .*-1e-06.*expected' ;;
    *) pattern="$file.csv.*expected" ;;
    esac
    fact "conductances: $file.csv" bad_input "$pattern" solve hw.yaml $file.csv v.csv
done
for file in empty cut short long integer nan; do
    fact "conductances: $file.npy" bad_input "$file.npy.*expected" solve hw.yaml $file.npy v.csv
    fact "voltages: $file.npy" bad_input "$file.npy.*expected" solve hw.yaml g.npy $file.npy
done
# A shape (0, 2) and no elements: the header of g.npy with another digit, the length of the file follows.
head -c 128 g.npy | sed 's/(2, 2)/(0, 2)/' >g0.npy
fact "conductances: no rows" bad_input 'g0.npy: shape (0, 2); expected at least one row and one column' \
    sh -c 'echo "{}" >any.yaml; exec crossohm solve any.yaml -g g0.npy -v v.csv -o out/i.npy'
fact "voltages: one too many" bad_input 'three.csv: .*(1, 3).*expected' solve hw.yaml g.npy three.csv
fact "voltages beyond any device" bad_input 'huge.csv' sh -c \
    'echo 1e300,0 >huge.csv; crossohm solve hw.yaml -g g.npy -v huge.csv -o out/i.npy'
fact "conductances beyond any device" bad_input 'hugeg.csv' sh -c \
    'printf "1e300,0\n0,0\n" >hugeg.csv; crossohm solve hw.yaml -g hugeg.csv -v v.csv -o out/i.npy'
for missing in hw.yaml g.npy v.npy; do
    fact "a missing file: no-$missing" bad_input "no-$missing.*No such file" \
        solve "$(test $missing = hw.yaml && echo no-)hw.yaml" "$(test $missing = g.npy && echo no-)g.npy" \
        "$(test $missing = v.npy && echo no-v.npy || echo v.csv)"
done
fact "a folder instead of a file" bad_input 'directory' solve hw.yaml . v.csv

# ---- the hardware file: PATTERN is looked for behind file:line:column
yaml_case() {
    printf 'crossohm: 1\narray:\n  rows: 2\n  columns: 2\n  %s\n' "$1" >case.yaml
    bad_input "case.yaml:[56]:[0-9]*: .*" solve case.yaml g.npy v.csv
}
for line in 'row_wire_ohms: 1' 'row_wire_ohm: 10k' 'row_wire_ohm: 1,5' 'row_wire_ohm: -1' 'row_wire_ohm: nan' \
    'row_wire_ohm: .inf' 'row_wire_ohm: 1e400' 'driver_ohm: 010' 'driver_ohm: 0x10' 'driver_ohm: [1' \
    'drive_side: centre' 'sense_volt: open' 'rows: 3' 'lines: {word: {9: floating}}' \
    'faults: {stuck: [[0, 5, 1.0e-5]]}' 'faults: {stuck: [[0, 1, -1.0e-5]]}' 'driver_ohm: "no.npy"'; do
    fact "hardware: $line" yaml_case "$line"
done
fact "hardware: a decimal comma between braces" bad_input 'unknown key array.5; .*(a decimal comma? write 1.5)' \
    sh -c 'echo "array: {row_wire_ohm: 1,5}" >comma.yaml
           exec crossohm solve comma.yaml -g g.npy -v v.csv -o out/i.npy'
fact "hardware: rows: 3.7" bad_input 'case.yaml:2:[0-9]*: .*3.7.*expected' sh -c \
    'printf "crossohm: 1\narray: {rows: 3.7}\n" >case.yaml; crossohm solve case.yaml -g g.npy -v v.csv -o out/i.npy'
fact "hardware: another schema version" bad_input 'case.yaml:1' sh -c \
    'printf "crossohm: 9\n" >case.yaml; crossohm solve case.yaml -g g.npy -v v.csv -o out/i.npy'
fact "hardware: not YAML" bad_input 'case.yaml:1' sh -c \
    'printf "}{" >case.yaml; crossohm solve case.yaml -g g.npy -v v.csv -o out/i.npy'
fact "--set: an unknown key" bad_input 'array.row_wire_oh' solve hw.yaml g.npy v.csv --set array.row_wire_oh=1
fact "--set: a number with a suffix" bad_input '10k' solve hw.yaml g.npy v.csv --set array.row_wire_ohm=10k
fact "--set: a decimal comma" bad_input '1,5' solve hw.yaml g.npy v.csv --set array.row_wire_ohm=1,5
fact "--set: the size it disagrees with names it" bad_input 'g.npy: shape (2, 2); .* in --set array.rows=3' \
    solve hw.yaml g.npy v.csv --set array.columns=2 --set array.rows=3
fact "the size the file gives names the file" bad_input 'g.npy: shape (2, 2); .* in wide.yaml' sh -c \
    'echo "array: {columns: 3}" >wide.yaml; exec crossohm solve wide.yaml -g g.npy -v v.csv --set seed=3 -o out/i.npy'
conflict() {
    solve hw.yaml g.npy v.csv --set array.driver_ohm=0 --set array.row_wire_ohm=0 "$@"
}
fact "a zero-ohm path between two held voltages names the path" bad_input 'hw.yaml: .*word line' conflict \
    --set 'array.lines={word: {0: {hold_volt: 1}, 1: {hold_volt: 2}}}' \
    --set 'array.faults={word_bridges: [[0, 1, 0]]}'
fact "a zero-ohm path between two sources names it" bad_input 'word line' conflict \
    --set 'array.faults={word_bridges: [[0, 1, 0]]}'
fact "a column that is not there" bad_input '2.*expected 0 to 1' \
    solve hw.yaml g.npy v.csv --gradient 2 --gradient-output out/d.npz
fact "info: a kind of file that is not known" bad_input 'expected .yaml' crossohm info said
printf '{"tool": "another"}' >other.json
printf '{"tool": "crossohm",}' >broken.json
printf '<html><title>Another</title></html>' >other.html
fact "info: a report of another tool" bad_input 'other.json: .*expected' crossohm info other.json
fact "info: a report that is not JSON" bad_input 'broken.json:1:.*expected' crossohm info broken.json
fact "info: a page of another tool" bad_input 'other.html: .*expected' crossohm info other.html
fact "info: a cut .npy" bad_input 'cut.npy.*expected' crossohm info cut.npy
fact "info: a cut .npz" bad_input 'cut.npz.*expected' sh -c \
    'crossohm solve hw.yaml -g g.npy -v v.csv --power p.npz -o i.npy --quiet && head -c 300 p.npz >cut.npz
     exec crossohm info cut.npz'

# ---- what cannot be proven is not written
unprovable() {
    solve hw.yaml g.npy v.csv --engine "$1" --set array.row_wire_ohm=1e-12 --set array.column_wire_ohm=1e-12 \
        --set array.sense_ohm=1e30 --set array.driver_ohm=1e30
}
for engine in cholmod klu; do
    fact "an array beyond engine $engine exits 3" refused 3 $engine unprovable $engine
done

# ---- usage
usage() {
    refused 2 "$@"
}
fact "usage: an unknown verb" usage 'slove: ' crossohm slove
fact "usage: a verb of a later version" usage 'later version' crossohm sweep
fact "usage: an unknown option" usage '--nodes' solve hw.yaml g.npy v.csv --nodes x
fact "usage: no hardware file" usage 'no file' crossohm solve -g g.npy -v v.csv
fact "usage: no voltages" usage '-v' crossohm solve hw.yaml -g g.npy
fact "usage: an engine that is not one" usage 'expected auto' solve hw.yaml g.npy v.csv --engine spice
fact "usage: an engine that is none" usage 'expected some of' \
    crossohm compare hw.yaml -g g.npy -v v.csv --against lines
fact "usage: the matrix by klu" usage '.' crossohm matrix hw.yaml -g g.npy --engine klu -o out/m.npy
fact "usage: an option without its value" usage '--engine' solve hw.yaml g.npy v.csv --engine
fact "usage: no threads" usage '--threads' solve hw.yaml g.npy v.csv --threads 0
fact "usage: one file for two outputs" usage 'two outputs' solve hw.yaml g.npy v.csv --bound out/i.npy
mkdir folder
ln -s folder link
same_place() {
    solve hw.yaml g.npy v.csv --bound "$1"
}
for other in out/./i.npy ./out/i.npy out/../out/i.npy "$PWD/out/i.npy"; do
    fact "usage: one file for two outputs, the other spelt ${other##"$PWD"/}" usage 'two outputs' same_place "$other"
done
fact "usage: one file through a link to its folder" usage 'two outputs' \
    crossohm solve hw.yaml -g g.npy -v v.csv -o folder/i.npy --bound link/i.npy
two_links() {
    : >folder/target.npy
    ln -sf target.npy folder/alias.npy
    crossohm solve hw.yaml -g g.npy -v v.csv -o folder/target.npy --bound folder/alias.npy
}
fact "usage: one file and a link to it" usage 'two outputs' two_links
fact "usage: a .npz for one array" usage '--currents.*expected a .npy or .csv' \
    crossohm solve hw.yaml -g g.npy -v v.csv -o out/i.npz
fact "usage: CROSSOHM_SIMD names nothing" usage 'CROSSOHM_SIMD=mmx: .*expected avx512, avx2 or portable' \
    env CROSSOHM_SIMD=mmx crossohm matrix hw.yaml -g g.npy -o out/m.npy
fact "usage: a precision for one array" usage '--precision' \
    crossohm matrix hw.yaml -g g.npy --precision float32 -o out/m.npy
{
    printf '\223NUMPY\001\000v\000'
    printf "%-117s\n" "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2, 2), }"
    tail -c 32 g.npy
    tail -c 32 g.npy
} >both.npy
fact "usage: a batch to standard output" usage 'expected a .npy file' crossohm matrix hw.yaml -g both.npy
fact "usage: a batch to CSV" usage 'expected a .npy file' crossohm matrix hw.yaml -g both.npy -o out/m.csv
fact "usage: a batch by cholmod" usage 'one array at a time' \
    crossohm matrix hw.yaml -g both.npy --engine cholmod -o out/m.npy
fact "usage: no such precision" usage 'expected float64 or float32' \
    crossohm matrix hw.yaml -g both.npy --precision double -o out/m.npy
fact "a batch where one array is expected" bad_input 'expected (rows, columns)' solve hw.yaml both.npy v.csv
{ head -c 160 both.npy; printf '\000\000\000\000\000\000\360\277'; tail -c 24 both.npy; } >minus.npy
fact "a batch with a negative conductance" bad_input 'array 1: cell (0, 0)' \
    crossohm matrix hw.yaml -g minus.npy -o out/m.npy
fact "usage: a .npz for the matrix" usage '--matrix.*expected a .npy or .csv' \
    crossohm matrix hw.yaml -g g.npy -o out/m.NPZ
for option in branch-current power 'gradient 0 --gradient-output'; do
    # shellcheck disable=SC2086
    fact "usage: a .csv for --$option" usage 'expected a .npz' solve hw.yaml g.npy v.csv --$option out/p.csv
done
fact "usage: a .npy for several arrays" usage 'expected a .npz' solve hw.yaml g.npy v.csv --power out/p.npy
for set in '' '=3' array.rows; do
    fact "usage: --set '$set'" usage '--set.*expected key=value' solve hw.yaml g.npy v.csv --set "$set"
done
fact "usage: standard input twice" usage 'standard input' crossohm solve hw.yaml -g - -v - -o out/i.npy
fact "usage: standard input twice, the hardware file too" usage 'standard input' \
    crossohm solve - -g - -v v.csv -o out/i.npy
for tolerance in 0 -1; do
    fact "usage: a tolerance of $tolerance" usage '--tolerance.*expected more than 0' \
        crossohm compare hw.yaml -g g.npy -v v.csv --tolerance $tolerance
done
fact "usage: report and currents both on standard output" usage '-o' crossohm solve hw.yaml -g g.npy -v v.csv --json -
fact "usage: a scheme with voltages" usage '--volts' \
    crossohm solve hw.yaml -v v.csv --scheme half --cell 0,0 --read-volt 1
fact "usage: a cell without a scheme" usage '--cell' solve hw.yaml g.npy v.csv --cell 0,0
fact "usage: two files too many" usage 'extra' solve hw.yaml g.npy v.csv extra
usage_without_verb() {
    crossohm 2>said
    test $? -eq 2 && grep Example said
}
fact "usage: nothing at all shows help on stderr" usage_without_verb

# ---- outputs that cannot be written
cannot_write() {
    refused 1 "$@"
}
: >file
fact "a folder that is not there" cannot_write 'none/i.npy' \
    crossohm solve hw.yaml -g g.npy -v v.csv -o none/i.npy --quiet
fact "a folder that is a file" cannot_write 'file/i.npy' \
    crossohm solve hw.yaml -g g.npy -v v.csv -o file/i.npy --quiet
fact "a folder of the kernel's" cannot_write '/proc/i.npy' \
    crossohm solve hw.yaml -g g.npy -v v.csv -o /proc/i.npy --quiet
fact "one of several outputs: it is named" cannot_write 'none/u.npy' \
    crossohm solve hw.yaml -g g.npy -v v.csv --node-voltage none/u.npy --quiet
# Root may write everywhere: then somebody else has to try, with a copy of the command that is not in root's home.
unprivileged() {
    LD_LIBRARY_PATH=$work/command setpriv --reuid=65534 --regid=65534 --clear-groups "$work/command/crossohm" "$@"
}
mkdir read-only
chmod a-w read-only
attempt=crossohm
if test -w read-only; then
    attempt=unprivileged
    mkdir command
    cp "$top_builddir"/.libs/libcrossohm.so.* command 2>/dev/null
    cp "$top_builddir/.libs/crossohm" command 2>/dev/null || cp "$top_builddir/crossohm" command
    chmod -R a+rX "$work"
fi
if $attempt version; then
    fact "a read-only folder" cannot_write 'read-only/i.npy.*denied' \
        $attempt solve hw.yaml -g g.npy -v v.csv -o read-only/i.npy --quiet
else
    tap_skip "a read-only folder" "root cannot give up its rights here"
fi
if test -c /dev/full; then
    fact "a full disk: the file" cannot_write '/dev/full: .*No space' \
        crossohm solve hw.yaml -g g.npy -v v.csv -o /dev/full --quiet
    for verb in 'solve hw.yaml -g g.npy -v v.csv' 'matrix hw.yaml -g g.npy' 'compare hw.yaml -g g.npy -v v.csv' \
        'solve hw.yaml --scheme half --cell 0,0 --read-volt 1' 'info hw.yaml' help version 'solve --help'; do
        fact "a full disk: standard output of $verb" cannot_write 'standard output: .*No space' \
            sh -c "exec crossohm $verb >/dev/full"
    done
else
    tap_skip "a full disk" "/dev/full is missing"
fi

# Neither may an output replace an input.
cp v.csv kept.csv
keeps_its_input() {
    usage 'is read as well' solve hw.yaml -g g.npy -v kept.csv -o ./kept.csv && cmp v.csv kept.csv
}
fact "usage: an output that is read as well" keeps_its_input

# Little memory: the process ends, whatever libraries do with threads of their own.
ends_with_little_memory() {
    (ulimit -v 200000; timeout 20 crossohm solve hw.yaml -g g.npy -v v.csv --quiet; test $? -lt 124)
}
if grep -q -a __asan_init "$(command -v crossohm)" "$(dirname "$(command -v crossohm)")"/.libs/crossohm \
    2>/dev/null; then
    tap_skip "a small address space: no hanging at the end" "the address sanitizer needs a large one"
else
    fact "a small address space: no hanging at the end" ends_with_little_memory
fi

# A limit on the size of files stands for the full disk that cuts a write in the middle.
awk 'BEGIN { for (k = 0; k < 4000; k++) print "0.1,0.2" }' >many.csv
cut_in_the_middle() {
    sh -c 'ulimit -f 16; trap "" XFSZ; exec crossohm solve hw.yaml -g g.npy -v many.csv -o out/i.npy --quiet'
}
fact "a limit on file size: nothing half-written stays" cannot_write 'out/i.npy: .*File too large' cut_in_the_middle
if mkdir small && mount -t tmpfs -o size=16k none small 2>/dev/null; then
    on_a_full_disk() {
        crossohm solve hw.yaml -g g.npy -v many.csv -o small/i.npy --quiet
    }
    fact "a full file system" cannot_write 'small/i.npy: .*No space' on_a_full_disk
    fact "a full file system: nothing stays" test -z "$(ls small)"
    umount small
else
    tap_skip "a full file system" "mounting a tmpfs needs root"
fi
tap_done
