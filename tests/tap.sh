# TAP for test scripts, the little of it we need:  . "$top_srcdir/tests/tap.sh"
# State facts with `fact "what holds" command arguments...`, end with `tap_done`.  $work is an empty folder that
# goes away at the end.  SPDX-License-Identifier: GPL-3.0-or-later

tap_count=0
tap_failed=0
work=$(mktemp -d "${TMPDIR:-/tmp}/crossohm-test.XXXXXX") || exit 99
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM

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
