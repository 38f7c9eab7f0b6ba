"""A signal for plain Python objects, so that the viewer's state needs no Qt."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


class Event:
    """Calls its listeners in the order in which they were connected.

    An exception in one stops neither the others nor the caller. As in a Qt slot, it goes to
    ``sys.excepthook`` and so to the message bar.
    """

    def __init__(self) -> None:
        self._listeners: list[Callable[..., Any]] = []

    def connect(self, listener: Callable[..., Any]) -> None:
        self._listeners.append(listener)

    def disconnect(self, listener: Callable[..., Any]) -> None:
        self._listeners.remove(listener)

    def emit(self, *values: Any) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(*values)
            except Exception as error:
                sys.excepthook(type(error), error, error.__traceback__)
