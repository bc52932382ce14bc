#!/bin/sh
# Law spice: subcircuits as cells.  ngspice judges arrays of them with the subcircuit itself in the deck; tables are
# cached; what is no cell, or no level, or does not stay, is refused with its place.
# SPDX-License-Identifier: GPL-3.0-or-later
. "$top_srcdir/tests/tap.sh"
[ -x "${CROSSOHM_NGSPICE_HELPER:-}" ] || tap_skip_all "ngspice (libngspice0-dev) is missing: no crossohm-ngspice"
helper=$CROSSOHM_NGSPICE_HELPER
CROSSOHM_CACHE=$work/cache
export CROSSOHM_CACHE

cat >cells.cir <<'END'
a test bench, whose title is no element
V1 in 0 1
Xuser in 0 filament gap=0.4
* exp(-gap/g0) sinh(v/v0(gap)), the gap a state without IC=, pins in another order
.subckt filament bot top gap=0.3
Gx top bot value={1e-3*exp(-V(GG)/0.25)*sinh(V(top,bot)/(0.2+0.1*V(GG)))}
Cg GG 0 1
Rg GG 0 1e15
Bg 0 GG I=1e3*sinh(V(top,bot)/0.15)*(1-V(GG))
.ends
* the same with IC=, its parameter a share of it, deeper inside
.subckt core a b w=0.3
B1 a b I=1e-4*V(x)*(V(a,b)+V(a,b)^3)
C1 x 0 1 IC={w}
R1 x 0 1e12
B2 0 x I=1e5*V(a,b)*(1-V(x))
.ends
.subckt wrapped a b percent = 30
Xc a b core w={percent/100}
.ends
.subckt gated d g s params: rlow = 1e4 w=2u
+ l=0.18u
M1 d g m m nch W={w} L={l}
R1 m s {rlow}
.ends
.model nch nmos level=1 vto=0.4 kp=2e-4 lambda=0.02
.subckt film p n r=1e4
R1 p n {r}
.ends
.subckt threshold p n r=1e4
R1 p m {r}
D1 m n diode
D2 n m diode
.ends
.model diode d is=1e-7 n=1.5
.subckt tunnel p n k=1
B1 p n I={k}*1e-6*V(p,n)*exp(-V(p,n)*V(p,n)/0.02)+{k}*1e-9*V(p,n)
.ends
.subckt source p n k=1
B1 p n I={k}*1e-6*(V(p,n)+0.01)
.ends
.subckt same p n k=1
R1 p n 1k
.ends
.subckt bump p n k=1
R1 p n {1k+(k-0.5)^2*1k}
.ends
.subckt kink p n k=1
B1 p n I=V(p,n) > 0 ? {k}*1e-4*V(p,n) : {k}*3e-5*V(p,n)
.ends
.control
shell touch ran
quit
.endc
.end
END

# hardware NAME LOW HIGH KEYS...: NAME.yaml, one key a line so that messages can be told apart
hardware() {
    printf 'array: {row_wire_ohm: 2, column_wire_ohm: 3, driver_ohm: 20, sense_ohm: 10}\ndevice:\n  law: spice\n' \
        >"$1.yaml"
    printf '  reference_volt: 0.2\n  file: cells.cir\n  level_range: [%s, %s]\n' "$2" "$3" >>"$1.yaml"
    name=$1
    shift 3
    printf '  %s\n' "$@" >>"$name.yaml"
}
hardware filament 0.05 0.9 'subcircuit: FILAMENT' 'level_parameter: gap' 'state_node: gg' 'word_pin: top' \
    'read: frozen'
hardware wrapped 10 90 'subcircuit: wrapped' 'level_parameter: percent' 'state_node: xc.x' 'read: frozen'
hardware initial 10 90 'subcircuit: wrapped' 'level_parameter: percent' 'read: frozen'
hardware gated 5e3 1e5 'subcircuit: gated' 'level_parameter: rlow' 'gate_pin: g' 'gate_volt: 1.5'
hardware film 1e4 1e5 'subcircuit: film' 'level_parameter: r'
hardware threshold 1e3 1e5 'subcircuit: threshold' 'level_parameter: r'
hardware kink 0.1 1 'subcircuit: kink' 'level_parameter: k'

