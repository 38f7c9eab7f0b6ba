"""Two views of two slides, linked."""

from __future__ import annotations

import cmath
import math
import random
from dataclasses import replace

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from tests.viewer.state.test_planning import INFO
from viewer.canvas import SlideCanvas, ViewState
from viewer.controllers.two_views import TwoViews
from viewer.state.slide_link import Similarity

HERE = replace(INFO, width=100_000, height=80_000)
THERE = replace(INFO, path="/other.svs", width=300_000, height=300_000)
LINK = Similarity(cmath.rect(1.37, 0.4), complex(90_000, 20_000))
STEPS = 10_000


@pytest.fixture
def canvases(qtbot: QtBot) -> tuple[SlideCanvas, SlideCanvas]:
    made = SlideCanvas(), SlideCanvas()
    for canvas, info in zip(made, (HERE, THERE), strict=True):
        qtbot.addWidget(canvas)
        canvas.camera.set_screen(800, 600)
        canvas.camera.set_slide(info)
    return made


def test_ten_thousand_steps_do_not_make_the_views_drift(
    canvases: tuple[SlideCanvas, SlideCanvas], qapp: object
) -> None:
    """Panned and zoomed on either side by turns, both show one place; and again, the same."""
    here, there = canvases
    views, random_steps = TwoViews(here, there, QObject()), random.Random(4)
    here.set_view_state(ViewState(50_000.0, 40_000.0, 8.0))
    views.link(LINK)
    start, farthest = there.view_state(), 0.0
    for _ in range(STEPS):
        leader = random_steps.choice(canvases)
        leader.camera.pan_by(random_steps.uniform(-30, 30), random_steps.uniform(-30, 30))
        if random_steps.random() < 0.1:
            leader.camera.turn_by(random_steps.uniform(-90, 90))
            leader.camera.zoom_at(random_steps.uniform(-0.2, 0.2), None, smooth=False)
        state = here.view_state()
        if not (20_000 < state.center_x < 80_000 and 20_000 < state.center_y < 60_000):
            here.set_view_state(ViewState(50_000.0, 40_000.0, 8.0))
        a, b = here.view_state(), there.view_state()
        place = LINK.at(a.center_x, a.center_y)
        farthest = max(farthest, math.dist(place, (b.center_x, b.center_y)))
        turned = (a.rotation - math.degrees(0.4) - b.rotation + 180) % 360 - 180
        assert abs(turned) <= 0.0051  # what a view is turned by has two decimals
        assert b.downsample == pytest.approx(a.downsample * 1.37, rel=1e-12)
    assert farthest < 1e-6
    here.set_view_state(ViewState(50_000.0, 40_000.0, 8.0))
    again = there.view_state()
    assert math.dist((again.center_x, again.center_y), (start.center_x, start.center_y)) < 1e-6


def test_what_lies_beside_the_middle_lies_at_the_same_place_of_both_screens(
    canvases: tuple[SlideCanvas, SlideCanvas],
) -> None:
    here, there = canvases
    views = TwoViews(here, there, QObject())
    views.link(LINK)
    here.set_view_state(ViewState(50_000.0, 40_000.0, 2.0, 30.0))
    place = here.camera.view.to_slide(700, 100)
    seen = there.camera.view.to_screen(*LINK.at(*place))
    assert (seen.x(), seen.y()) == pytest.approx((700, 100), abs=1.0)


def test_beyond_the_other_slide_it_waits_at_the_edge_and_comes_back_right(
    canvases: tuple[SlideCanvas, SlideCanvas],
) -> None:
    here, there = canvases
    views = TwoViews(here, there, QObject())
    views.link(Similarity(1 + 0j, complex(-30_000, 0)))
    here.set_view_state(ViewState(10_000.0, 1000.0, 4.0))
    assert there.view_state() == ViewState(0.0, 1000.0, 4.0)
    here.set_view_state(ViewState(40_000.0, 1000.0, 4.0))
    assert there.view_state() == ViewState(10_000.0, 1000.0, 4.0)


def test_free_views_move_by_themselves(canvases: tuple[SlideCanvas, SlideCanvas]) -> None:
    here, there = canvases
    views = TwoViews(here, there, QObject())
    views.link(LINK)
    views.link(None)
    before = there.view_state()
    here.camera.pan_by(50, 50)
    assert there.view_state() == before
