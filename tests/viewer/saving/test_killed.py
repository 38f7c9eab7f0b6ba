"""A viewer that is killed loses nothing that is older than two seconds, and damages no file."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ssmamba.slides.identity import content_hash
from ssmamba.slides.slide import Slide, SlideInfo
from tests.patience import PATIENCE_S
from tests.slides import write_pyramid
from tests.viewer.saving.changing import START, told
from tests.viewer.state.test_planning import INFO
from viewer.saving.session import SessionStore

ROOT = Path(__file__).resolve().parents[3]
LOST_S = 2.0  # of work, at most
AT_ONCE = 5


class Victim:
    """A process that changes something every 0.4 s."""

    def __init__(self, folder: Path, *slide: str) -> None:
        folder.mkdir()
        self.folder = folder
        self.log = folder / "changes.log"
        command = [sys.executable, "-m", "tests.viewer.saving.changing", str(folder / "state")]
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "LANG": "C.UTF-8"}
        self._process = subprocess.Popen(
            [*command, str(self.log), *slide], cwd=ROOT, env=environment
        )
        self.killed_at = 0.0

    def wait_for_start(self) -> None:
        end = time.monotonic() + PATIENCE_S
        while not (self.log.exists() and START in self.log.read_text()):
            assert self._process.poll() is None and time.monotonic() < end
            time.sleep(0.02)

    def kill(self) -> None:
        """Once; nothing the second time."""
        if self._process.poll() is not None:
            return
        self.killed_at = time.time()
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(PATIENCE_S)

    def changes(self) -> list[tuple[float, str]]:
        """When each was made, and what was there afterwards."""
        lines = self.log.read_text().splitlines()
        made = [line.split("|", 1) for line in lines if "|" in line]
        return [(float(when), shown) for when, shown in made if shown != START]


def lost_s(victim: Victim, info: SlideInfo, sessions: Path) -> float:
    """Age of the newest saved state when the process was killed; fails when a file is damaged."""
    session = SessionStore(sessions).load(info)
    assert session.warning == ""
    assert not list(sessions.glob("*unreadable*"))
    saved = told(session.rois)
    states = [(0.0, ""), *victim.changes()]
    ages = [
        victim.killed_at - states[at + 1][0] if at + 1 < len(states) else 0.0
        for at, (_, shown) in enumerate(states)
        if sorted(shown.split(",")) == sorted(saved.split(","))
    ]
    assert ages, f"{saved} was never shown"
    return max(0.0, min(ages))


def killed(
    tmp_path: Path,
    count: int,
    seed: int,
    slide: Path | None = None,
    *more: str,
    longest_s: float = 1.2,
) -> list[float]:
    """Seconds of work that each of ``count`` killed processes lost, after up to ``longest_s``."""
    chance = random.Random(seed)
    info, given, found = INFO, () if slide is None else (str(slide), *more), []
    if slide is not None:
        with Slide.open(slide) as opened:
            info = replace(opened.info, content_hash=content_hash(opened))
    for first in range(0, count, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, count))
        victims = [Victim(tmp_path / str(number), *given) for number in numbers]
        try:
            for victim in victims:
                victim.wait_for_start()
            for victim in victims:
                time.sleep(chance.uniform(0.2, longest_s))
                victim.kill()
        finally:
            for victim in victims:
                victim.kill()
        for victim in victims:
            state = victim.folder / "state"
            sessions = state / "sessions" if slide is not None else state
            found.append(lost_s(victim, info, sessions))
    return found


def check(lost: list[float]) -> None:
    print(f"killed {len(lost)}: lost at most {max(lost):.2f} s of work")
    assert max(lost) <= LOST_S, sorted(lost)


def test_state_that_is_killed_is_at_most_two_seconds_old(tmp_path: Path) -> None:
    check(killed(tmp_path, 5, seed=1))


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_100_killed_states_are_at_most_two_seconds_old(tmp_path: Path) -> None:
    check(killed(tmp_path, 100, seed=2))


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_100_killed_windows_lose_at_most_two_seconds(tmp_path: Path) -> None:
    slide = tmp_path / "slide.tif"
    write_pyramid(slide)
    check(killed(tmp_path, 100, seed=3, slide=slide))


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_windows_killed_in_the_middle_of_every_tool_lose_at_most_two_seconds(
    tmp_path: Path,
) -> None:
    """50 by default; ``SSMAMBA_TOOL_KILLS`` says how many."""
    slide = tmp_path / "slide.tif"
    write_pyramid(slide)
    count = int(os.environ.get("SSMAMBA_TOOL_KILLS", "50"))
    check(killed(tmp_path, count, 4, slide, "tools", longest_s=6.0))


IMPORT = """
import sys
from pathlib import Path
from tests.viewer.fakes import square
from tests.viewer.saving.kept_window import KeptWindow

window = KeptWindow(Path(sys.argv[1]))
window.draw("before")
window.save()
window.document.add([square(n, 0, 5, roi_id=f"r{n}") for n in range(4000)], "Import")
print("begins", flush=True)
window.save()
print("ends", flush=True)
"""


@pytest.mark.slow
def test_an_import_that_is_killed_while_it_is_saved_is_there_as_a_whole_or_not_at_all(
    tmp_path: Path,
) -> None:
    chance, found = random.Random(5), []
    for number in range(12):
        folder = tmp_path / str(number)
        command = [sys.executable, "-c", IMPORT, str(folder)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None and process.stdout.readline() == b"begins\n"
            time.sleep(chance.uniform(0, 0.8))
            process.kill()
        session = SessionStore(folder).load(INFO)
        assert session.warning == "" and session.rois[0].id == "before"
        found.append(len(session.rois) - 1)
    print(f"regions of the import that were there: {found}")
    assert set(found) <= {0, 4000}
