#!/usr/bin/env python3
"""Read a fast model (.fcm) without Crossohm: list what it holds, and use it.

    read_fcm.py array.fcm                list every item: shape, unit, value, meaning
    read_fcm.py array.fcm V.npy I.npy    the conductance stage, volts (inputs, rows) to amperes (inputs, columns)

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
    head = data[:16384].split(b"\n")
    if not data.startswith(b"crossohm fcm "):
        sys.exit(f"{path}: not a .fcm file")
    if head[0] != b"crossohm fcm 2":
        sys.exit(f"{path}: {head[0].decode()}: this reader knows version 2")
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


def basis(items, volt):
    """y = sum_k b_k(V) A_k, b_k polynomials without a constant; then bent, column by column."""
    power = volt / items["basis/scale_volt"][0]
    coefficients, rows = items["basis/coefficients"][0], volt.shape[1]
    y = 0
    for k, c in enumerate(coefficients):
        value = sum(c[d] * power ** (d + 1) for d in range(len(c)))
        y = y + value @ items["basis/matrices"][0][k * rows:(k + 1) * rows]
    return y * (1 + items["basis/bend"][0] * y) if "basis/bend" in items else y


def ladder(siemens_divider, ohm, injected, far, source):
    """Lines along the last axis, the near end first: currents gathered going in, voltages spread going out."""
    current, volt = injected.copy(), np.empty_like(injected)
    current[..., -1] += far
    for k in range(injected.shape[-1] - 2, -1, -1):
        current[..., k] += siemens_divider[..., k + 1] * current[..., k + 1]
    near = source
    for k in range(injected.shape[-1]):
        near = volt[..., k] = siemens_divider[..., k] * near + ohm[..., k] * current[..., k]
    return volt, current


def law(curve, low, high, volt):
    """Cubics through four neighbouring points of each cell's curve (cells, points) at volt (inputs, cells)."""
    last = curve.shape[1] - 1
    t = np.clip((volt - low) * (last / (high - low)), 0, last)
    at = np.clip(t.astype(int), 1, last - 2)
    cell = np.arange(curve.shape[0])
    x = t - at
    p = [curve[cell, at + n] for n in (-1, 0, 1, 2)]
    return (-p[0] * x * (x - 1) * (x - 2) / 6 + p[1] * (x + 1) * (x - 1) * (x - 2) / 2
            - p[2] * (x + 1) * x * (x - 2) / 2 + p[3] * (x + 1) * x * (x - 1) / 6)


def corrected(items, volt):
    """The array itself: its lines solved in turn as ladders, the law's excess pushed into them."""
    get = {name.split("/")[1]: value[0] for name, value in items.items() if name.startswith("correction/")}
    word_way = slice(None, None, -1) if get["word_from_right"] else slice(None)
    bit_way = slice(None) if get["bit_from_top"] else slice(None, None, -1)
    source = np.where(get["word_driven"] > 0, volt, get["word_volt"])
    siemens = get["cell_siemens"]
    curve = get["excess"][get["cell_curve"].astype(int).ravel()] * get["cell_scale"].reshape(-1, 1)
    word = bit = excess = np.zeros((len(volt),) + siemens.shape)

    def sweep(word, bit):
        for _ in range(get["sweeps"]):
            word, _ = ladder(get["word_divider"][:, word_way], get["word_ohm"][:, word_way],
                             (siemens * bit - excess)[..., word_way], get["word_far_siemens"] * source, source)
            word = word[..., word_way]
            bit, current = ladder(get["bit_divider"].T[:, bit_way], get["bit_ohm"].T[:, bit_way],
                                  np.swapaxes(siemens * word + excess, 1, 2)[..., bit_way],
                                  get["bit_far_siemens"] * get["bit_volt"], get["bit_volt"])
            far = bit[..., -1]
            bit = np.swapaxes(bit[..., bit_way], 1, 2)
        return word, bit, current[..., 0], far

    word, bit, current, far = sweep(word, bit)
    for _ in range(get["count"]):
        across = (word - bit).reshape(len(volt), -1)
        excess = law(curve, get["low_volt"], get["high_volt"], across).reshape(word.shape)
        word, bit, current, far = sweep(word, bit)
    near = 0 if get["bit_from_top"] else -1
    return (get["bit_divider"][near] * (current - get["bit_siemens"] * get["bit_volt"])
            + get["bit_far_siemens"] * (far - get["bit_volt"]))


