"""The main job in a real window: draw, read the answer, lose the program, have it all back.

Needs Xvfb and xdotool, and ../shared/data for the blood cells.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.viewer.screen import ROOT, Screen, needs_screen

PBC = ROOT.parent / "shared" / "data" / "pbc"
MODELS = ROOT / "resources" / "models"

pytestmark = needs_screen


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Screen]:
    screen = Screen(tmp_path)
    try:
        yield screen
    finally:
        screen.close()


@pytest.mark.shared_data
@pytest.mark.parametrize("kind", ["eosinophil", "neutrophil"])
def test_a_cell_lassoed_tightly_is_answered_as_its_whole_picture(person: Screen, kind: str) -> None:
    if not PBC.is_dir():
        pytest.skip("../shared/data/pbc is absent")
    picture = sorted((PBC / kind).iterdir())[0]
    person.start_viewer(picture, "--model", MODELS / "pbc.safetensors")
    seen = person.wait_for(lambda s: s["settled"] and s["ready"] and not s["busy"])
    x, y, _ = seen["canvas"]
    person.do("mousemove", x, y, "click", 1, "key", "w")
    (whole,) = person.wait_for(lambda s: len(s["found"]) == 1)["found"]
    person.do("key", "l")
    person.lasso(x, y, 0.25 * seen["canvas_height"])
    seen = person.wait_for(lambda s: len(s["found"]) == 2)
    tight = seen["found"][1] if seen["found"][0] == whole else seen["found"][0]
    assert tight["class"] == whole["class"]
    assert abs(tight["probability"] - whole["probability"]) <= 0.05
    assert tight["doubt"] == whole["doubt"]


def test_the_demo_answers_and_all_is_back_after_a_kill(person: Screen, tmp_path: Path) -> None:
    person.start_viewer("--demo")
    seen = person.wait_for(
        lambda s: s["regions"] and len(s["found"]) == len(s["regions"]) * len(s["in_use"])
        and len(s["in_use"]) >= 2 and not s["busy"] and s["settled"]
    )  # fmt: skip
    fits, other = seen["in_use"][:2]
    own = [found for found in seen["found"] if found["model"] == fits]
    assert sum(not f["doubt"] for f in own) >= 2, "sure where the model fits"
    assert all(f["class_name"] == f["own"] for f in own if not f["doubt"]), "and right"
    assert {"glass", "pen", "blurred"} <= {f["doubt"] for f in own}
    foreign = [f["doubt"] for f in seen["found"] if f["model"] == other]
    assert "" not in foreign and "foreign" in foreign

    x, y, _ = seen["canvas"]
    person.do("mousemove", x, y, "click", "--repeat", 3, "--delay", 80, 4)
    seen = person.wait_for(lambda s: s["settled"] and not s["busy"])
    time.sleep(2.5)  # what is older than two seconds is kept
    person.kill_viewer()
    person.start_viewer(seen["path"])
    back = person.wait_for(lambda s: s["slide"] == seen["slide"] and s["regions"])
    person.wait_for(lambda s: len(s["found"]) == len(seen["found"]))
    back = person.wait_for(lambda s: s["settled"])
    assert back["in_use"] == seen["in_use"]
    assert back["found"] == seen["found"]
    assert back["selected"] == seen["selected"]
    assert back["downsample"] == pytest.approx(seen["downsample"], rel=0.05)

    for keys, name in [("ctrl+e", "a.geojson"), ("ctrl+t", "a.csv"), ("ctrl+shift+e", "a.pdf")]:
        _save(person, keys, tmp_path / name)
    features = json.loads((tmp_path / "a.geojson").read_text())["features"]
    assert len(features) == len(seen["regions"])
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(seen["found"])
    assert not any(row["predicted"] for row in rows if row["doubt"] in ("glass", "pen", "blurred"))
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def _save(person: Screen, keys: str, path: Path) -> None:
    """Call a save dialog by its keys, and type a name into it."""
    person.do("key", keys)
    time.sleep(2.0)
    person.do("key", "ctrl+a", "type", "--delay", "10", path)
    person.do("key", "Return")
    end = time.monotonic() + 60
    while not (path.exists() and path.stat().st_size) and time.monotonic() < end:
        time.sleep(0.2)
    assert path.exists(), f"{keys} wrote nothing"
