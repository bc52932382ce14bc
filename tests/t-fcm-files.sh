#!/bin/sh
# Fast models through the command and through other people's tools: apply against solve, files larger than a piece,
# refusals, h5dump, h5py.
# SPDX-License-Identifier: GPL-3.0-or-later
. "$top_srcdir/tests/tap.sh"

cat >hw.yaml <<'END'
crossohm: 1
array: {driver_ohm: 300, row_wire_ohm: 7, column_wire_ohm: 20, sense_ohm: 150, sense_volt: 0.01}
dac: {bits: 3, read_volt: 0.3, noise_volt: 0.001}
adc: {bits: 8}
END
printf '5e-5,5e-6,1e-6\n2e-5,1e-5,3e-5\n1e-6,4e-5,2e-6\n6e-6,0,7e-6\n' >g.csv
printf '0.2,0.1,0,0.3\n0,0,0.05,0.25\n0.15,0,0,0.01\n' >v.csv
fact "a model is fitted" crossohm fit hw.yaml -g g.csv -o a.fcm --quiet

# ---- against the circuit
apply_equals_solve() {
    crossohm solve hw.yaml -g g.csv -v v.csv -o want.csv --quiet &&
        crossohm apply a.fcm -v v.csv -o got.csv --quiet &&
    awk -F, 'FNR == 1 { file++; n = 0 } /^#/ { next }
        { for (k = 1; k <= NF; k++) { n++; if (file == 1) want[n] = $k; else {
            d = $k - want[n]; if (d * d > (1e-10 * want[n]) ^ 2) { print $k, want[n]; bad = 1 } } } }
        END { if (n != 9) print "numbers", n; exit bad || n != 9 }' want.csv got.csv
}
fact "apply equals solve within 1e-10" apply_equals_solve

same_for_any_threads() {
    crossohm apply a.fcm -v v.csv --converters -o one.npy --quiet &&
    crossohm apply a.fcm -v v.csv --converters --threads 3 -o three.npy --quiet && cmp one.npy three.npy
}
fact "the same bytes for any number of threads, noise included" same_for_any_threads
differs() {
    name=$1
    shift
    crossohm apply a.fcm -v v.csv --quiet -o "$name.npy" "$@" && ! cmp -s "$name.npy" raw.npy
}
crossohm apply a.fcm -v v.csv -o raw.npy --quiet
fact "--gain matters" differs gain --gain
fact "--converters matters" differs converters --converters
seed_matters() {
    differs seed7 --converters --seed 7 && ! cmp -s seed7.npy converters.npy
}
fact "--seed draws other noise" seed_matters

# ---- outside its range
warns() {
    printf '0.2,0.1,0,0.3\n0,0,0.5,0.25\n-0.1,0,0,0\n' >far.csv
    crossohm apply a.fcm -v far.csv -o far.npy --json far.json --quiet 2>said && cat said far.json &&
    grep -q 'warning: 2 of 3 inputs lie outside the range of the fit' said &&
    grep -q '"inputs_outside_range": 2' far.json
}
fact "inputs outside the range are counted and told" warns

# ---- larger than a piece: zeros, whose currents are i0
zeros() {
    printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '<f8', 'fortran_order': False, 'shape': ($1, 4), }" >big.npy
    head -c $(($1 * 32)) /dev/zero >>big.npy
}
streams() {
    zeros 2500000 && crossohm apply a.fcm -v big.npy -o big-out.npy --quiet 2>/dev/null &&
    [ "$(wc -c <big-out.npy)" = $((128 + 2500000 * 24)) ] && crossohm apply a.fcm -v - -o piped.npy --quiet <big.npy \
        2>/dev/null && cmp big-out.npy piped.npy && tail -c 24 big-out.npy >last && head -c 152 big-out.npy |
    tail -c 24 | cmp - last
}
fact "80 MB in several pieces, from a file and from a pipe" streams
rm -f big.npy big-out.npy piped.npy

# ---- refusals
refuses() {
    text=$1
    shift
    "$@" -o never.npy >said 2>&1
    status=$?
    cat said
    [ $status = 4 ] && [ "$(wc -l <said)" = 1 ] && grep -q "$text" said && [ ! -e never.npy ] &&
        [ ! -e never.npy.part ]
}
head -c 9000 a.fcm >cut.fcm
fact "a model cut short" refuses 'cut.fcm: 9000 bytes; expected .*: cut short' crossohm apply cut.fcm -v v.csv
{ head -c 10300 a.fcm; printf '\377'; tail -c +10302 a.fcm; } >bit.fcm
fact "an altered one" refuses 'bit.fcm: altered: its sha256' crossohm apply bit.fcm -v v.csv
sed '1s/fcm 2/fcm 3/' a.fcm >future.fcm
fact "one of a future version" refuses 'future.fcm: version 3 of the format; expected 2' crossohm apply future.fcm \
    -v v.csv
