"""Regions that wait for a slide go into that slide, and into no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest
from PySide6.QtCore import QObject, Signal
from pytestqt.qtbot import QtBot

from ssmamba.rois.geojson import write_rois
from ssmamba.slides.slide import SlideInfo
from tests.viewer.fakes import FakeEngine, square
from tests.viewer.state.test_planning import INFO
from viewer.canvas.camera import Camera
from viewer.controllers import demo as demo_controller
from viewer.demo import Demo
from viewer.workspace import Workspace


class FakeCanvas(QObject):
    """Opens nothing by itself; the test says when a slide is there."""

    slide_opened = Signal(object)
    slide_failed = Signal(str, str)
    read_failed = Signal(str, str)
    view_changed = Signal(object)
    roi_drawn = Signal(object)
    rois_edited = Signal(object)
    roi_clicked = Signal(object)
    roi_toggled = Signal(str)
    rois_picked = Signal(object)
    rois_delete_requested = Signal(object)
    menu_requested = Signal(object, object)
    field_changed = Signal(object)
    field_answered = Signal(bool)
    tool_changed = Signal(str)
    white_picked = Signal(object)
    place_picked = Signal(float, float)
    hint = Signal(str)
    cursor_moved = Signal(float, float)
    settled = Signal()
    line_drawn = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.camera = Camera(self)
        self.scene = Mock()
        self.asked: list[str] = []

    def open_slide(self, path: str) -> None:
        self.asked.append(path)

    def tool(self) -> str:
        return "pan"

    def is_settled(self) -> bool:
        """Never: nothing is seen here."""
        return False

    def ignore(self, *_: object) -> None:
        """What the canvas shows is of no matter here."""

    set_rois = set_selected = set_mpp = set_icc_enabled = ignore
    set_overlays = set_overlay_opacity = update = ignore


class Desk:
    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.qtbot = qtbot
        self.canvas = FakeCanvas()
        self.work = Workspace(self.canvas, FakeEngine, folder)

    def arrive(self, path: str) -> None:
        """A slide is there; wait until all is settled."""
        self.canvas.slide_opened.emit(slide(path))
        self.settle()

    def settle(self) -> None:
        self.qtbot.waitUntil(lambda: not self.work.busy)

    @property
    def regions(self) -> list[str]:
        return [roi.name for roi in self.work.document.rois]


def slide(path: str) -> SlideInfo:
    return replace(INFO, path=path, name=Path(path).name, quick_hash=path)


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(qtbot, tmp_path / "user")
    yield made
    made.work.finish()
    made.work.close()


@pytest.fixture
def regions(tmp_path: Path) -> str:
    path = tmp_path / "regions.geojson"
    write_rois(path, [square(10, 10, 50, "waiting")])
    return str(path)


def test_regions_wait_for_their_slide(desk: Desk, regions: str) -> None:
    desk.work.files.open(["/slides/./a.svs", regions])
    desk.arrive("/slides/a.svs")
    assert desk.regions == ["waiting"]


def test_regions_of_a_slide_that_fails_go_nowhere(desk: Desk, regions: str) -> None:
    desk.work.files.open(["/slides/broken.svs", regions])
    desk.canvas.slide_failed.emit("It is broken.", "")
    desk.work.files.open(["/slides/other.svs"])
    desk.arrive("/slides/other.svs")
    assert desk.regions == []
    desk.work.files.import_regions(regions)
    desk.settle()
    assert desk.regions == ["waiting"]


def test_regions_of_a_slide_that_was_given_up_go_nowhere(desk: Desk, regions: str) -> None:
    desk.work.files.open(["/slides/slow.svs"])
    desk.work.files.import_regions(regions)
    desk.work.files.open(["/slides/other.svs"])
    desk.arrive("/slides/other.svs")
    assert desk.regions == []


@pytest.fixture
def demo_done(monkeypatch: pytest.MonkeyPatch, regions: str) -> Demo:
    """The demo needs no drawing."""
    made = Demo(Path("/cache/demo.tif"), Path(regions))
    monkeypatch.setattr(demo_controller, "ensure_demo", lambda *_: made)
    return made


def test_the_demo_brings_its_regions(desk: Desk, demo_done: Demo) -> None:
    desk.work.files.open_demo()
    desk.qtbot.waitUntil(lambda: desk.canvas.asked == ["/cache/demo.tif"])
    desk.arrive("/cache/demo.tif")
    assert desk.regions == ["waiting"]
    assert all(desk.work.analysis.is_asked(roi.id) for roi in desk.work.document.rois)


def test_the_saved_regions_of_the_demo_are_all_answered_again(desk: Desk, demo_done: Demo) -> None:
    desk.work.files.open_demo()
    desk.qtbot.waitUntil(lambda: desk.canvas.asked == ["/cache/demo.tif"])
    desk.arrive("/cache/demo.tif")
    desk.work.document.add([square(200, 200, 50, "own")], "Draw region")
    desk.canvas.slide_opened.emit(slide("/slides/other.svs"))
    desk.settle()
    desk.work.files.open_demo()
    desk.qtbot.waitUntil(lambda: len(desk.canvas.asked) == 2)
    desk.arrive("/cache/demo.tif")
    assert desk.regions == ["waiting", "own"]
    assert all(desk.work.analysis.is_asked(roi.id) for roi in desk.work.document.rois)


def test_a_slide_opened_while_the_demo_is_drawn_stays_without_its_regions(
    desk: Desk, demo_done: Demo
) -> None:
    desk.work.files.open_demo()
    desk.work.files.import_regions(str(demo_done.regions))
    desk.work.files.open(["/slides/own.svs"])
    desk.arrive("/slides/own.svs")
    assert desk.regions == [] and desk.canvas.asked == ["/slides/own.svs"]
