"""Durations as a person says them; plain lines when the output is a file."""

from __future__ import annotations

import pytest

from training.loop import progress
from training.loop.progress import Progress, duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (125, "2 min 05 s"), (7200 + 600, "2 h 10 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_plain_lines_tell_the_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with Progress("work", 10) as shown:
        for done in range(1, 11):
            now[0] += 100.0 if done == 1 else 12.0  # a first step that compiles is no measure
            shown.update(done, "loss 1")
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "work 4/10  1 min 12 s left  loss 1"
    assert len(lines) == 4  # not one for each step
