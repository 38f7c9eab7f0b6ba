"""Two windows on one slide: nothing is lost, and nothing comes back from the dead."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S
from tests.viewer.saving.kept_window import KeptWindow, on_disk
from tests.viewer.state.test_planning import INFO
from viewer.saving import journal as journal_module
from viewer.saving.session import SessionStore
from viewer.state.settings import SlideSettings

ROOT = Path(__file__).resolve().parents[3]
STEPS = ("draw", "draw", "edit", "delete", "queue", "save", "save", "look", "reopen")


class History:
    """Two windows that do things at random; what must be there in the end."""

    def __init__(self, folder: Path, seed: int, undo: bool = False) -> None:
        self.folder = folder
        self.windows = [KeptWindow(folder) for _ in range(2)]
        self._random = random.Random(seed)
        self._steps = (*STEPS, "undo") if undo else STEPS
        self.drawn: set[str] = set()
        self.deleted: set[str] = set()

    def run(self, steps: int) -> None:
        for number in range(steps):
            window = self._random.choice(self.windows)
            shown = sorted(window.shown)
            one = self._random.choice(shown) if shown else ""
            step = self._random.choice(self._steps)
            if step == "draw":
                window.draw(f"r{number}")
                self.drawn.add(f"r{number}")
            elif step == "edit" and one:
                roi = window.document.roi(one)
                window.document.change(replace(roi, name=f"{one}, edited {number}"))
            elif step == "delete" and one:
                window.document.remove([one])
                self.deleted.add(one)
            elif step == "undo":
                window.document.undo()
            elif step == "reopen":
                window.save()
                window.open()
            elif step in ("queue", "save", "look"):
                getattr(window, step)()

    def settle(self) -> None:
        """Both have saved, and have heard of each other."""
        for _ in range(2):
            for window in self.windows:
                window.save()
                window.look()


def check(folder: Path, seed: int) -> None:
    history = History(folder, seed)
    history.run(40)
    history.settle()
    kept = on_disk(folder)
    assert kept.keys() == history.drawn - history.deleted, seed
    assert all(window.shown == kept for window in history.windows), seed
    for window in history.windows:
        window.close()
    assert on_disk(folder) == kept, seed


@pytest.mark.parametrize("fold_bytes", [600, journal_module.FOLD_BYTES])
def test_random_histories_of_two_windows_end_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fold_bytes: int
) -> None:
    monkeypatch.setattr(journal_module, "FOLD_BYTES", fold_bytes)
    for seed in range(12):
        check(tmp_path / str(seed), seed)


@pytest.mark.slow
@pytest.mark.parametrize("fold_bytes", [600, journal_module.FOLD_BYTES])
def test_300_random_histories_of_two_windows_end_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fold_bytes: int
) -> None:
    monkeypatch.setattr(journal_module, "FOLD_BYTES", fold_bytes)
    for seed in range(300):
        check(tmp_path / str(seed), seed)


@pytest.mark.parametrize("seed", range(12))
def test_with_undo_both_windows_end_with_what_is_on_disk(tmp_path: Path, seed: int) -> None:
    history = History(tmp_path, seed, undo=True)
    history.run(60)
    history.settle()
    assert history.windows[0].shown == history.windows[1].shown == on_disk(tmp_path)


# --- one by one
@pytest.fixture
def pair(tmp_path: Path) -> tuple[KeptWindow, KeptWindow]:
    """Two windows that show a region "a"."""
    ours = KeptWindow(tmp_path)
    ours.draw("a")
    ours.save()
    return ours, KeptWindow(tmp_path)


def test_a_region_deleted_in_one_window_leaves_the_other(pair) -> None:
    ours, theirs = pair
    theirs.document.select("a")
    ours.document.remove(["a"])
    ours.save()
    theirs.look()
    assert theirs.shown == {} and theirs.document.selected is None


def test_a_region_edited_here_and_deleted_there_stays_deleted(pair, tmp_path: Path) -> None:
    ours, theirs = pair
    theirs.document.remove(["a"])
    theirs.save()
    ours.document.change(replace(ours.document.roi("a"), name="edited"))
    ours.save()
    assert ours.shown == on_disk(tmp_path) == {}


def test_a_region_edited_between_the_save_and_its_news_stays_deleted(pair, tmp_path: Path) -> None:
    ours, theirs = pair
    theirs.document.remove(["a"])
    theirs.save()
    written = ours.waiting.look(ours.document.slide)  # the worker knows, the window does not yet
    ours.document.change(replace(ours.document.roi("a"), name="edited"))
    ours.queue()
    ours.waiting.write()
    ours.receive(written)
    ours.save()
    assert ours.shown == on_disk(tmp_path) == {}


def test_undoing_ones_own_deletion_brings_the_region_back_everywhere(pair, tmp_path: Path) -> None:
    ours, theirs = pair
    ours.document.remove(["a"])
    ours.save()
    theirs.look()
    ours.document.undo()
    ours.save()
    theirs.look()
    assert ours.shown == theirs.shown == on_disk(tmp_path) == {"a": "a"}


def test_a_change_is_shown_in_the_other_window_unless_it_changed_the_same(pair) -> None:
    ours, theirs = pair
    ours.document.change(replace(ours.document.roi("a"), name="ours"))
    ours.document.set_slide_settings(SlideSettings(mpp=0.25))
    ours.save()
    theirs.look()
    assert theirs.shown == {"a": "ours"} and theirs.document.mpp == 0.25
    ours.document.change(replace(ours.document.roi("a"), name="ours again"))
    ours.save()
    theirs.document.change(replace(theirs.document.roi("a"), name="theirs"))
    theirs.save()
    ours.look()
    assert ours.shown == theirs.shown == {"a": "theirs"}


def test_a_calibration_taken_back_is_taken_back_in_both(pair) -> None:
    ours, theirs = pair
    ours.document.set_slide_settings(SlideSettings(mpp=0.25, icc=False))
    ours.save()
    theirs.look()
    theirs.document.set_slide_settings(SlideSettings(icc=False))
    theirs.save()
    ours.look()
    assert ours.document.slide_settings == SlideSettings(icc=False)


# --- endings at the same time
def end_together(folder: Path, seed: int) -> None:
    first = KeptWindow(folder)
    for name in ("keep", "delete", "edit"):
        first.draw(name)
    first.save()
    second = KeptWindow(folder)
    first.document.remove(["delete"])
    second.document.change(replace(second.document.roi("edit"), name="edited"))
    for number in range(3):
        first.draw(f"first {number}")
        second.draw(f"second {number}")
    ends = [threading.Thread(target=window.close) for window in (first, second)]
    random.Random(seed).shuffle(ends)
    for end in ends:
        end.start()
    for end in ends:
        end.join()
    drawn = {f"{who} {number}" for who in ("first", "second") for number in range(3)}
    kept = on_disk(folder)
    assert kept.keys() == {"keep", "edit", *drawn} and kept["edit"] == "edited", seed


def test_two_windows_that_close_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    for seed in range(10):
        end_together(tmp_path / str(seed), seed)


def test_what_both_windows_saw_is_kept(tmp_path: Path) -> None:
    one, other = KeptWindow(tmp_path), KeptWindow(tmp_path)
    for window, left in ((one, 0.0), (other, 100.0)):
        assert window.document.seen is not None
        quad = [(left, 0.0), (left + 50, 0.0), (left + 50, 50.0), (left, 50.0)]
        window.document.note_seen(window.document.seen.with_view([quad], 1.0))
    for _ in range(2):
        for window in (one, other):
            window.save()
            window.look()
    for window in (one, other):
        seen = window.document.seen
        assert seen is not None
        assert [seen.at(x, 20) for x in (20, 120, 220)] == [1.0, 1.0, None]
        window.close()
    kept = SessionStore(tmp_path).load(INFO).seen
    assert kept is not None and (kept.steps == seen.steps).all()


@pytest.mark.slow
def test_200_endings_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    for seed in range(200):
        end_together(tmp_path / str(seed), seed)


PROCESS = """
import sys
from pathlib import Path
from tests.viewer.saving.kept_window import KeptWindow
window = KeptWindow(Path(sys.argv[1]))
for number in range(40):
    window.draw(f"{sys.argv[2]} {number}")
    window.save()
    if number % 4 == 3:
        window.document.remove([f"{sys.argv[2]} {number}"])
window.close()
"""


def test_several_processes_on_one_slide_lose_nothing(tmp_path: Path) -> None:
    names = ("a", "b", "c")
    started = [
        subprocess.Popen([sys.executable, "-c", PROCESS, str(tmp_path), name], cwd=ROOT)
        for name in names
    ]
    assert [process.wait(PATIENCE_S) for process in started] == [0, 0, 0]
    expected = {f"{name} {number}" for name in names for number in range(40) if number % 4 != 3}
    assert on_disk(tmp_path).keys() == expected
