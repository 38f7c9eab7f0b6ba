"""Views of a slide for DINO, of its regions of tissue alone (thesis §3.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

GLOBAL, LOCAL = (0.4, 1.0), (0.05, 0.4)  # shares of the tissue, and of its bounding box
TRIALS = 1000
SOLARISED_ABOVE = 128  # grey levels


@dataclass(frozen=True)
class Colour:
    """How often a kind of view is changed; DINO's values. Strengths are the same for all."""

    blur: float
    solarise: float
    jitter: float = 0.8
    grey: float = 0.2


FIRST, SECOND, SMALL = Colour(1.0, 0.0), Colour(0.1, 0.2), Colour(0.5, 0.0)
BRIGHTNESS, CONTRAST, SATURATION, HUE = 0.4, 0.4, 0.2, 0.1  # half-widths of the jitter
BLUR_SIGMA = (0.1, 2.0)  # px


def crop(cells: np.ndarray, share: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """Rows of ``cells`` (N, 2) that lie in a random window, (n,) int64 in order.

    The window's area is a ``share`` of the bounding box of all cells, and it holds that share of
    them. After TRIALS windows in vain, a share that ends below 1 may have any larger window; after
    as many more, all cells are taken.
    """
    count, wanted = len(cells), _counts(len(cells), share)
    if wanted[0] > wanted[1]:  # no number of so few regions is such a share
        return np.arange(count)
    corner = cells.min(0)
    box = cells.max(0) - corner + 1
    table = _summed(cells - corner, box)
    for areas in (share, (share[0], 1.0)):
        windows = _windows(box, areas, rng)
        top, left, bottom, right = windows.T
        inside = table[bottom, right] - table[top, right] - table[bottom, left] + table[top, left]
        fits = np.flatnonzero((inside >= wanted[0]) & (inside <= wanted[1]))
        if len(fits):
            top, left, bottom, right = windows[fits[0]]
            row, column = (cells - corner).T
            return np.flatnonzero((row >= top) & (row < bottom) & (column >= left)
                                  & (column < right))  # fmt: skip
    return np.arange(count)


def _counts(count: int, share: tuple[float, float]) -> tuple[int, int]:
    """The fewest and the most regions that are such a share of ``count``."""
    return max(math.ceil(share[0] * count - 1e-9), 1), math.floor(share[1] * count + 1e-9)


def _windows(box: np.ndarray, areas: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """(TRIALS, 4) top, left, bottom, right: windows of random area, shape and place in a box.

    Shapes are drawn evenly on a logarithmic scale among those that fit into the box.
    """
    height, width = (int(side) for side in box)
    area = rng.uniform(*areas, TRIALS) * height * width
    narrowest, widest = np.maximum(area / height, 1.0), np.minimum(area, width)
    across = narrowest * (np.maximum(widest, narrowest) / narrowest) ** rng.random(TRIALS)
    columns = np.clip(np.rint(across), 1, width).astype(int)
    rows = np.clip(np.rint(area / across), 1, height).astype(int)
    top = (rng.random(TRIALS) * (height - rows + 1)).astype(int)
    left = (rng.random(TRIALS) * (width - columns + 1)).astype(int)
    return np.stack([top, left, top + rows, left + columns], 1)


def _summed(cells: np.ndarray, box: np.ndarray) -> np.ndarray:
    """(h + 1, w + 1): how many cells lie above and to the left of each corner."""
    table = np.zeros((box[0] + 1, box[1] + 1), int)
    np.add.at(table, (cells[:, 0] + 1, cells[:, 1] + 1), 1)
    return table.cumsum(0).cumsum(1)


def grown(cells: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of ``most`` cells (N, 2) that grew around a random one, (most,) int64 in order.

    Neighbours side by side or corner to corner join in turn; where a piece of tissue ends, the
    nearest cell outside goes on. All rows where there are no more than ``most``.
    """
    if len(cells) <= most:
        return np.arange(len(cells))
    at = {(int(row), int(column)): number for number, (row, column) in enumerate(cells)}
    first = int(rng.integers(len(cells)))
    taken, queue, outside = {first}, [first], set(range(len(cells))) - {first}
    while len(taken) < most:
        if not queue:
            rest = np.array(sorted(outside))
            centre = cells[sorted(taken)].mean(0)
            queue = [int(rest[np.square(cells[rest] - centre).sum(1).argmin()])]
            taken.add(queue[0])
            outside.discard(queue[0])
            continue
        row, column = cells[queue.pop(0)]
        near = [(int(row) + r, int(column) + c) for r in (-1, 0, 1) for c in (-1, 0, 1)]
        for number in (at[place] for place in near if place in at):
            if number in outside and len(taken) < most:
                outside.discard(number)
                taken.add(number)
                queue.append(number)
    return np.array(sorted(taken))


def coloured(images: np.ndarray, colour: Colour, rng: np.random.Generator) -> np.ndarray:
    """The regions (n, w, w, 3) uint8 of a view with one set of random colours for all."""
    picture = torch.from_numpy(images).permute(0, 3, 1, 2)  # (n, 3, w, w)
    chances = dict(zip(("jitter", "grey", "blur", "solarise"), rng.random(4), strict=True))
    if chances["jitter"] < colour.jitter:
        picture = _jittered(picture, rng)
    if chances["grey"] < colour.grey:
        picture = F.rgb_to_grayscale(picture, 3)
    if chances["blur"] < colour.blur:
        sigma = float(rng.uniform(*BLUR_SIGMA))
        side = min(2 * math.ceil(3 * sigma) + 1, 2 * picture.shape[-1] - 1)  # reflected at the rim
        picture = F.gaussian_blur(picture, [side, side], [sigma, sigma])
    if chances["solarise"] < colour.solarise:
        picture = F.solarize(picture, SOLARISED_ABOVE)
    return np.ascontiguousarray(picture.permute(0, 2, 3, 1).numpy())


def _jittered(picture: Tensor, rng: np.random.Generator) -> Tensor:
    """Brightness, contrast, saturation and hue in a random order, over the view as one picture:
    contrast is about the mean of all its regions."""
    count, channels, height, width = picture.shape
    tall = picture.transpose(0, 1).reshape(1, channels, count * height, width)
    changes = (
        (F.adjust_brightness, 1 + rng.uniform(-BRIGHTNESS, BRIGHTNESS)),
        (F.adjust_contrast, 1 + rng.uniform(-CONTRAST, CONTRAST)),
        (F.adjust_saturation, 1 + rng.uniform(-SATURATION, SATURATION)),
        (F.adjust_hue, rng.uniform(-HUE, HUE)),
    )
    for number in rng.permutation(len(changes)):
        change, strength = changes[number]
        tall = change(tall, float(strength))
    return tall.reshape(channels, count, height, width).transpose(0, 1)
