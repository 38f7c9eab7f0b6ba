"""The real viewer with the real engine in a real window, driven with the mouse.

Needs Xvfb and xdotool (and openbox, if it is there, as window manager).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.viewer.conftest import longest_turn_allowed_ms
from tests.viewer.real_models import write_real_models
from tests.viewer.screen import Screen, needs_screen
from viewer.demo import ensure_demo

pytestmark = needs_screen


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Screen]:
    slide = ensure_demo(tmp_path).slide
    models = [word for m in write_real_models(tmp_path, mpp=0.5) for word in ("--model", str(m))]
    screen = Screen(tmp_path)
    try:
        screen.start_viewer(slide, *models)
        yield screen
    finally:
        screen.close()


def test_lasso_classify_change_class_zoom_and_survive_a_dead_engine(person: Screen) -> None:
    seen = person.wait_for(lambda s: s["settled"] and s["ready"] and not s["busy"])
    x, y, _ = seen["canvas"]
    person.do("mousemove", x, y, "click", 1, "key", "l")
    person.wait_for(lambda s: s["tool"] == "lasso")
    person.lasso(x, y, 30)
    person.do("mousemove", x, y, "click", "--repeat", 4, "--delay", 60, 4)  # zoom while it works
    seen = person.wait_for(lambda s: s["answers"] == 2 and len(s["maps"]) == 2)
    assert seen["regions"] == ["Region 1"] and len(set(seen["maps"])) == 2
    zoomed = person.wait_for(lambda s: s["settled"])["downsample"]

    person.do("mousemove", *seen["class_box"], "click", 1, "key", "Down", "key", "Return")
    person.wait_for(lambda s: s["target"] == "aca" and not s["busy"] and len(s["maps"]) == 2)

    os.kill(person.sees()["engine_pid"], signal.SIGKILL)
    person.wait_for(lambda s: "was restarted" in s["message"])
    person.do("mousemove", x, y, "click", "--repeat", 3, "--delay", 60, 5)
    person.lasso(x - 120, y - 60, 30)
    seen = person.wait_for(lambda s: len(s["regions"]) == 2 and s["answers"] == 2)
    assert seen["downsample"] > zoomed
    person.do("key", "ctrl+z")
    seen = person.wait_for(lambda s: len(s["regions"]) == 1)
    assert seen["longest_turn_ms"] <= longest_turn_allowed_ms()
