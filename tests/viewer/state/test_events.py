"""Plain signals."""

from __future__ import annotations

import sys

import pytest

from viewer.state.events import Event


def test_a_listener_that_raises_does_not_silence_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reported, told = [], []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, where: reported.append(error))
    event = Event()
    event.connect(lambda value: told.append(value / 0))
    event.connect(told.append)
    event.emit(3)
    assert told == [3]
    assert [type(error) for error in reported] == [ZeroDivisionError]
