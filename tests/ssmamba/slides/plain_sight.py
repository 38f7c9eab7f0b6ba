"""Tissue, ink and sharpness written out plainly, in float32 over whole pictures: the reference."""

import numpy as np


def otsu(values):
    counts, edges = np.histogram(values, bins=128, range=(0.0, 1.0))
    centers = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * centers)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = sums / below - (sums[-1] - sums) / above
    return float(edges[1:][int(np.argmax(np.nan_to_num(below * above * gap**2)))])


def ink(rgb):
    values = rgb.astype(np.float32) / 255.0
    red, green, blue = np.moveaxis(values, -1, 0)
    high, low = values.max(-1), values.min(-1)
    is_green = (green - red > 0.08) & (green > blue - 0.06)
    is_blue = (blue - red > 0.3) & (green - red > 0.1)
    # 102 of 255 are .4, above or below by rounding
    is_red = (rgb[..., 0] - rgb[..., 2].astype(int) > 102) & (red - green > 0.5) & (blue < 0.35)
    is_black = (high < 0.22) & (high >= 0.03) & (high - low < 0.1)
    return is_green | is_blue | is_red | is_black


def tissue(rgb, tell_ink=True):
    values = rgb.astype(np.float32) / 255.0
    high, low = values.max(-1), values.min(-1)
    amount = np.maximum(high - low, np.clip(0.85 - high, 0.0, 1.0))
    other = rgb.max(-1) < 0.03 * 255
    if tell_ink:
        other |= ink(rgb)
    return (amount > np.clip(otsu(amount[~other]), 0.035, 0.12)) & ~other


def sharpness(rgb):
    grey = rgb.astype(np.float32).mean(axis=2)
    near = np.diff(grey, axis=0).var() + np.diff(grey, axis=1).var()
    far = (grey[4:] - grey[:-4]).var() + (grey[:, 4:] - grey[:, :-4]).var()
    return float(near / far) if far > 0 else 1.0
