"""How the user likes to move on slides; every canvas of the program follows it."""

from __future__ import annotations

from viewer.state.preferences import Preferences

_now = Preferences()


def current() -> Preferences:
    return _now


def choose(preferences: Preferences) -> None:
    global _now
    _now = preferences
