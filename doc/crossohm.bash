# Completion of the crossohm command for bash: verbs, then the options of the verb as its --help lists them, then
# the values some options take, otherwise file names.
# SPDX-License-Identifier: GPL-3.0-or-later
_crossohm()
{
    local word=$2 before=$3 verb=${COMP_WORDS[1]} words=
    if [ "$COMP_CWORD" = 1 ]; then
        words='solve matrix fit compare apply map eval info converter device netlist bench help version'
    elif [ "$verb" = converter ] && [ "$COMP_CWORD" = 2 ]; then
        words='adc dac'
    else
        case $before in
        --precision) words='float64 float32' ;;
        --reading) words='code analog' ;;
        --law) words='ohmic sinh polynomial table auto' ;;
        --shape) words='shared level auto' ;;
        --loss) words='square huber cauchy' ;;
        --engine) words='auto cholmod klu ladder line starmesh ngspice' ;;
        --dialect) words='ngspice hspice ltspice spectre xyce' ;;
        --against) words='cholmod klu ladder line starmesh ngspice' ;;
        --scheme) words='half third floating' ;;
        --pattern) words='all-on all-off checkerboard given' ;;
        *)
            if [[ $word == -* ]]; then
                words=$("${COMP_WORDS[0]}" "$verb" --help 2>/dev/null | grep -o -e '--[a-z][a-z-]*')
            fi ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o default -F _crossohm crossohm
