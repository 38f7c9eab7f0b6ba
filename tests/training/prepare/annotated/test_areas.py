"""Windows get the class that a mask of single pixels gives them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from ssmamba.rois.roi import Ring, Roi
from training.prepare.annotated.areas import (
    NONE,
    areas_of,
    inside_shares,
    label_windows,
    largest_region,
    overlaps,
)

SIZE = 120
CLASSES = ("fat", "stroma", "tumour")


def box(left: float, top: float, right: float, bottom: float) -> Ring:
    return (left, top), (right, top), (right, bottom), (left, bottom)


def rectangles(rng: np.random.Generator, count: int) -> list[tuple[str, Roi, np.ndarray]]:
    """(class, region with a hole, its mask (SIZE, SIZE)) at whole pixels."""
    made = []
    for number in range(count):
        (x0, x1), (y0, y1) = (np.sort(rng.choice(SIZE + 1, 2, replace=False)) for _ in range(2))
        mask = np.zeros((SIZE, SIZE), bool)
        mask[y0:y1, x0:x1] = True
        rings = [box(x0, y0, x1, y1)]
        wide, tall = x1 - x0, y1 - y0
        if wide > 4 and tall > 4:
            left = x0 + int(rng.integers(1, wide // 2))
            top = y0 + int(rng.integers(1, tall // 2))
            mask[top : top + tall // 3, left : left + wide // 3] = False
            rings.append(box(left, top, left + wide // 3, top + tall // 3))
        name = CLASSES[int(rng.integers(len(CLASSES)))]
        made.append((name, Roi((tuple(rings),), id=str(number)), mask))
    return made


def windows_of(side: int, step: int) -> np.ndarray:
    places = range(0, SIZE - side + 1, step)
    return np.array([(x, y, side) for y in places for x in places], np.float64)


def share_in(mask: np.ndarray, window: Sequence[float]) -> float:
    x, y, side = (int(v) for v in window)
    return float(mask[y : y + side, x : x + side].mean())


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("inside", [0.3, 0.75, 1.0])
def test_classes_are_those_of_a_mask(seed: int, inside: float) -> None:
    rng = np.random.default_rng(seed)
    made = rectangles(rng, 7)
    used, others, cut = made[:4], made[4:5], made[5:]
    windows = windows_of(int(rng.integers(5, 30)), int(rng.integers(3, 20)))
    areas = areas_of(
        [(name, roi) for name, roi, _ in used], [o[1] for o in others], [c[1] for c in cut], False
    )
    labels = label_windows(areas, windows, inside)
    out = np.any([mask for _, _, mask in cut], axis=0)
    masks = [np.any([m for n, _, m in used if n == name], axis=0) & ~out for name in areas.classes]
    anything = np.any([mask for _, _, mask in made], axis=0)
    for index, window in enumerate(windows):
        shares = [share_in(mask, window) for mask in masks]
        enough = [k for k, share in enumerate(shares) if share >= inside - 1e-9]
        assert labels.classes[index] == (enough[0] if len(enough) == 1 else NONE)
        assert np.flatnonzero(labels.several[index]).tolist() == (enough if len(enough) > 1 else [])
        assert labels.free[index] == (share_in(anything, window) == 0)
    counts = overlaps(labels, areas.classes)
    assert sum(counts.values()) == labels.several.any(axis=1).sum()


@pytest.mark.parametrize("seed", range(4))
def test_the_smaller_annotation_owns_what_it_shares(seed: int) -> None:
    rng = np.random.default_rng(seed)
    made = sorted(rectangles(rng, 6), key=lambda item: item[2].sum())
    owner = np.full((SIZE, SIZE), "", object)
    for name, _, mask in made[::-1]:
        owner[mask] = name  # the smallest last
    areas = areas_of([(name, roi) for name, roi, _ in made], [], [], inner=True)
    windows = windows_of(11, 9)
    for name, shape in zip(areas.classes, areas.shapes, strict=True):
        found = inside_shares(shape, windows)
        assert found == pytest.approx([share_in(owner == name, w) for w in windows])
    assert not label_windows(areas, windows, 0.6).several.any()


def test_an_outline_of_many_corners_is_cut_in_pieces() -> None:
    angles = np.linspace(0, 2 * np.pi, 5000, endpoint=False)
    radius = 50 + 3 * np.sin(40 * angles)
    ring = np.column_stack([60 + radius * np.cos(angles), 60 + radius * np.sin(angles)])
    areas = areas_of([("a", Roi(((tuple(map(tuple, ring.tolist())),),)))], [], [], False)
    fine = 16
    mask = np.zeros((SIZE * fine, SIZE * fine), np.uint8)
    cv2.fillPoly(mask, [np.round(ring * fine - 0.5).astype(np.int32)], 1)
    windows = windows_of(13, 7)
    expected = [share_in(mask, np.array(window) * fine) for window in windows]
    assert inside_shares(areas.shapes[0], windows) == pytest.approx(expected, abs=0.01)


def test_windows_that_only_touch_an_annotation_are_free() -> None:
    areas = areas_of([("a", Roi(((box(20, 20, 40, 40),),)))], [], [], False)
    windows = np.array([(0, 20, 20), (40, 40, 20), (39, 39, 20), (25, 25, 5)], np.float64)
    assert label_windows(areas, windows, 0.5).free.tolist() == [True, True, False, False]


def test_a_slide_without_annotations_is_free_everywhere() -> None:
    labels = label_windows(areas_of([], [], [], False), windows_of(20, 20), 0.5)
    assert labels.free.all() and (labels.classes == NONE).all()


def test_a_window_belongs_to_the_annotation_with_most_of_it() -> None:
    rois = [Roi(((box(0, 0, 10, 20),),)), Roi(((box(10, 0, 40, 20),),))]
    windows = np.array([(0, 0, 12), (6, 0, 12), (100, 100, 12), (4, 0, 12)], np.float64)
    assert largest_region(rois, windows).tolist() == [0, 1, NONE, 0]
