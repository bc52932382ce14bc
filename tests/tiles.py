# SPDX-License-Identifier: GPL-3.0-or-later
# A reader of tiles.h5 of its own, written from crossohm-map(1) and crossohm-hardware(5): weights back from
# conductances alone, compared with the q that lies beside them.
#     tiles.py tiles.h5 [W.npy]     W.npy: and q with W, quantised here by max per layer
import sys
import h5py
import numpy as np


def digits(data, layer):
    off, on, c = layer.attrs["off_siemens"], layer.attrs["on_siemens"], int(layer.attrs["bits_per_cell"])
    levels = (data[...] - off) / ((on - off) / (2**c - 1))
    if np.abs(levels - np.round(levels)).max() > 1e-9:
        raise SystemExit(f"{data.name}: conductances between levels")
    return np.round(levels).astype(np.int64)


def text(layer, name):
    value = layer.attrs[name]
    return value.decode() if isinstance(value, bytes) else value


# Columns of one array that belong to one slice and side: [rows, outputs].
def side(array, layer, slice_number, minus):
    outputs, slices = int(layer.attrs["tile_outputs"]), int(layer.attrs["slices"])
    pair = 2 if text(layer, "sign") == "differential" and text(layer, "pair") == "columns" else 1
    per_output = pair * (slices if text(layer, "slices_in") == "columns" else 1)
    first = (slice_number * pair if text(layer, "slices_in") == "columns" else 0) + (minus if pair == 2 else 0)
    return array[:, first : outputs * per_output : per_output]


def block(tile, layer):
    sign, c, bits = text(layer, "sign"), int(layer.attrs["bits_per_cell"]), int(layer.attrs["weight_bits"])
    slices, q = int(layer.attrs["slices"]), 0
    names = ["plus", "minus"] if sign == "differential" and text(layer, "pair") == "tiles" else ["siemens", "siemens"]
    for s in range(slices):
        group = tile[f"slice_{s}"] if text(layer, "slices_in") == "tiles" else tile
        weight = -(2 ** (bits - 1)) if sign == "twos_complement" and s == slices - 1 else 2 ** (c * s)
        for minus in range(2 if sign == "differential" else 1):
            q = q + (-weight if minus else weight) * side(digits(group[names[minus]], layer), layer, s, minus)
    return q - 2 ** (bits - 1) if sign == "offset" else q


def matrix(group, layer):
    want, rows, outputs = group["q"][...], int(layer.attrs["tile_rows"]), int(layer.attrs["tile_outputs"])
    got, seen = np.zeros_like(want), 0
    for name in group:
        if name.startswith("tile_"):
            r, c = (int(part) for part in name.split("_")[1:])
            here = got[r * rows : (r + 1) * rows, c * outputs : (c + 1) * outputs]
            here[...] = block(group[name], layer)[: here.shape[0], : here.shape[1]]
            seen += 1
    if not seen or not np.array_equal(got, want):
        raise SystemExit(f"{group.name}: conductances give other weights than q")
    return want


def main():
    count = 0
    with h5py.File(sys.argv[1], "r") as f:
        for name in f:
            if name == "hardware":
                continue
            layer = f[name]
            for group in [layer[g] for g in layer if g.startswith("group_")] or [layer]:
                q = matrix(group, layer)
                count += 1
            if len(layer["weight_scale"]) % q.shape[1]:
                raise SystemExit(f"{name}: not a scale per output")
        if len(sys.argv) > 2:
            w = np.load(sys.argv[2]).astype(np.float64)
            high = 2 ** (int(layer.attrs["weight_bits"]) - 1) - 1
            scale = np.float32(np.abs(w).max() / high)
            if not np.array_equal(q, np.clip(np.rint(w / np.float64(scale)), -high, high)):
                raise SystemExit(f"{name}: q is not W in steps of {scale}")
            if not np.all(layer["weight_scale"][...] == scale):
                raise SystemExit(f"{name}: weight_scale is not {scale}")
    print(count, "matrices")


main()
