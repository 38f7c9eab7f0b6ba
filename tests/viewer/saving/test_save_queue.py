"""What was changed stays queued until it is on disk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ssmamba.errors import RoiError
from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import SlideInfo
from tests.viewer.fakes import square
from tests.viewer.state.test_planning import INFO
from viewer.saving.save_queue import SaveFailure, SaveQueue, UnsavedState
from viewer.saving.session import Basis, Saved, SessionStore
from viewer.state.settings import SlideSettings

OTHER = replace(INFO, path="/slides/b.svs", name="b.svs", quick_hash="other")


class Disk(SessionStore):
    """A store that has no room for some slides, and lets a test act while it writes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.full_for: set[str] = set()
        self.during_save: Callable[[], object] = lambda: None

    def save(self, info: SlideInfo, *state: object) -> Saved:
        self.during_save()
        if info.name in self.full_for:
            raise RoiError("full") from OSError(28, "No space left on device")
        return super().save(info, *state)  # type: ignore[arg-type]

    def names(self, info: SlideInfo = INFO) -> list[str]:
        return sorted(roi.name for roi in self.load(info).rois)


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


def state(*names: str, info: SlideInfo = INFO, **changes: object) -> UnsavedState:
    """A slide with a region of each name; the name is its id too."""
    rois: tuple[Roi, ...] = tuple(square(0, 0, 5, name, name) for name in names)
    return replace(UnsavedState(info, rois, SlideSettings(), Basis()), **changes)


def test_a_save_that_fails_is_reported_and_tried_again(disk: Disk) -> None:
    queue = SaveQueue(disk)
    queue.add(state("A"))
    disk.full_for = {INFO.name}
    for _ in range(2):
        (failure,) = queue.write()
        assert isinstance(failure, SaveFailure)
        assert failure.state.info == INFO and str(failure.error) == "full"
    disk.full_for = set()
    (outcome,) = queue.write()
    assert not isinstance(outcome, SaveFailure)
    assert disk.names() == ["A"]
    assert queue.write() == []  # nothing is written twice


def test_a_slide_that_cannot_be_saved_does_not_hold_up_another(disk: Disk) -> None:
    queue = SaveQueue(disk)
    queue.add(state("A"))
    queue.add(state("B", info=OTHER))
    disk.full_for = {INFO.name}
    failed, saved = queue.write()
    assert isinstance(failed, SaveFailure) and not isinstance(saved, SaveFailure)
    assert disk.names(OTHER) == ["B"]


def test_the_newest_state_of_a_slide_is_the_one_that_is_saved(disk: Disk) -> None:
    queue = SaveQueue(disk)
    queue.add(state("A", "B"))
    queue.add(state("B", basis=Basis(ids=frozenset("AB"))))
    assert len(queue.write()) == 1
    assert disk.names() == ["B"]


def test_a_state_that_is_queued_while_an_older_one_is_written_is_not_lost(disk: Disk) -> None:
    queue = SaveQueue(disk)
    queue.add(state("A"))

    def change_meanwhile() -> None:
        disk.during_save = lambda: None
        queue.add(state("A", "B"))

    disk.during_save = change_meanwhile
    queue.write()
    assert disk.names() == ["A"]
    queue.write()
    assert disk.names() == ["A", "B"]


def test_what_was_drawn_before_the_slide_had_loaded_joins_what_is_queued(disk: Disk) -> None:
    queue = SaveQueue(disk)
    disk.full_for = {INFO.name}
    queue.add(state("A", "B", settings=SlideSettings(mpp=0.25)))
    queue.write()
    disk.full_for = set()
    queue.add(state("C", whole=False))  # the slide is open again; A and B are not back yet
    queue.write()
    assert disk.names() == ["A", "B", "C"]
    assert disk.load(INFO).settings == SlideSettings(mpp=0.25)


def test_a_slide_that_is_opened_again_has_what_could_not_be_saved(disk: Disk) -> None:
    queue = SaveQueue(disk)
    disk.save(INFO, (square(0, 0, 5, "old", "old"),), SlideSettings())
    disk.full_for = {INFO.name}
    queue.add(state("new", settings=SlideSettings(mpp=0.5)))
    queue.write()
    session = queue.load(INFO)
    assert {roi.name for roi in session.rois} == {"old", "new"}
    assert session.settings == SlideSettings(mpp=0.5)
    assert {"old", "new"} <= session.basis.ids


def test_a_region_that_was_deleted_and_not_saved_does_not_come_back(disk: Disk) -> None:
    queue = SaveQueue(disk)
    disk.save(INFO, (square(0, 0, 5, "A", "A"), square(9, 9, 5, "B", "B")), SlideSettings())
    disk.full_for = {INFO.name}
    queue.add(state("B", basis=Basis(ids=frozenset("AB"))))
    queue.write()
    assert [roi.name for roi in queue.load(INFO).rois] == ["B"]


def test_settings_of_another_window_stay_when_only_regions_changed_here(disk: Disk) -> None:
    ours, theirs = SaveQueue(disk), SaveQueue(disk)
    known = ours.load(INFO).basis
    theirs.add(state(settings=SlideSettings(mpp=0.25)))
    theirs.write()
    ours.add(state("A", basis=known))
    ours.write()
    assert disk.load(INFO).settings == SlideSettings(mpp=0.25)
    assert disk.names() == ["A"]


def test_states_queued_from_many_threads_are_all_saved(disk: Disk) -> None:
    queue = SaveQueue(disk)
    slides = [replace(INFO, name=f"{n}.svs", quick_hash=f"{n}") for n in range(8)]

    def draw(info: SlideInfo) -> None:
        for count in range(1, 6):
            queue.add(state(*"ABCDE"[:count], info=info))
            queue.write()

    threads = [threading.Thread(target=draw, args=(info,)) for info in slides]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [disk.names(info) for info in slides] == [list("ABCDE")] * 8
    assert queue.write() == []
