"""Windows over what a grid leaves of a region: small parts, thin strips, slivers of its outline.

A part that fits into a window gets one that is centred on it; near ones share a window. A longer
part is covered cell by cell along its length. A sliver beside a window of the grid gets one that is
moved inwards, so that the model sees tissue rather than its edge. Parts on their own are always
read; slivers, the largest first, until READ_ENOUGH of the region is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from ssmamba.reading.inwards import Held, moved_inwards
from ssmamba.reading.values import Check

READ_ENOUGH = 0.99  # the rest are slivers beside windows that show the same tissue
TOUCHING = 1e-5  # of a window's side; cuts of neighbouring cells differ by rounding
CHUNK = 256  # windows between two checks


@dataclass(frozen=True)
class Rest:
    """Windows over the rest of a region, and what they stand for."""

    windows: np.ndarray  # (N, 3) float64 of x, y, side, level-0 pixels
    areas: np.ndarray  # (N,) float64, squared pixels


def windows_over_rest(
    parts: np.ndarray, grid: np.ndarray, held: Held, area: float, check: Check
) -> Rest:
    """Cover the parts of a region that no window of its grid stands for.

    parts: (M,) areas, each within a cell of the grid; grid: (N, 3) cells, level-0 pixels, that
    have windows already; held: of the region; area: of the region, squared pixels.
    """
    side = held.grid.side
    pieces = shapely.get_parts(parts)
    pieces = pieces[shapely.area(pieces) > 0]
    if not len(pieces):
        return Rest(np.empty((0, 3)), np.empty(0))
    beside, bounds, sizes = (
        _beside(pieces, grid, side),
        shapely.bounds(pieces),
        shapely.area(pieces),
    )
    units = _units(pieces, bounds, beside, side, check)
    alone = ~beside[[unit[0] for unit in units]]
    boxes = np.array([_joined(bounds[unit]) for unit in units])
    areas = np.array([sizes[unit].sum() for unit in units])
    groups = _grouped(boxes, areas, alone, side, check)
    boxes = np.array([_joined(boxes[group]) for group in groups])
    moves = np.array([not alone[group].any() for group in groups])
    areas = np.array([areas[group].sum() for group in groups])
    needed = _needed(areas, moves, area)
    boxes, moves, areas = boxes[needed], moves[needed], areas[needed]
    windows = _centred(boxes, side)
    windows[moves] = moved_inwards(boxes[moves], windows[moves], held, check)
    order = np.lexsort((windows[:, 0], windows[:, 1]))
    return Rest(windows[order], areas[order])


def _beside(pieces: np.ndarray, grid: np.ndarray, side: float) -> np.ndarray:
    """Whether each piece touches a window of the grid, (n,) bool."""
    found = np.zeros(len(pieces), bool)
    if len(grid):
        tree = shapely.STRtree(pieces)
        x, y = grid[:, 0], grid[:, 1]
        boxes = shapely.box(x, y, x + side, y + side)
        found[tree.query(boxes, predicate="dwithin", distance=TOUCHING * side)[1]] = True
    return found


def _units(
    pieces: np.ndarray, bounds: np.ndarray, beside: np.ndarray, side: float, check: Check
) -> list[np.ndarray]:
    """Pieces that are read as one: all of a part that fits into a window, else each its own.

    A part that touches a window of the grid is a sliver or a strip that leaves a larger one: its
    pieces stay apart, and so does each's nearness to the grid.
    """
    tree = shapely.STRtree(pieces)
    check()
    first, second = tree.query(pieces, predicate="dwithin", distance=TOUCHING * side)
    units = []
    for part in _connected(len(pieces), first, second):
        fits = _fits(_joined(bounds[part]), side)
        if fits and not beside[part].any():
            units.append(part)
        else:
            units += [part[[at]] for at in range(len(part))]
    return units


def _connected(count: int, first: np.ndarray, second: np.ndarray) -> list[np.ndarray]:
    """Numbers 0..count-1 in groups that the pairs (first, second) connect."""
    root = list(range(count))

    def top(at: int) -> int:
        while root[at] != at:
            root[at] = root[root[at]]
            at = root[at]
        return at

    for a, b in zip(first.tolist(), second.tolist(), strict=True):
        root[top(a)] = top(b)
    tops = np.array([top(at) for at in range(count)])
    order = np.argsort(tops, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(tops[order])) + 1)


def _grouped(
    boxes: np.ndarray, areas: np.ndarray, alone: np.ndarray, side: float, check: Check
) -> list[list[int]]:
    """Units in groups that fit into a window each, the largest units and their nearest first.

    boxes: (n, 4) of left, top, right, bottom. Slivers and parts on their own stay apart.
    """
    tree = shapely.STRtree(shapely.box(*boxes.T))
    free = np.ones(len(boxes), bool)
    groups = []
    for number, seed in enumerate(np.argsort(-areas, kind="stable").tolist()):
        if number % CHUNK == 0:
            check()
        if not free[seed]:
            continue
        free[seed] = False
        reach = shapely.box(*(boxes[seed, 2:] - side), *(boxes[seed, :2] + side))
        near = tree.query(reach)
        near = near[free[near] & (alone[near] == alone[seed])]
        group = [seed, *_fitting(near, boxes, seed, side)]
        free[group] = False
        groups.append(group)
    return groups


def _fitting(near: np.ndarray, boxes: np.ndarray, seed: int, side: float) -> list[int]:
    """Of the numbers of boxes those that share a window with one, the nearest first."""
    gaps = np.maximum(boxes[near, :2] - boxes[seed, 2:], boxes[seed, :2] - boxes[near, 2:])
    apart = boxes[near, :2] + boxes[near, 2:] - boxes[seed, :2] - boxes[seed, 2:]
    order = np.lexsort((near, np.hypot(*apart.T), np.hypot(*gaps.clip(min=0).T)))
    left, top, right, bottom = boxes[seed].tolist()
    most = side * (1 + TOUCHING)
    chosen = []
    for at, box in zip(near[order].tolist(), boxes[near[order]].tolist(), strict=True):
        wide, high = max(right, box[2]) - min(left, box[0]), max(bottom, box[3]) - min(top, box[1])
        if wide <= most and high <= most:
            chosen.append(at)
            left, top = min(left, box[0]), min(top, box[1])
            right, bottom = max(right, box[2]), max(bottom, box[3])
    return chosen


def _needed(areas: np.ndarray, slivers: np.ndarray, area: float) -> np.ndarray:
    """Numbers of the groups that are read: all but the smallest slivers."""
    order = np.lexsort((-areas, slivers))
    unread = areas.sum() - np.cumsum(areas[order]) + areas[order]  # before each is read
    return order[~slivers[order] | (unread > (1 - READ_ENOUGH) * area)]


def _centred(boxes: np.ndarray, side: float) -> np.ndarray:
    corner = (boxes[:, :2] + boxes[:, 2:] - side) / 2
    return np.concatenate([corner, np.full((len(boxes), 1), side)], axis=1)


def _joined(boxes: np.ndarray) -> np.ndarray:
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def _fits(box: np.ndarray, side: float) -> bool:
    return bool((box[2:] - box[:2]).max() <= side * (1 + TOUCHING))
