"""The record of an action, and the interface of the window that it runs on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDockWidget, QMenu

from viewer.canvas import SlideCanvas
from viewer.canvas.camera import Camera
from viewer.compare.grid import CompareGrid
from viewer.workspace import Workspace


class Host(Protocol):
    """The window, as seen by actions and panels."""

    workspace: Workspace
    canvas: SlideCanvas
    compare: CompareGrid
    dialogs: Any  # viewer.window.dialogs.Dialogs
    areas: Any  # viewer.window.areas.Areas
    docks: Sequence[QDockWidget]
    panels: Mapping[str, Any]  # the widget of each panel, by the panel's id
    actions_by_name: Mapping[str, QAction]

    def close(self) -> bool: ...


def has_slide(window: Host) -> bool:
    return window.workspace.document.slide is not None


def camera_of(window: Host) -> Camera:
    """Of the slide that has the keyboard, where two are shown."""
    return window.workspace.beside.active.camera


class Place(NamedTuple):
    """The position of an action in the menus."""

    menu: str  # "&Edit"
    group: int = 1  # groups of a menu have a separator between them
    submenu: str = ""


def _nothing(_: Host) -> None:
    pass


def _always(_: Host) -> bool:
    return True


@dataclass(frozen=True)
class Action:
    """One command of the user interface."""

    id: str
    text: str
    run: Callable[[Host], object] = _nothing
    icon: str = ""  # a file of resources/icons
    keys: str = ""  # as QKeySequence reads it
    tip: str = ""  # default: the text
    menu: tuple[Place, ...] = ()
    tool_bar: int = 0  # group of the tool bar; 0: not there
    enabled: Callable[[Host], bool] = _always
    checked: Callable[[Host], bool] | None = None  # None: not checkable
    choice: str = ""  # name of a group of which exactly one action is checked
    shown_text: Callable[[Host], str] | None = None  # a text that changes with the state
    submenu: Callable[[Any], QMenu] | None = None  # a menu of its own, in place of a command
    on_slide: bool = False  # the keys work while the slide has the focus, not in lists and texts
