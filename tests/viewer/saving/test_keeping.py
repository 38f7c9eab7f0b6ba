"""Nothing that the user drew is lost, whatever the window, the disk or the slide do meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from ssmamba.errors import RoiError
from tests.viewer.conftest import Bench, Heartbeat
from tests.viewer.fakes import square
from tests.viewer.state.test_planning import INFO
from viewer.controllers.sessions import SAVE_DELAY_MS, SessionController
from viewer.controllers.shared import Shared
from viewer.saving.session import Session, SessionStore
from viewer.services.notices import Message
from viewer.state.settings import SlideSettings

OTHER = replace(INFO, path="/slides/b.svs", name="b.svs", quick_hash="other")


class Disk(SessionStore):
    """A store that fails or waits when it is told to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.full = False
        self.before_load: Callable[[], object] = lambda: None
        self.before_save: Callable[[], object] = lambda: None

    def write(self, info, news):
        self.before_save()
        if self.full:
            raise RoiError("full") from OSError(28, "No space left on device")
        return super().write(info, news)

    def load(self, info) -> Session:
        self.before_load()
        return super().load(info)


class Desk:
    """A document and what keeps it."""

    def __init__(self, qtbot: QtBot, disk: Disk) -> None:
        self.qtbot = qtbot
        self.disk = disk
        self.told: list[Message] = []
        self._shared = Shared()
        self._shared.messages.posted.connect(self.told.append)
        self.document = self._shared.document
        self.sessions = SessionController(self._shared, disk)

    def open(self, info=INFO) -> None:
        self.sessions.begin(info)
        self.settle()

    def come_back_slowly(self) -> threading.Event:
        """Leave the slide and begin with it again; its kept regions come when the event is set."""
        self.open(OTHER)
        gate = threading.Event()
        self.disk.before_load = gate.wait
        self.sessions.begin(INFO)
        return gate

    def settle(self) -> None:
        self.qtbot.waitUntil(lambda: not self.sessions.busy)

    def kept(self, info=INFO) -> set[str]:
        return {roi.name for roi in SessionStore(self.disk.folder).load(info).rois}


@pytest.fixture
def make_desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Callable[[], Desk]]:
    made: list[Desk] = []

    def make() -> Desk:
        made.append(Desk(qtbot, Disk(tmp_path)))
        return made[-1]

    yield make
    for desk in made:
        desk.sessions.close()


@pytest.fixture
def desk(make_desk: Callable[[], Desk]) -> Desk:
    made = make_desk()
    made.open()
    return made


# --- the window closes
def test_a_region_drawn_just_before_the_window_closes_is_kept(
    bench: Bench, tmp_path: Path, heartbeat: Heartbeat
) -> None:
    store, info = SessionStore(tmp_path / "user" / "sessions"), bench.document.slide
    bench.draw((200, 200), (420, 210), (430, 400), (200, 210))
    bench.work.sessions._files.run(lambda: time.sleep(0.3))  # its worker is busy
    bench.window.close()
    heartbeat.reset()  # a window that closes may wait for what is being written
    assert len(store.load(info).rois) == 1


def test_an_export_that_still_waits_is_finished(
    bench: Bench, tmp_path: Path, heartbeat: Heartbeat
) -> None:
    target = tmp_path / "out.geojson"
    bench.document.add([square(10, 10, 50)])
    bench.work.exports._files.run(lambda: time.sleep(0.3))  # its worker is busy
    bench.work.exports.write_regions(str(target), bench.work.exports.facts())
    bench.window.close()
    heartbeat.reset()
    assert target.exists()


def test_the_window_stays_when_it_cannot_keep_the_regions(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        bench.window.dialogs, "leave_anyway", lambda losses: asked.extend(losses) or False
    )
    folder = tmp_path / "user" / "sessions"
    folder.rename(folder.with_name("moved"))
    folder.write_text("in the way")
    bench.draw((200, 200), (420, 210), (430, 400), (200, 210))
    assert not bench.window.close() and bench.window.isVisible()
    assert "Could not save the regions of small.tif" in asked[0] and "Export" in asked[0]
    folder.unlink()
    assert bench.window.close()
    assert len(SessionStore(folder).load(bench.document.slide).rois) == 1


# --- the disk is full
def test_what_could_not_be_written_is_tried_again_at_the_next_change(desk: Desk) -> None:
    desk.disk.full = True
    desk.document.add([square(0, 0, 9, "A")])
    desk.qtbot.waitUntil(lambda: bool(desk.told))
    assert "a.svs" in desk.told[0].text and "No space left" in desk.told[0].text
    desk.document.add([square(0, 0, 9, "B")])
    desk.settle()
    assert len(desk.told) == 1  # not at every change
    desk.disk.full = False
    desk.document.add([square(0, 0, 9, "C")])
    desk.settle()
    assert desk.kept() == {"A", "B", "C"}


def test_what_could_not_be_written_is_tried_again_at_the_end(desk: Desk) -> None:
    desk.disk.full = True
    desk.document.add([square(0, 0, 9, "A")])
    desk.settle()
    assert len(desk.sessions.finish()) == 1
    desk.disk.full = False
    assert not desk.sessions.finish()
    assert desk.kept() == {"A"}


def test_another_slide_does_not_forget_what_could_not_be_written(desk: Desk) -> None:
    desk.disk.full = True
    desk.document.add([square(0, 0, 9, "A")])
    desk.open(OTHER)
    desk.document.add([square(0, 0, 9, "B")])
    desk.open(INFO)
    assert {roi.name for roi in desk.document.rois} == {"A"}  # though the disk is still full
    desk.disk.full = False
    desk.sessions.finish()
    assert desk.kept() == {"A"} and desk.kept(OTHER) == {"B"}