fact "an array instead" refuses 'raw.npy: does not begin like a .fcm' crossohm apply raw.npy -v v.csv
fact "what has no end, by its beginning" refuses '/dev/zero: does not begin like a .fcm' \
    timeout 20 crossohm apply /dev/zero -v v.csv
fact "no model" refuses 'absent.fcm: cannot open' crossohm apply absent.fcm -v v.csv
printf '1,2,3\n' >narrow.csv
fact "inputs of another width" refuses 'narrow.csv: rows of 3 numbers; expected (inputs, 4)' \
    crossohm apply a.fcm -v narrow.csv
printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 4), }" >short.npy
fact "inputs cut short" refuses 'short.npy: 0 bytes of data' crossohm apply a.fcm -v short.npy
crossohm fit hw.yaml --set array.rows=4 --set array.columns=3 -o tech.fcm --quiet >/dev/null 2>&1
if [ -e tech.fcm ]; then
    fact "a technology" refuses 'tech.fcm: a technology' crossohm apply tech.fcm -v v.csv
fi
full_disk() {
    crossohm apply a.fcm -v v.csv -o /dev/full >said 2>&1
    [ $? = 1 ] && cat said && grep -q '/dev/full.*No space' said
}
fact "a full disk ends with exit 1 and its name" full_disk

# ---- the sheet
sheet() {
    crossohm info a.fcm --json sheet.json >sheet && grep -q '4 rows (volts in), 3 columns (amperes out)' sheet &&
    grep -q '^  sha256 of siemens: ' sheet && grep -q '"kind": "fast model"' sheet.json
}
fact "info prints a sheet" sheet

# ---- other people's tools
if command -v h5dump >/dev/null; then
    h5dump_shows() {
        h5dump -d /linear/g_ni a.fcm >dump && grep -q '( 4, 3 ) / ( 4, 3 )' dump && grep -q '(0): "S"' dump
    }
    fact "h5dump shows shape and unit" h5dump_shows
else
    tap_skip "h5dump shows shape and unit" "h5dump is not installed"
fi
python=
for p in python3 /usr/bin/python3; do
    [ -z "$python" ] && $p -c 'import h5py, numpy' 2>/dev/null && python=$p
done
if [ -n "$python" ]; then
    every_number_has_a_unit() {
        $python - <<'END'
import h5py
numbers = 0
def look(name, node):
    global numbers
    if isinstance(node, h5py.Dataset):
        assert node.attrs["meaning"], name
        if node.dtype.kind in "fiu":
            assert node.attrs["unit"] in (b"S", b"A", b"V", b"1", b"LSB", b"ohm", b"1/A"), name
            numbers += 1
with h5py.File("a.fcm", "r") as f:
    assert f.userblock_size in (0, 16384)
    f.visititems(look)
    assert f["linear/g_ni"].shape == (4, 3) and f["linear/i0"].shape == (3,)
assert numbers > 30, numbers
END
    }
    fact "h5py shows every unit and shape" every_number_has_a_unit
    reader_lists() {
        $python "$top_srcdir/examples/read_fcm.py" a.fcm >list && grep -q '^linear/g_ni *(4, 3) \[S\]' list
    }
    fact "examples/read_fcm.py lists a model" reader_lists
    reader_applies() {
        crossohm apply a.fcm -v v.csv -o want.npy --quiet &&
        $python -c 'import numpy; numpy.save("v.npy", numpy.loadtxt("v.csv", delimiter=","))' &&
        $python "$top_srcdir/examples/read_fcm.py" a.fcm v.npy got.npy &&
        $python -c 'import numpy; numpy.testing.assert_allclose(numpy.load("got.npy"), numpy.load("want.npy"), 1e-13)'
    }
    fact "and applies it as the command does" reader_applies
    reader_refuses() {
        ! $python "$top_srcdir/examples/read_fcm.py" bit.fcm &&
            ! $python "$top_srcdir/examples/read_fcm.py" future.fcm
    }
    fact "and refuses what is altered or newer" reader_refuses
else
    tap_skip "h5py shows every unit and shape, examples/read_fcm.py" "python3-h5py is not installed"
fi
tap_done
