"""What counts as tissue is shown and corrected by regions where a whole slide is read."""

from __future__ import annotations

from pathlib import Path
from threading import Event, current_thread, main_thread

import numpy as np
import pytest

from ssmamba.engine.messages import JobFailed
from tests.patience import PATIENCE_S
from tests.slides import write_pyramid
from tests.viewer.conftest import Bench
from tests.viewer.fakes import square
from tests.viewer.window.scan_reader import Reader
from viewer.state.slide_scan import ScanHead, ScanMap

WAS_READ = 63


@pytest.fixture
def reader(bench: Bench) -> Reader:
    made = Reader(bench)
    made.set_scale()
    made.work.analysis.set_auto_classify(False)
    made.start().read()
    made.wait("done")
    return made


def correct(reader: Reader, action: str, x: float, y: float, side: float):
    """Select a new square and have it corrected; returns the engine's part."""
    document, before = reader.work.document, len(reader.asked())
    roi = square(x, y, side)
    document.add([roi])
    document.select(roi.id)
    reader.press(action)
    scan = reader.next(before, begin=False)
    scan.begin()
    return scan


def windows(reader: Reader) -> int:
    return sum(area.windows for area in reader.scans.map.areas())


def test_a_region_is_left_out_and_comes_back_without_being_read_again(reader: Reader) -> None:
    reader.scans.set_look(opacity=1.0)
    scan = correct(reader, "leave_out", 200, 200, 300)
    assert len(scan.request.removed) == 1 and len(scan.request.known) == WAS_READ
    reader.bench.qtbot.waitUntil(lambda: reader.scans.map.head.windows == WAS_READ - 9)
    assert windows(reader) == reader.scans.map.done == WAS_READ - 9
    scan.read()
    reader.wait("done")
    assert reader.scans.map.answer_at(350, 350) is None
    assert "0 windows to be read in addition, 9 windows left out" in reader.bench.texts(
        reader.window
    )
    reader.panel.as_found.click()
    again = reader.next(len(reader.asked()) - 1)
    assert again.request.removed == () and not len(again.left)
    again.read()
    reader.wait("done")
    assert windows(reader) == WAS_READ and not reader.panel.as_found.isVisibleTo(reader.panel)


def test_what_was_missed_is_read_too(reader: Reader) -> None:
    scan = correct(reader, "count_as_tissue", 900, 200, 100)
    assert [len(scan.request.added), len(scan.left)] == [1, 1]
    reader.bench.qtbot.waitUntil(lambda: reader.scans.map.head.windows == WAS_READ + 1)
    assert reader.scans.status == "reading"
    scan.read()
    reader.wait("done")
    assert reader.scans.map.answer_at(950, 250).values is not None
    assert windows(reader) == WAS_READ + 1


def test_the_window_goes_on_while_the_map_is_made_anew(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows that come meanwhile are not lost, nor is what is corrected meanwhile."""
    may, under = Event(), ScanMap.under

    def waiting(found: ScanMap, head: ScanHead) -> ScanMap:
        assert current_thread() is not main_thread()
        assert may.wait(PATIENCE_S)
        return under(found, head)

    monkeypatch.setattr(ScanMap, "under", waiting)
    scan = correct(reader, "count_as_tissue", 900, 200, 100)
    scan.read()
    reader.bench.qtbot.waitUntil(lambda: reader.work.slide_scans._held not in (None, []))
    assert reader.scans.status == "reading" and windows(reader) == WAS_READ
    second = correct(reader, "leave_out", 200, 200, 300)
    assert len(second.request.added) == len(second.request.removed) == 1
    may.set()
    second.read()
    reader.wait("done")
    assert windows(reader) == reader.scans.map.done == WAS_READ + 1 - 9
    assert reader.scans.map.answer_at(950, 250).values is not None


def test_a_correction_stays_with_its_slide(reader: Reader, tmp_path: Path) -> None:
    correct(reader, "leave_out", 200, 200, 300).read()
    reader.bench.qtbot.waitUntil(lambda: reader.scans.map.complete)
    reader.wait("done")
    slide = Path(reader.work.document.slide.path)
    write_pyramid(tmp_path / "other.tif", 900, 700, seed=3)
    reader.bench.open(tmp_path / "other.tif")
    assert not reader.work.slide_scans.correction.is_any
    reader.bench.open(slide)
    reader.wait("done")
    assert windows(reader) == WAS_READ - 9 and reader.work.slide_scans.correction.is_any
    assert reader.window.actions_by_name["tissue_as_found"].isEnabled()


def test_another_model_reads_the_same_tissue(reader: Reader) -> None:
    correct(reader, "leave_out", 200, 200, 300).read()
    reader.bench.qtbot.waitUntil(lambda: reader.scans.map.complete)
    reader.wait("done")
    first, before = reader.model, len(reader.asked())
    other = next(m for m in reader.work.library.models if m.path != first.path and m.classifies)
    reader.work.library.set_in_use(other.path, True)
    reader.work.library.show(other.path)
    reader.set_scale()
    reader.press()
    again = reader.next(before, begin=False)
    assert again.request.checkpoint == other.path and again.request.known is None
    again.begin()
    reader.bench.qtbot.waitUntil(lambda: reader.scans.map is not None)
    assert reader.scans.map.head.model_path == other.path
    assert reader.scans.map.head.windows == WAS_READ - 9
    assert reader.scans.map.head.correction.is_any


def test_a_correction_that_cannot_be_read_changes_nothing(reader: Reader) -> None:
    document, before = reader.work.document, len(reader.asked())
    roi = square(0, 0, 700)
    document.add([roi])
    document.select(roi.id)
    reader.press("leave_out")
    scan = reader.next(before, begin=False)
    reader.engine.reply(JobFailed(scan.request.job, "No window has enough tissue; draw regions."))
    reader.wait("done")
    assert "No window has enough tissue" in reader.bench.texts(reader.window)
    assert windows(reader) == WAS_READ and not reader.work.slide_scans.correction.is_any


def test_what_does_not_count_is_shaded(reader: Reader) -> None:
    reader.scans.set_look(visible=False)
    glass, tissue = reader.colour(950, 350), reader.colour(350, 350)
    reader.panel.tissue.click()
    assert np.abs(reader.colour(950, 350) - glass).max() > 5
    assert (reader.colour(350, 350) == tissue).all()
    reader.panel.tissue.click()
    assert (reader.colour(950, 350) == glass).all()


def test_without_the_model_the_next_step_is_said(reader: Reader) -> None:
    document, before = reader.work.document, len(reader.asked())
    roi = square(0, 0, 100)
    document.add([roi])
    document.select(roi.id)
    reader.work.library.remove(reader.model.path)
    reader.press("leave_out")
    assert "Add the model" in reader.bench.texts(reader.window)
    assert len(reader.asked()) == before and windows(reader) == WAS_READ