numbers 1 2 9 -0.35 0.35 >v.csv
# Conductances between the ends of the levels, as the report has them.
siemens() {
    crossohm solve "$1.yaml" --scheme half --cell 0,0 --read-volt 0.1 --set array.rows=1 --set array.columns=2 \
        --json - --quiet >"$1.json" &&
        numbers 2 9 7 $(sed -n 's/.*"low_siemens": \([^,]*\),*/\1/p; s/.*"high_siemens": \([^,]*\),*/\1/p' \
        "$1.json") log >"$1.csv"
}
# judged NAME [options]: the subcircuit itself in ngspice's deck, within 1e-6 of scale
judged() {
    name=$1
    shift
    siemens "$name" && crossohm compare "$name.yaml" -g "$name.csv" -v v.csv --against ngspice --tolerance 1e-6 \
        --quiet "$@" --json compared.json && grep -q '"subcircuit"' compared.json
}

fact "ngspice agrees: a state without IC=, pins the other way round" judged filament
fact "ngspice agrees: a state two levels down, set by its IC=" judged wrapped
fact "ngspice agrees: the same, nobody told of the state" judged initial
fact "ngspice agrees: a transistor in series, its gate a pin" judged gated
fact "ngspice agrees: no state at all" judged film
fact "ngspice agrees: a kink at 0 V" judged kink
fact "ngspice agrees: levels of two decades, each with a shape of its own" judged threshold
fact "ngspice agrees: selector and series resistance besides" judged filament --set device.series_ohm=300 \
    --set device.type=1S1R --set 'device.selector={v0_volt: 0.08, siemens: 1e-5, reference_volt: 0}'
fact "nothing of the bench ran" test ! -e ran

# value NAME FILE: a number of a report
value() {
    sed -n "s/.*\"$1\": \([^,]*\),*/\1/p" "$2"
}
below() {
    awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && a >= 0 && a < b) }'
}
for name in filament wrapped initial gated film kink; do
    fact "$name: tables within 3e-6 of the current at further points" below "$(value worst_rel $name.json)" 3e-6
done
fact "wrapped: sweeps are what transients with the state set begin with" below "$(value transient_rel wrapped.json)" \
    1e-9
# x' = 1e5 v (1 - x) for 0.2 V and 100 ns, from x = 0.1: 0.2 % of 0.9, over a range of states of 0.8
fact "the read disturb is that of the state's own equation" sh -c "echo $(value read_disturb wrapped.json) |
    awk '{ d = 0.9 * (exp(0.002) - 1) / 0.8; exit !(\$1 > 0.999 * d && \$1 < 1.001 * d) }'"
fact "frozen with and without the state's name, the same conductances" sh -c "
    echo $(value low_siemens wrapped.json) $(value low_siemens initial.json) |
    awk '{ exit !(\$1 > 0 && (\$1 - \$2)^2 < 1e-12 * \$1^2) }'"
# 1e-4 x (v + v^3) at 0.2 V
fact "the conductance of a level is I/v of its own curve" sh -c "echo $(value high_siemens wrapped.json) |
    awk '{ g = 1e-4 * 0.9 * 1.04; exit !((\$1 - g)^2 < 1e-18 * g^2) }'"
fact "info lists the levels, and its sheet is a hardware file again" sh -c "
    crossohm info wrapped.yaml --quiet >sheet.yaml &&
        grep -q '^#     percent = 90  *9.36e-05 S, v(xc.x) = 0.9 V' sheet.yaml &&
    crossohm info sheet.yaml --quiet | grep -q 'percent = 90'"

# ---- the cache
cat >counted <<END
#!/bin/sh
echo run >>$work/runs
exec $helper "\$@"
END
chmod +x counted
asked_once() {
    rm -f runs
    CROSSOHM_NGSPICE_HELPER=$work/counted crossohm solve filament.yaml -g filament.csv -v v.csv -o a.csv --quiet &&
        test "$(wc -l <runs)" -eq 1
}
fact "a second time ngspice is asked for its version only" asked_once
fact "with and without the cache the same bytes" sh -c "
    crossohm solve wrapped.yaml -g wrapped.csv -v v.csv -o a.csv --quiet &&
    CROSSOHM_CACHE=off crossohm solve wrapped.yaml -g wrapped.csv -v v.csv -o b.csv --quiet && cmp a.csv b.csv"