def test_what_could_not_be_written_is_joined_by_what_is_drawn_before_it_is_back(desk: Desk) -> None:
    desk.disk.full = True
    desk.document.add([square(0, 0, 9, "A")])
    desk.document.set_slide_settings(SlideSettings(0.25))
    gate = desk.come_back_slowly()
    desk.document.add([square(0, 0, 9, "B")])
    desk.sessions.begin(OTHER)
    gate.set()
    desk.settle()
    desk.disk.full = False
    assert not desk.sessions.finish()
    assert desk.kept() == {"A", "B"}
    assert desk.disk.load(INFO).settings == SlideSettings(0.25)


# --- the disk is slow
def test_a_calibration_taken_back_while_it_is_written_is_not_kept(desk: Desk) -> None:
    writing, gate = threading.Event(), threading.Event()
    desk.disk.before_save = lambda: writing.set() or gate.wait()
    desk.document.set_slide_settings(SlideSettings(0.25))
    desk.qtbot.waitUntil(writing.is_set)
    desk.document.set_slide_settings(SlideSettings())
    desk.sessions._save()  # as the timer does
    gate.set()
    desk.settle()
    assert desk.disk.load(INFO).settings == SlideSettings()


# --- the kept regions are slow to come
def test_what_is_drawn_and_set_before_the_kept_regions_are_there_stays(desk: Desk) -> None:
    desk.document.add([square(0, 0, 9, "old")])
    desk.document.set_slide_settings(SlideSettings(1.0))
    gate = desk.come_back_slowly()
    desk.document.add([square(0, 0, 9, "new")])
    desk.document.set_slide_settings(SlideSettings(0.25))
    gate.set()
    desk.settle()
    assert desk.document.slide_settings == SlideSettings(0.25)
    assert {roi.name for roi in desk.document.rois} == desk.kept() == {"old", "new"}
    assert desk.disk.load(INFO).settings == SlideSettings(0.25)


@pytest.mark.parametrize("leave", ["close", "open"])
def test_what_is_drawn_before_the_kept_regions_are_there_joins_them(desk: Desk, leave: str) -> None:
    desk.document.add([square(0, 0, 9, "old")])
    desk.document.set_slide_settings(SlideSettings(1.0))
    gate = desk.come_back_slowly()
    desk.document.add([square(0, 0, 9, "new")])
    if leave == "open":
        desk.sessions.begin(OTHER)
    else:
        opened = threading.Timer(0.05, gate.set)  # whoever reads or writes first has the other wait
        opened.start()
        assert not desk.sessions.finish()
        opened.join()
    gate.set()
    desk.settle()
    assert desk.kept() == {"old", "new"}
    assert desk.disk.load(INFO).settings == SlideSettings(1.0)


def test_kept_regions_that_cannot_be_read_do_not_stop_the_keeping(desk: Desk) -> None:
    def fail() -> None:
        raise MemoryError

    desk.disk.before_load = fail
    desk.open(OTHER)
    assert "Could not restore" in desk.told[0].text
    desk.disk.before_load = lambda: None
    desk.document.add([square(0, 0, 9, "new")])
    desk.settle()
    assert desk.kept(OTHER) == {"new"}


# --- two windows
def test_the_regions_of_another_window_come_in_and_may_be_deleted(
    desk: Desk, make_desk: Callable[[], Desk]
) -> None:
    other = make_desk()
    other.open()
    other.document.add([square(0, 0, 9, "theirs")])
    other.settle()
    desk.document.add([square(0, 0, 9, "ours")])
    desk.settle()
    assert {roi.name for roi in desk.document.rois} == desk.kept() == {"ours", "theirs"}
    desk.document.remove([roi.id for roi in desk.document.rois if roi.name == "theirs"])
    desk.settle()
    assert desk.kept() == {"ours"}
    other.sessions._look()
    other.qtbot.waitUntil(lambda: {roi.name for roi in other.document.rois} == {"ours"})


def test_the_second_window_is_told_in_one_sentence(
    desk: Desk, make_desk: Callable[[], Desk]
) -> None:
    other = make_desk()
    other.open()
    assert not desk.told
    (message,) = other.told
    assert "also open in another window" in message.text


# --- the rhythm of changes
def test_someone_who_never_pauses_is_saved_all_the_same(desk: Desk) -> None:
    desk.sessions._save_soon.setInterval(0)
    desk.document.add([square(0, 0, 9, "first", "first")])
    due = desk.sessions._save_soon.remainingTime()
    desk.document.add([square(0, 0, 9, "second", "second")])
    assert desk.sessions._save_soon.remainingTime() <= due  # not put off
    desk.qtbot.waitUntil(lambda: "first" in desk.kept())


def test_a_save_is_due_well_within_two_seconds_of_the_first_change() -> None:
    assert SAVE_DELAY_MS <= 1000


def test_steps_can_be_undone_and_redone_after_a_restart(make_desk: Callable[[], Desk]) -> None:
    first = make_desk()
    first.open()
    for name in ("A", "B", "C"):
        first.document.add([square(0, 0, 5, name, name)], f"Draw {name}")
    first.document.undo()
    assert first.sessions.finish() == []
    first.sessions.close()
    second = make_desk()
    second.open()
    steps = second.document.undo_stack
    assert (steps.undo_text, steps.redo_text) == ("Draw B", "Draw C")
    second.document.undo()
    second.document.undo()
    assert not second.document.rois and not steps.undo_text
    for _ in range(3):
        second.document.redo()
    assert [roi.name for roi in second.document.rois] == ["A", "B", "C"]
    second.settle()
    assert second.kept() == {"A", "B", "C"}
