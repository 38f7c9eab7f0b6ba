"""A whole slide read in the real viewer by the real engine, killed in the middle, and gone on with.

Needs Xvfb and xdotool (and openbox, if it is there, as window manager).
"""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmamba.reading.doubts import CODES
from ssmamba.rois.geojson import read_rois
from ssmamba.rois.geometry import roi_shape
from ssmamba.rois.raster import covered
from tests.huge_slides import TILE, write_huge
from tests.slides import grainy
from tests.viewer.conftest import longest_turn_allowed_ms
from tests.viewer.screen import ROOT, Screen, needs_screen
from viewer.demo import ensure_demo
from viewer.saving.scan_file import read_scan

MODEL = ROOT / "resources" / "models" / "demo" / "demo.safetensors"
MOST_MB = 2000  # of memory, of each process

pytestmark = [*needs_screen, pytest.mark.timeout(900)]


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Screen]:
    screen = Screen(tmp_path)
    try:
        yield screen
    finally:
        screen.close()


def at_rest(seen: dict[str, Any]) -> bool:
    return seen["settled"] and seen["ready"] and not seen["busy"]


def read_slide(person: Screen) -> None:
    seen = person.wait_for(at_rest)
    x, y, _ = seen["canvas"]
    person.do("mousemove", x, y, "click", 1, "key", "ctrl+r")


def peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def test_a_slide_is_read_as_without_a_window_whatever_happens_meanwhile(
    person: Screen, tmp_path: Path
) -> None:
    demo = ensure_demo(tmp_path / "demo")
    person.start_viewer(demo.slide, "--model", MODEL)
    read_slide(person)
    person.wait_for(lambda s: s["scan"]["done"] >= 200)
    person.kill_viewer()
    person.start_viewer(demo.slide, "--model", MODEL)
    seen = person.wait_for(lambda s: s["scan"]["done"] > 0)
    assert seen["scan"]["status"] in ("reading", "waiting")
    person.wait_for(lambda s: s["scan"]["status"] == "done")

    (path,) = (tmp_path / "home" / "sessions").glob("*.scan")
    person.wait_for(lambda _: read_scan(path).state == "done")  # on the disk, too
    found = read_scan(path).map
    command = ("-m", "ssmamba.scan", demo.slide, "--model", MODEL, "--out", tmp_path / "out")
    subprocess.run(
        [sys.executable, *map(str, command), "--format", "csv", "--device", "cpu"],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (table,) = (tmp_path / "out").rglob("tiles.csv")
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == found.done == found.head.windows
    step, keys = found.head.step, [info.key for info in found.head.classes]
    for row in rows:
        flat = int(row["miny"]) // step * found.head.columns + int(row["minx"]) // step
        assert CODES[found.doubts[flat]] == row["doubt"]
        if row[f"prob_{keys[0]}"]:
            told = [float(row[f"prob_{key}"]) for key in keys]
            np.testing.assert_allclose(found.probabilities[flat], told, atol=1e-3)

    sure = (found.doubts == 0).reshape(found.head.rows, found.head.columns)
    top = found.probabilities.argmax(axis=1).reshape(sure.shape)
    right = of = 0
    for roi in read_rois(demo.regions):
        names = [info.name for info in found.head.classes]
        if roi.class_name in names:
            inside = covered(roi_shape(roi), step, sure.shape) & sure
            right += (top[inside] == names.index(roi.class_name)).sum()
            of += inside.sum()
    print(f"{right} of {of} windows are right")
    assert of > 40 and right / of >= 0.95


def test_a_huge_slide_takes_little_memory_and_a_lasso_is_answered_meanwhile(
    person: Screen, tmp_path: Path
) -> None:
    slide = tmp_path / "huge.tif"
    write_huge(slide, tissue=[grainy(TILE, TILE, seed) for seed in range(4)])
    person.start_viewer(slide, "--model", MODEL)
    read_slide(person)
    seen = person.wait_for(lambda s: s["scan"]["done"] >= 100)
    x, y, _ = seen["canvas"]
    person.do("mousemove", x, y, "click", "--repeat", 6, "--delay", 80, 4)  # closer
    person.wait_for(lambda s: s["settled"])
    person.do("key", "l")
    person.wait_for(lambda s: s["tool"] == "lasso")
    person.lasso(x, y, 60)
    seen = person.wait_for(lambda s: s["answers"] == 1)
    assert seen["scan"]["status"] == "reading", "the lasso did not wait for its end"
    before = seen["scan"]["done"]
    seen = person.wait_for(lambda s: s["scan"]["done"] > before + 200)
    assert seen["scan"]["windows"] > 20_000
    assert seen["longest_turn_ms"] <= longest_turn_allowed_ms()
    assert person._viewer is not None
    for pid in (person._viewer.pid, seen["engine_pid"]):
        assert peak_mb(pid) < MOST_MB
    done = seen["scan"]["done"]
    person.do("key", "Escape")
    person.kill_viewer()
    person.start_viewer(slide, "--model", MODEL)
    seen = person.wait_for(lambda s: s["scan"]["done"] > 0)
    assert seen["scan"]["done"] >= done - 500  # but for what two seconds bring
    person.wait_for(lambda s: s["scan"]["done"] > done)
