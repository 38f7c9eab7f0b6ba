"""What was changed stays queued until it is on disk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ssmamba.errors import RoiError
from ssmamba.slides.slide import SlideInfo
from tests.viewer.fakes import square
from tests.viewer.saving.kept_window import on_disk
from tests.viewer.state.test_planning import INFO
from viewer.saving.save_queue import SaveFailure, SaveQueue
from viewer.saving.session import SessionStore

OTHER = replace(INFO, path="/slides/b.svs", name="b.svs", quick_hash="other")


class Disk(SessionStore):
    """A store that has no room for some slides, and lets a test act while it writes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.full_for: set[str] = set()
        self.during_save: Callable[[], object] = lambda: None

    def write(self, info: SlideInfo, news: Any) -> Any:
        self.during_save()
        if info.name in self.full_for:
            raise RoiError("full") from OSError(28, "No space left on device")
        return super().write(info, news)

    def names(self, info: SlideInfo = INFO) -> list[str]:
        return sorted(on_disk(self.folder, info))


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


def regions(*names: str) -> dict[str, Any]:
    """Contents with a region of each name; the name is its id too."""
    return {f"region/{name}": square(0, 0, 5, name, name) for name in names}


def test_a_save_that_fails_is_reported_and_tried_again(disk: Disk) -> None:
    queue = SaveQueue(disk)
    queue.add(INFO, regions("A"))
    disk.full_for = {INFO.name}
    for _ in range(2):
        (failure,) = queue.write()
        assert isinstance(failure, SaveFailure)
        assert failure.info == INFO and str(failure.error) == "full"
    disk.full_for = set()
    (outcome,) = queue.write()
    assert not isinstance(outcome, SaveFailure)
    assert disk.names() == ["A"]
    assert queue.write() == []  # nothing is written twice


def test_a_slide_that_cannot_be_saved_does_not_hold_up_another(disk: Disk) -> None:
    queue = SaveQueue(disk)
    queue.add(INFO, regions("A"))
    queue.add(OTHER, regions("B"))
    disk.full_for = {INFO.name}
    failed, saved = queue.write()
    assert isinstance(failed, SaveFailure) and not isinstance(saved, SaveFailure)
    assert disk.names(OTHER) == ["B"]


def test_the_newest_change_of_a_key_is_the_one_that_is_saved(disk: Disk) -> None:
    queue = SaveQueue(disk)
    queue.add(INFO, regions("A", "B"))
    queue.add(INFO, {"region/A": None})
    assert len(queue.write()) == 1
    assert disk.names() == ["B"]


def test_a_change_that_is_queued_while_an_older_one_is_written_is_not_lost(disk: Disk) -> None:
    queue = SaveQueue(disk)
    queue.add(INFO, regions("A", "C"))

    def change_meanwhile() -> None:
        disk.during_save = lambda: None
        queue.add(INFO, {**regions("B"), "region/C": None})

    disk.during_save = change_meanwhile
    queue.write()
    assert disk.names() == ["A", "C"]
    queue.write()
    assert disk.names() == ["A", "B"]


def test_a_slide_that_is_opened_again_has_what_could_not_be_saved(disk: Disk) -> None:
    queue = SaveQueue(disk)
    disk.write(INFO, regions("old", "deleted"))
    disk.full_for = {INFO.name}
    queue.add(INFO, {**regions("new"), "region/deleted": None, "setting/mpp": 0.5})
    queue.write()
    session = queue.load(INFO)
    assert {roi.name for roi in session.rois} == {"old", "new"}
    assert session.settings.mpp == 0.5


def test_a_deletion_elsewhere_wins_over_a_change_that_could_not_be_saved(disk: Disk) -> None:
    queue = SaveQueue(disk)
    disk.write(INFO, regions("A", "B"))
    queue.load(INFO)
    disk.full_for = {INFO.name}
    queue.add(INFO, {"region/A": square(9, 9, 9, "edited", "A")})
    queue.write()
    SessionStore(disk.folder).write(INFO, {"region/A": None})
    assert [roi.name for roi in queue.load(INFO).rois] == ["B"]
    disk.full_for = set()
    queue.write()
    assert disk.names() == ["B"]


def test_settings_of_another_window_stay_when_only_regions_changed_here(disk: Disk) -> None:
    ours, theirs = SaveQueue(disk), SaveQueue(SessionStore(disk.folder))
    ours.load(INFO)
    theirs.add(INFO, {"setting/mpp": 0.25})
    theirs.write()
    ours.add(INFO, regions("A"))
    (written,) = ours.write()
    assert not isinstance(written, SaveFailure) and written.theirs == {"setting/mpp": 0.25}
    session = SessionStore(disk.folder).load(INFO)
    assert session.settings.mpp == 0.25 and disk.names() == ["A"]


def test_changes_queued_from_many_threads_are_all_saved(disk: Disk) -> None:
    queue = SaveQueue(disk)
    slides = [replace(INFO, name=f"{n}.svs", quick_hash=f"{n}") for n in range(8)]

    def draw(info: SlideInfo) -> None:
        for name in "ABCDE":
            queue.add(info, regions(name))
            queue.write()

    threads = [threading.Thread(target=draw, args=(info,)) for info in slides]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [disk.names(info) for info in slides] == [list("ABCDE")] * 8
    assert queue.write() == []
