"""A signal for plain Python objects, so that the viewer's state needs no Qt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Event:
    """Calls its listeners in the order in which they were connected."""

    def __init__(self) -> None:
        self._listeners: list[Callable[..., Any]] = []

    def connect(self, listener: Callable[..., Any]) -> None:
        self._listeners.append(listener)

    def disconnect(self, listener: Callable[..., Any]) -> None:
        self._listeners.remove(listener)

    def emit(self, *values: Any) -> None:
        for listener in tuple(self._listeners):
            listener(*values)
