"""The table of ROIs is what it would be if made anew; very many never hold up the window."""

from __future__ import annotations

import random
from dataclasses import fields, replace

import numpy as np
import pytest

from ssmamba.rois.roi import Roi
from tests.viewer.canvas.conftest import Driver
from tests.viewer.fakes import square
from viewer.canvas.layers import roi_table
from viewer.canvas.layers.roi_table import RoiTable, slices
from viewer.canvas.layers.rois import RoiLayer

NOWHERE = Roi((), id="nowhere")


def made(old: RoiTable, rois: list[Roi]) -> RoiTable:
    known = dict(zip(old.ids, old.shapes, strict=True))
    *turns, table = slices(old, rois, known.get)
    assert not any(turns) and table is not None
    return table


def some(count: int, first: int = 0) -> list[Roi]:
    return [
        replace(square(n, n, 5, roi_id=str(n)), hidden=n % 3 == 0, color=(n % 256, 2, 3))
        for n in range(first, first + count)
    ]


@pytest.mark.parametrize("seed", range(20))
def test_after_any_changes_the_table_is_what_it_would_be_if_made_anew(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roi_table, "SLICE", 4)
    chance = random.Random(seed)
    rois, old = [*some(5), NOWHERE, *some(9, 5)], RoiTable()
    for step in range(6):
        old = made(old, rois)
        fresh = made(RoiTable(), rois)
        assert [s.roi for s in old.shapes] == [r for r in rois if r is not NOWHERE]
        for field in fields(RoiTable)[1:]:
            assert np.array_equal(getattr(old, field.name), getattr(fresh, field.name)), field.name
        at = chance.randrange(len(rois) - 1)
        del rois[at : at + chance.randrange(3)]
        new = some(chance.randrange(10), 100 * (step + 1))
        rois[at : at + chance.randrange(2)] = new


def test_a_shape_stays_until_its_roi_changes() -> None:
    rois = some(9)
    first = made(RoiTable(), rois)
    rois[4] = replace(rois[4], name="other")
    second = made(first, rois)
    same = [a is b for a, b in zip(first.shapes, second.shapes, strict=True)]
    assert same == [True] * 4 + [False] + [True] * 4


def test_very_many_rois_come_in_several_turns_and_those_before_stay_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(roi_table, "SLICE", 10)
    layer = RoiLayer()
    layer.set_rois(some(8))
    assert layer.is_complete
    layer.set_rois(some(45))
    turns = 0
    while not layer.is_complete:
        assert layer.get("7") is not None and layer.get("8") is None
        layer.go_on()
        turns += 1
    assert turns == 5 and layer.get("44") is not None
    layer.set_rois(some(45)[:3])
    assert layer.is_complete and layer.get("44") is None


def test_the_canvas_is_settled_once_all_are_there(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roi_table, "SLICE", 10)
    canvas = driver.canvas
    canvas.set_rois(some(45))
    assert not canvas.is_settled()
    driver.qtbot.waitUntil(canvas.is_settled)
    assert canvas.scene.rois.get("44") is not None