def halve(high, is_below):
    """From 0 to high, where is_below changes from true to false; many at once, by bisection."""
    low = np.zeros_like(high)
    for _ in range(60):
        middle = (low + high) / 2
        below = is_below(middle)
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2


def device(c, i, volt):
    """Currents of the devices of row i: cubics between points, two curves mixed."""
    knot, first = c["volt"], c["cell_curve"][i].astype(int)
    at = np.clip(np.searchsorted(knot, volt, "right") - 1, 0, len(knot) - 2)
    step = knot[at + 1] - knot[at]
    t = (volt - knot[at]) / step

    def curve(k):
        rise, d, e = c["ampere"][k, at + 1] - c["ampere"][k, at], *(c["siemens"][k, at + n] * step for n in (0, 1))
        return c["ampere"][k, at] + t * (d + t * (3 * rise - 2 * d - e + t * (d + e - 2 * rise)))
    return c["cell_lower"][i] * curve(first) + c["cell_upper"][i] * curve(np.minimum(first + 1, len(c["ampere"]) - 1))


def curved_ladders(l, c, ohm, order):
    """Nonlinear cells: every rung follows from the farthest."""
    def climb(u):
        amp, beyond = np.zeros_like(u), np.zeros(u.shape, bool)
        for i in order:
            if np.isfinite(ohm[i]):
                r = ohm[i] + c["cell_ohm"][i]
                u = np.where(beyond, 0, u)
                amp = amp + device(c, i, halve(u, lambda v: np.abs(v + r * device(c, i, v)) < np.abs(u)))
            u = u + l["step"][i] * amp
            beyond |= np.abs(u) > 2 * np.abs(l["volt"])
        return amp, np.where(beyond, 2 * l["volt"], u + l["end"] * amp)
    return climb(halve(l["volt"], lambda u: np.abs(climb(u)[1]) < np.abs(l["volt"])))[0]


def stars(l, g):
    """Lines that end at two sides."""
    a, b, c = np.zeros_like(l["end"]), np.zeros_like(l["end"]), np.full_like(l["end"], 1e60)
    for i in range(len(g)):
        k = 1 / (1 + g[i] * (b + c))
        c = c * k
        a, b = a + g[i] * b * c, b * k
        b, c = b + l["step"][i], c + l["second"][i]
    return np.where(c < 1e60, l["volt"] / (a + c + l["end"]), 0)


def ladders(l, g, order):
    p, q = np.ones_like(l["end"]), np.zeros_like(l["end"])
    for i in order:
        q = q + g[i] * p
        p = p + l["step"][i] * q
    return l["volt"] * q / (p + l["end"] * q)


def gated(items, volt):
    """Inputs on gates: each column the ladder of the cells that are on."""
    l, c = ({name.split("/")[1]: value[0] for name, value in items.items() if name.startswith(folder)}
            for folder in ("ladder/", "curves/"))
    order = range(volt.shape[1]) if l["top_is_far"] else range(volt.shape[1] - 1, -1, -1)
    amp = []
    for x in np.clip(volt / items["dac/read_volt"][0], 0, 1):
        with np.errstate(divide="ignore", invalid="ignore"):
            on = 1 / l["transistor_ohm"]
            off = l["transistor_off"]
            ohm = 1 / np.where(x > 0, off + x * (on - off), off)
            g = 1 / (1 / l["cells"] + ohm[:, None])
        amp.append(curved_ladders(l, c, ohm, order) if c else stars(l, g) if "second" in l else ladders(l, g, order))
    return np.array(amp)


def apply(items, volt):
    if items["model/stage"][0] == "ladder":
        return gated(items, volt)
    stage, i0 = items["model/stage"][0], items["linear/i0"][0] if "linear/i0" in items else 0
    if stage == "corrected":
        return corrected(items, volt)
    return (basis(items, volt) if stage == "basis" else volt @ items["linear/g_ni"][0]) + i0


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
