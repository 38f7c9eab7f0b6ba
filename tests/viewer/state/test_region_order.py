"""Sorting, filtering and searching the regions of a list."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.viewer.fakes import square
from viewer.state.region_order import RegionOrder, Show, Sort, arranged

ROIS = [
    replace(square(0, 0, 30, "Region 10", "a"), class_name="Tumour"),
    replace(square(0, 0, 10, "Region 2", "b"), locked=True),
    replace(square(0, 0, 20, "Border", "c"), class_name="Fat", hidden=True).noted("Necrosis?"),
    replace(square(0, 0, 9, "Ruler 1", "d"), kind="ruler"),
    replace(square(0, 0, 9, "Points 1", "e"), kind="point"),
]


def ids(order: RegionOrder) -> str:
    return "".join(roi.id for roi in arranged(ROIS, order))


@pytest.mark.parametrize(
    ("sort", "expected"),
    [("drawn", "abcde"), ("name", "cebad"), ("class", "caebd"), ("size", "edbca")],
)
def test_regions_are_sorted(sort: Sort, expected: str) -> None:
    assert ids(RegionOrder(sort)) == expected
    assert ids(RegionOrder(sort, descending=True)) == expected[::-1]


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        ("areas", "abc"), ("points", "e"), ("lines", "d"), ("unclassed", "bde"), ("noted", "c"),
        ("locked", "b"), ("hidden", "c"), ("all", "abcde"),
    ],
)  # fmt: skip
def test_regions_are_filtered(show: Show, expected: str) -> None:
    assert ids(RegionOrder(show=show)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("region", "ab"),
        ("FAT", "c"),
        ("necro", "c"),
        ("tumour 10", "a"),
        ("none", ""),
        (" ", "abcde"),
    ],
)
def test_a_search_finds_names_classes_and_notes(text: str, expected: str) -> None:
    assert ids(RegionOrder(search=text)) == expected