fact "a table of the cache is a table of law table" sh -c "
    file=\$(crossohm info wrapped.yaml --quiet | sed -n 's/^#   tables: //p') && cp \"\$file\" table.csv &&
    crossohm solve wrapped.yaml -g wrapped.csv -v v.csv -o a.csv --quiet && sed 's/law: spice/law: table/
        s/cells.cir/table.csv/; /level\|subcircuit\|state\|read:/d' wrapped.yaml >table.yaml &&
    crossohm solve table.yaml -g wrapped.csv -v v.csv -o b.csv --quiet &&
    paste -d, a.csv b.csv | awk -F, '!/#/ { for (k = 1; k <= 7; k++) if ((\$k - \$(k + 7))^2 > 1e-6 * \$k^2) bad = 1 }
        END { exit bad }'"
damaged() {
    file=$(crossohm info wrapped.yaml --quiet | sed -n 's/^#   tables: //p') &&
        sed -i 's/^3,\(.*\)e-05/3,\1e-04/' "$file" &&
        crossohm solve wrapped.yaml -g wrapped.csv -v v.csv -o c.csv --quiet && cmp a.csv c.csv
}
fact "a damaged cache is measured anew" damaged
another() {
    before=$(ls cache | wc -l)
    sed 's/1e12/2e12/' cells.cir >other.cir
    crossohm solve wrapped.yaml -g wrapped.csv -v v.csv -o c.csv --quiet --set device.file=other.cir &&
        test "$(ls cache | wc -l)" -eq $((before + 1))
}
fact "a netlist that differs has tables of its own" another
fact "a folder that cannot be written is no obstacle" sh -c "
    CROSSOHM_CACHE=/proc/none crossohm solve film.yaml -g film.csv -v v.csv -o c.csv --quiet"

# ---- refusals
# refused PATTERN command...
refused() {
    pattern=$1
    shift
    "$@" >printed 2>said
    got=$?
    cat said
    test $got -eq 4 && test ! -s printed && test "$(wc -l <said)" -eq 1 && grep -q -e "$pattern" said
}
read_one() {
    crossohm solve "$1.yaml" --scheme half --cell 0,0 --read-volt 0.1 --set array.rows=2 --set array.columns=2 --quiet
}
hardware unstated 10 90 'subcircuit: wrapped' 'level_parameter: percent' 'state_node: xc.x'
fact "frozen or dc, where they differ" refused \
    '^crossohm: unstated.yaml:3:8: device.read: found none; expected frozen or dc' read_one unstated
hardware dc 10 90 'subcircuit: wrapped' 'level_parameter: percent' 'state_node: xc.x' 'read: dc'
fact "a state that runs away" refused \
    '^crossohm: dc.yaml:10:9: device.read: the state runs away: v(xc.x) is ' read_one dc
hardware forgets 10 90 'subcircuit: wrapped' 'level_parameter: percent' 'read: dc'
fact "levels forgotten at the operating point" refused \
    '^crossohm: forgets.yaml:8:20: device.level_parameter: identical curves: percent = ' read_one forgets
sed 's/1e5\*V(a,b)/1e11*V(a,b)/' cells.cir >fast.cir
hardware fast 10 90 'subcircuit: wrapped' 'level_parameter: percent' 'state_node: xc.x' 'read: frozen' \
    'file: fast.cir'
sed -i '/file: cells/d' fast.yaml
fact "a state that does not stay for 2 ps" refused \
    '^crossohm: fast.yaml:8:15: device.state_node: the state runs away' read_one fast
hardware tunnel 0.1 1 'subcircuit: tunnel' 'level_parameter: k'
fact "a current that falls" refused \
    '^crossohm: tunnel.yaml:7:15: device.subcircuit: not monotone, a negative slope: found' read_one tunnel
hardware source 0.1 1 'subcircuit: source' 'level_parameter: k'
fact "a cell that is a source" refused \
    '^crossohm: source.yaml:7:15: device.subcircuit: found 1e-09 A at 0 V' read_one source
hardware same 0.1 1 'subcircuit: same' 'level_parameter: k'
fact "levels without a difference" refused \
    '^crossohm: same.yaml:8:20: device.level_parameter: identical curves' read_one same
