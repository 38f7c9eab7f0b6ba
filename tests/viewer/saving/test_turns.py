"""Long work pauses for the window, and not while the window waits for it."""

from __future__ import annotations

import pytest

from viewer.saving import turns
from viewer.saving.turns import awaited, in_turns


def test_work_pauses_after_each_stretch_and_not_while_it_is_awaited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(turns.time, "sleep", pauses.append)
    monkeypatch.setattr(turns, "WORK_S", -1.0)
    assert list(in_turns("abc")) == ["a", "b", "c"]
    assert len(pauses) == 3
    with awaited():
        assert list(in_turns("abc")) == ["a", "b", "c"]
    assert len(pauses) == 3
    monkeypatch.setattr(turns, "WORK_S", 60.0)
    assert list(in_turns("abc")) == ["a", "b", "c"]
    assert len(pauses) == 3
