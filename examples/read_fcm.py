#!/usr/bin/env python3
"""Read a fast model (.fcm) without Crossohm: list what it holds, and use it.

    read_fcm.py array.fcm                list every item: shape, unit, value, meaning
    read_fcm.py array.fcm V.npy I.npy    I = V G_ni + i0, volts (inputs, rows) to amperes (inputs, columns)

Needs h5py and numpy.  The format is explained in crossohm-fcm(5).
SPDX-License-Identifier: GPL-3.0-or-later
"""
import hashlib
import sys

import h5py
import numpy as np


def check(path):
    """Version and checksum, from the text in front of the HDF5 part."""
    with open(path, "rb") as file:
        data = file.read()
    head = data[:8192].split(b"\n")
    if not data.startswith(b"crossohm fcm "):
        sys.exit(f"{path}: not a .fcm file")
    if head[0] != b"crossohm fcm 1":
        sys.exit(f"{path}: {head[0].decode()}: this reader knows version 1")
    at = data.index(b"sha256 ") + len(b"sha256 ")
    digits = data[at:at + 64].decode()
    if hashlib.sha256(data[:at] + data[at + 64:]).hexdigest() != digits:
        sys.exit(f"{path}: altered or cut short: the checksum does not fit")


def load(path):
    """Every item as {"group/name": (value, unit, meaning)}; unit is None for text."""
    items = {}

    def visit(name, node):
        if isinstance(node, h5py.Dataset):
            value = node[()]
            if isinstance(value, bytes):
                value = value.decode()
            unit = node.attrs.get("unit")
            items[name] = (value, unit.decode() if unit is not None else None, node.attrs["meaning"].decode())

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return items


def show(items):
    for name, (value, unit, meaning) in items.items():
        if isinstance(value, str):
            text = value if "\n" not in value else f"{len(value)} characters"
        elif np.shape(value):
            text = f"{np.shape(value)} [{unit}], {np.min(value):.6g} to {np.max(value):.6g}"
        else:
            text = f"{value} [{unit}]"
        print(f"{name:28} {text:44} {meaning}")


def apply(items, volt):
    g_ni = items["linear/g_ni"][0]
    i0 = items["linear/i0"][0] if "linear/i0" in items else 0
    return volt @ g_ni + i0


def main():
    if len(sys.argv) not in (2, 4):
        sys.exit(__doc__)
    check(sys.argv[1])
    items = load(sys.argv[1])
    if len(sys.argv) == 2:
        show(items)
    else:
        np.save(sys.argv[3], apply(items, np.load(sys.argv[2])))


if __name__ == "__main__":
    main()
