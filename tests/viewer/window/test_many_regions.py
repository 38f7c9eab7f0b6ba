"""Thousands of regions come in while the window answers and says what it does."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ssmamba.rois.geojson import PROGRESS_EVERY, write_rois
from tests.slides import write_pyramid
from tests.viewer.conftest import Bench, Heartbeat
from tests.viewer.fakes import square


def many(count: int) -> list:
    return [square(x % 900, x // 900 * 7, 6, f"R{x}") for x in range(count)]


def test_an_import_counts_what_it_has_read(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "many.geojson"
    write_rois(file, many(2 * PROGRESS_EVERY + 1))
    told: list[str] = []
    bench.work.regions.progressed.connect(lambda text, *_: told.append(text))
    with bench.qtbot.waitSignal(bench.work.regions.imported):
        bench.work.files.import_regions(str(file))
    assert told == [
        "Reading many.geojson", "Reading many.geojson, 500 regions",
        "Reading many.geojson, 1\u202f000 regions", "",
    ]  # fmt: skip


def test_an_import_that_fails_is_no_longer_under_way(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "none.geojson"
    file.write_text("nothing")
    bench.work.files.import_regions(str(file))
    assert "Reading none.geojson…" in bench.texts(bench.window.status)
    bench.settle()
    assert "Reading" not in bench.texts(bench.window.status)


def test_a_slow_restore_is_said_and_then_named(
    bench: Bench, slide_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.document.add(many(3))
    other = tmp_path / "other.tif"
    write_pyramid(other, 640, 480, seed=5)
    bench.open(other)
    may_go = threading.Event()
    load = bench.work.sessions._queue.load
    monkeypatch.setattr(
        bench.work.sessions._queue, "load", lambda *info: may_go.wait(60) and load(*info)
    )
    bench.work.files.open([str(slide_file)])
    bench.qtbot.waitUntil(lambda: "Reading saved regions…" in bench.texts(bench.window.status))
    panel = bench.window.panels["regions"]
    assert "Reading" in bench.texts(panel) and "No regions yet" not in bench.texts(panel)
    may_go.set()
    bench.settle()
    assert "Reading" not in bench.texts(bench.window.status)
    message = bench.window.message_bar.message
    assert message is not None and message.text.startswith("3 regions from today, ")
    assert message.text.endswith(" restored.")
    bench.document.remove([roi.id for roi in bench.document.rois])
    assert "No regions yet" in bench.texts(panel)


@pytest.mark.slow
def test_the_window_answers_while_twenty_thousand_regions_come_in(
    bench: Bench, tmp_path: Path, slide_file: Path, heartbeat: Heartbeat
) -> None:
    file, other = tmp_path / "many.geojson", tmp_path / "other.tif"
    write_rois(file, many(20_002))
    write_pyramid(other, 640, 480, seed=5)
    heartbeat.reset()
    with bench.qtbot.waitSignal(bench.work.regions.imported):
        bench.work.files.import_regions(str(file))
    bench.settle()
    bench.open(other)
    bench.open(slide_file)
    bench.settle()
    assert len(bench.document.rois) == 20_002  # the heartbeat's fixture judges
