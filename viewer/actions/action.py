"""An action as one record, and what the window offers to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDockWidget, QMenu

from viewer.canvas import SlideCanvas
from viewer.compare.grid import CompareGrid
from viewer.workspace import Workspace


class Host(Protocol):
    """The window, as actions and panels see it."""

    workspace: Workspace
    canvas: SlideCanvas
    compare: CompareGrid
    dialogs: Any  # viewer.window.dialogs.Dialogs
    docks: Sequence[QDockWidget]
    panels: Mapping[str, Any]  # the widget of each panel, by the panel's id
    actions_by_name: Mapping[str, QAction]

    def close(self) -> bool: ...


class Place(NamedTuple):
    """Where an action stands in the menus."""

    menu: str  # "&Edit"
    group: int = 1  # a line separates the groups of a menu
    submenu: str = ""


def _nothing(_: Host) -> None:
    pass


def _always(_: Host) -> bool:
    return True


@dataclass(frozen=True)
class Action:
    """One thing that the user can do."""

    id: str
    text: str
    run: Callable[[Host], object] = _nothing
    icon: str = ""  # a file of resources/icons
    keys: str = ""  # as QKeySequence reads it
    tip: str = ""  # default: the text
    menu: tuple[Place, ...] = ()
    tool_bar: int = 0  # group of the tool bar; 0: not there
    enabled: Callable[[Host], bool] = _always
    checked: Callable[[Host], bool] | None = None  # None: nothing to check
    choice: str = ""  # name of a group of which exactly one action is checked
    shown_text: Callable[[Host], str] | None = None  # a text that changes with the state
    submenu: Callable[[Any], QMenu] | None = None  # a menu of its own, in place of a command
