# TAP for test scripts, the little of it we need:  . "$top_srcdir/tests/tap.sh"
# State facts with `fact "what holds" command arguments...`, end with `tap_done`.  A script begins
# in $work, an empty folder that goes away at the end.  SPDX-License-Identifier: GPL-3.0-or-later

tap_count=0
tap_failed=0
work=$(mktemp -d "${TMPDIR:-/tmp}/crossohm-test.XXXXXX") || exit 99
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM
cd "$work" || exit 99
LC_ALL=C
export LC_ALL

# The command succeeds.  What it printed goes on # lines if not.
fact() {
    tap_title=$1
    shift
    tap_count=$((tap_count + 1))
    if "$@" >"$work/.out" 2>&1; then
        echo "ok $tap_count - $tap_title"
    else
        echo "# exit $? from: $*"
        sed 's/^/# /' "$work/.out"
        echo "not ok $tap_count - $tap_title"
        tap_failed=1
    fi
}

# refused CODE PATTERN command...: exits with the code, says one line that matches, prints nothing.
refused() {
    want=$1
    pattern=$2
    shift 2
    "$@" >printed 2>said
    got=$?
    cat said
    test $got -eq "$want" && test ! -s printed && test "$(wc -l <said)" -eq 1 && grep -q -e "$pattern" said
}

# fails CODE PATTERN command...: exits with the code, says something that matches.
fails() {
    want=$1 text=$2
    shift 2
    "$@" 2>err
    got=$?
    cat err
    [ $got = "$want" ] && grep -q -e "$text" err
}

# numbers SEED ROWS COLUMNS LOW HIGH [log]: random numbers as CSV, uniform or in their logarithm
numbers() {
    awk -v seed="$1" -v m="$2" -v n="$3" -v a="$4" -v b="$5" -v how="$6" 'BEGIN {
        srand(seed)
        for (i = 0; i < m; i++)
            for (j = 0; j < n; j++)
                printf "%.17g%s", how ? a * exp(log(b / a) * rand()) : a + (b - a) * rand(), j < n - 1 ? "," : "\n"
    }'
}

# A fact that cannot be tested here, and what is missing: never counts as a pass.
tap_skip() {
    tap_count=$((tap_count + 1))
    echo "ok $tap_count - $1 # SKIP $2"
}

tap_skip_all() {
    echo "1..0 # SKIP $1"
    exit 0
}

tap_done() {
    echo "1..$tap_count"
    exit $tap_failed
}
