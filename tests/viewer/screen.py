"""The real viewer in a real window under a virtual display, and a person who drives it."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]

needs_screen = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("Xvfb") and shutil.which("xdotool")), reason="needs Xvfb and xdotool"
    ),
]


class Screen:
    """A virtual display with a window manager, if there is one, and the viewers started on it."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state.json"
        # with a number that is free
        command = ["Xvfb", "-displayfd", "1", "-screen", "0", "1440x960x24"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        with server.stdout as told:
            number = told.readline().strip()
        assert number, "Xvfb did not start"
        self._started: list[subprocess.Popen[Any]] = [server]
        self.environment = {
            **os.environ, "DISPLAY": f":{number}", "QT_QPA_PLATFORM": "xcb", "LANG": "C.UTF-8",
            "SSMAMBA_VIEWER_HOME": str(folder / "home"),
        }  # fmt: skip
        if shutil.which("openbox"):
            self._started.append(subprocess.Popen(["openbox"], env=self.environment))
        self._viewer: subprocess.Popen[bytes] | None = None

    def start_viewer(self, *arguments: object) -> None:
        self.state.unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.viewer.watched_viewer", self.state, *arguments]
        self._viewer = subprocess.Popen(
            [*map(str, command), "--device", "cpu"], cwd=ROOT, env=self.environment
        )

    def kill_viewer(self) -> None:
        """As when the power fails: nothing is told to the viewer."""
        assert self._viewer is not None
        self._viewer.send_signal(signal.SIGKILL)
        self._viewer.wait()
        self._viewer = None

    def close(self) -> None:
        viewer = [] if self._viewer is None else [self._viewer]
        for process in reversed([*self._started, *viewer]):
            process.terminate()
            process.wait(20)

    def sees(self) -> dict[str, Any]:
        return json.loads(self.state.read_text()) if self.state.exists() else {}

    def wait_for(self, what: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            seen = self.sees()
            if seen and what(seen):
                return seen
            time.sleep(0.1)
        raise AssertionError(f"never came: {self.sees()}")

    def do(self, *words: object) -> None:
        subprocess.run(["xdotool", *map(str, words)], env=self.environment, check=True)

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