hardware bump 0.1 1 'subcircuit: bump' 'level_parameter: k'
fact "levels out of order" refused \
    '^crossohm: bump.yaml:8:20: device.level_parameter: levels out of order' read_one bump
hardware missing 0.1 1 'subcircuit: memristor' 'level_parameter: k'
known='expected one of filament, core,'
fact "no such subcircuit" refused \
    "missing.yaml:7:15: device.subcircuit: found no subcircuit memristor in cells.cir; $known" read_one missing
hardware knob 0.1 1 'subcircuit: film' 'level_parameter: k'
fact "no such parameter" refused \
    'knob.yaml:8:20: device.level_parameter: found no parameter k in subcircuit film; expected one of r' read_one knob
hardware pin 0.1 1 'subcircuit: film' 'level_parameter: r' 'word_pin: q'
fact "no such pin" refused \
    'pin.yaml:9:13: device.word_pin: found no pin q in subcircuit film; expected one of p, n' read_one pin
hardware three 5e3 1e5 'subcircuit: gated' 'level_parameter: rlow'
fact "a pin too many" refused \
    'three.yaml:7:15: device.subcircuit: found 3 pins at subcircuit gated; expected 2, or 3 with gate_pin' \
    read_one three
hardware node 10 90 'subcircuit: wrapped' 'level_parameter: percent' 'state_node: y' 'read: frozen'
fact "no such node" refused 'node.yaml:9:15: device.state_node: .*v(xcell0.y)' read_one node
sed '/reference_volt/d' film.yaml >unreferred.yaml
fact "no reference_volt" refused \
    '^crossohm: unreferred.yaml:3:8: device.reference_volt: found no value' read_one unreferred
sed '/level_range/d' film.yaml >unranged.yaml
fact "no level_range" refused '^crossohm: unranged.yaml:3:8: device.level_range: found no value' read_one unranged
fact "a cell beyond the levels" refused \
    '^crossohm: --set device.on_siemens: found 0.1 S; expected 1e-05 to 0.0001 S' \
    crossohm solve film.yaml -g film.csv -v v.csv --set device.on_siemens=0.1
numbers 3 1 9 0.7 0.9 >beyond.csv
known='expected -0.4 to 0.4 V, where its law is known (gated.yaml:5:9)'
fact "a voltage outside the tables" refused "^crossohm: beyond.csv: input 0: the device of cell .*$known" \
    crossohm solve gated.yaml -g gated.csv -v beyond.csv --quiet
fact "which volt_range moves" crossohm solve gated.yaml -g gated.csv -v beyond.csv --set device.volt_range='[-1,1]' \
    -o c.csv --quiet
fact "no such netlist" refused '^crossohm: .*device.file: .*nothing.sub: cannot open' \
    crossohm solve film.yaml -g film.csv -v v.csv --set device.file=nothing.sub
fact "keys of law spice with another law" refused \
    '^crossohm: film.yaml:7:15: device.subcircuit: belongs to law spice' \
    crossohm solve film.yaml -g film.csv -v v.csv --set device.law=table

# ---- the models that come with the data
data=${CROSSOHM_DATA:-$top_srcdir/../shared/data}/devices/spice_own
sample() {
    printf 'array: {rows: 9, columns: 7}\ndevice: {law: spice, file: %s, subcircuit: %s, level_parameter: x0,\n' \
        "$1" "$2" >$2.yaml
    printf '  level_range: [0.05, 0.95], state_node: xs, read: frozen, reference_volt: 0.1}\n' >>$2.yaml
    judged "$2"
}
monotone() {
    crossohm info "$1.yaml" --quiet | sed -n 's/^#     x0 = [^ ]*  *\([^ ]*\) S.*/\1/p' |
        awk 'NR == 2 { up = $1 > last } NR > 1 && ($1 > last) != up { bad = 1 } { last = $1 }
            END { exit bad || NR < 9 }'
}
for model in mem_yakopcic mem_hp_biolek mem_vteam; do
    if test -r "$data/memristors_ngspice.sub"; then
        fact "$model: ngspice agrees with an array of it, frozen" sample "$data/memristors_ngspice.sub" $model
        fact "$model: levels are monotone" monotone $model
    else
        tap_skip "$model: ngspice agrees with an array of it, frozen" "$data"
        tap_skip "$model: levels are monotone" "$data"
    fi
done
tap_done
