"""A panel as one record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from PySide6.QtWidgets import QWidget

from viewer.actions.action import Host


@dataclass(frozen=True)
class Panel:
    """One panel beside the slide."""

    id: str
    title: str
    # a dock of its own, in the column of results, or a strip under the slide
    place: Literal["left", "right", "results", "slide"]
    make: Callable[[Host], QWidget]
    buttons: tuple[str, ...] = ()  # ids of the actions in its title row
    scrolls: bool = True  # False: it scrolls by itself
    height: int = 400  # relative to the other panels on its side
