#!/bin/sh
# A stranger's program compiles, links and runs against the installed library, found by pkg-config alone.
# SPDX-License-Identifier: GPL-3.0-or-later
. "$top_srcdir/tests/tap.sh"
unset MAKEFLAGS MFLAGS MAKELEVEL
prefix=$(sed -n 's/^prefix=//p' "$top_builddir/crossohm.pc")
library=$(sed -n 's/^libdir=//p' "$top_builddir/crossohm.pc" | sed "s|\${exec_prefix}|$prefix|")
root=$work/root
PKG_CONFIG_PATH=$root$library/pkgconfig
export PKG_CONFIG_PATH

compile() {
    flags=$(pkg-config --define-variable=prefix="$root$prefix" --cflags --libs "$@" crossohm) || return
    # shellcheck disable=SC2086
    $CC "$top_srcdir/examples/solve.c" -o "$work/solve" $flags
}
run() {
    LD_LIBRARY_PATH=$root$library "$work/solve" >"$work/printed"
}
prints() {
    cat "$work/printed"
    grep -qF -- "$1" "$work/printed"
}
only_public_symbols() {
    nm -D --defined-only "$root$library/libcrossohm.so" | awk '$2 ~ /[A-Z]/ { print $3 }' |
        LC_ALL=C sort >"$work/exported"
    # Every export is declared, and every declared function exists.
    diff "$work/exported" "$top_builddir/libcrossohm.sym"
}

fact "make install into an empty folder" make -C "$top_builddir" install DESTDIR="$root"
fact "the installed command runs" env LD_LIBRARY_PATH="$root$library" "$root$prefix/bin/crossohm" --version
if [ -e "$root$library/libcrossohm.so" ]; then
    fact "the shared library exports exactly what the public headers declare" only_public_symbols
    fact "examples/solve.c compiles" compile
    fact "it runs" run
    fact "first row of the conductance matrix" prints "4.438903924255e-05 4.688470024746e-06 S"
    fact "second row of the conductance matrix" prints "1.819833216552e-05 9.573660367421e-06 S"
fi
if [ -e "$root$library/libcrossohm.a" ] && [ ! -e "$root$library/libcrossohm.so" ]; then
    fact "examples/solve.c compiles against the static library" compile --static
    fact "it runs" run
fi
tap_done
