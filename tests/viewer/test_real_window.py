"""The real viewer with the real engine in a real window, driven with the mouse.

Needs Xvfb and xdotool (and openbox, if it is there, as window manager).
"""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE_S
from tests.slides import write_pyramid
from tests.viewer.conftest import longest_turn_allowed_ms
from tests.viewer.real_models import write_real_models

ROOT = Path(__file__).resolve().parents[2]
DISPLAY = ":93"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("Xvfb") and shutil.which("xdotool")), reason="needs Xvfb and xdotool"
    ),
]


class Person:
    """Looks at the viewer and moves the mouse."""

    def __init__(self, state: Path) -> None:
        self._state = state

    def sees(self) -> dict[str, Any]:
        return json.loads(self._state.read_text()) if self._state.exists() else {}

    def wait_for(self, what: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            seen = self.sees()
            if seen and what(seen):
                return seen
            time.sleep(0.1)
        raise AssertionError(f"never came: {self.sees()}")

    def do(self, *words: object) -> None:
        subprocess.run(
            ["xdotool", *map(str, words)], env={**os.environ, "DISPLAY": DISPLAY}, check=True
        )

    def lasso(self, x: float, y: float, radius: float) -> None:
        """Draw a ring on the screen."""
        for step in range(25):
            angle = 2 * math.pi * step / 24
            at = round(x + radius * math.cos(angle)), round(y + radius * math.sin(angle))
            self.do("mousemove", *at)
            if step == 0:
                self.do("mousedown", 1)
            time.sleep(0.01)
        self.do("mouseup", 1)


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    slide, state = tmp_path / "a.tif", tmp_path / "state.json"
    write_pyramid(slide, 2400, 1800)
    models = [word for m in write_real_models(tmp_path) for word in ("--model", str(m))]
    environment = {
        **os.environ, "DISPLAY": DISPLAY, "QT_QPA_PLATFORM": "xcb", "LANG": "C.UTF-8",
        "SSMAMBA_VIEWER_HOME": str(tmp_path / "home"),
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.viewer.watched_viewer", str(state), str(slide)]
    started = [subprocess.Popen(["Xvfb", DISPLAY, "-screen", "0", "1440x960x24"])]
    try:
        time.sleep(1.0)
        if shutil.which("openbox"):
            started.append(subprocess.Popen(["openbox"], env=environment))
        started.append(
            subprocess.Popen([*command, *models, "--device", "cpu"], cwd=ROOT, env=environment)
        )
        yield Person(state)
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(20)


def test_lasso_classify_change_class_zoom_and_survive_a_dead_engine(person: Person) -> None:
    seen = person.wait_for(lambda s: s["settled"] and s["ready"] and not s["busy"])
    x, y, _ = seen["canvas"]
    person.do("mousemove", x, y, "click", 1, "key", "l")
    person.wait_for(lambda s: s["tool"] == "lasso")
    person.lasso(x, y, 70)
    person.do("mousemove", x, y, "click", "--repeat", 4, "--delay", 60, 4)  # zoom while it works
    seen = person.wait_for(lambda s: s["answers"] == 2 and len(s["maps"]) == 2)
    assert seen["regions"] == ["Region 1"] and len(set(seen["maps"])) == 2
    zoomed = person.wait_for(lambda s: s["settled"])["downsample"]

    person.do("mousemove", *seen["class_box"], "click", 1, "key", "Down", "key", "Return")
    person.wait_for(lambda s: s["target"] == "aca" and not s["busy"] and len(s["maps"]) == 2)

    os.kill(person.sees()["engine_pid"], signal.SIGKILL)
    person.wait_for(lambda s: "was restarted" in s["message"])
    person.do("mousemove", x, y, "click", "--repeat", 3, "--delay", 60, 5)
    person.lasso(x - 120, y - 60, 50)
    seen = person.wait_for(lambda s: len(s["regions"]) == 2 and s["answers"] == 2)
    assert seen["downsample"] > zoomed
    person.do("key", "ctrl+z")
    seen = person.wait_for(lambda s: len(s["regions"]) == 1)
    assert seen["longest_turn_ms"] <= longest_turn_allowed_ms()
