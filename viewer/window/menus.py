"""The menus and the tool bar, built from the list of actions."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolBar, QWidget

from viewer.actions.action import Action
from viewer.actions.table import MENUS
from viewer.text.tr import tr


def build_menus(window: Any, records: Iterable[Action]) -> None:
    """Fill the menu bar with the actions that have a position in it, group by group.

    Raises KeyError for a menu that is not in MENUS.
    """
    menus: dict[tuple[str, str], QMenu] = {}
    for title in MENUS:
        menus[title, ""] = window.menuBar().addMenu(title)
        menus[title, ""].setToolTipsVisible(True)
    groups: dict[str, int] = {}  # the last one of each menu
    placed = [(place, record) for record in records for place in record.menu]
    for place, record in sorted(placed, key=lambda pair: pair[0].group):
        menu = menus[place.menu, ""]
        if groups.setdefault(place.menu, place.group) != place.group:
            menu.addSeparator()
            groups[place.menu] = place.group
        if (place.menu, place.submenu) not in menus:
            menus[place.menu, place.submenu] = menu.addMenu(place.submenu)
        _add(window, menus[place.menu, place.submenu], record)


def _add(window: Any, menu: QMenu, record: Action) -> None:
    if record.submenu is None:
        menu.addAction(window.actions_by_name[record.id])
    else:
        made = record.submenu(window)
        made.setTitle(record.text)
        menu.addMenu(made)


def show_menu(window: Any, names: Iterable[str], at: QPoint) -> None:
    """A menu of some actions at a place on the screen."""
    menu = QMenu(window)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    menu.addActions([window.actions_by_name[n] for n in names if n in window.actions_by_name])
    menu.popup(at)


def build_tool_bar(window: Any, records: Iterable[Action], right: QWidget) -> QAction:
    """The slim bar at the top; returns the action that shows or hides ``right`` at its end."""
    bar = QToolBar(tr("Tools"))
    bar.setObjectName("toolbar")
    bar.setMovable(False)
    bar.setIconSize(QSize(20, 20))
    bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
    shown = sorted((r for r in records if r.tool_bar), key=lambda record: record.tool_bar)
    for number, group in groupby(shown, key=lambda record: record.tool_bar):
        if number > 1:
            bar.addSeparator()
        for record in group:
            action = window.actions_by_name[record.id]
            bar.addAction(action)
            button = bar.widgetForAction(action)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setAccessibleName(record.text)
    spring = QWidget()
    spring.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    bar.addWidget(spring)
    window.addToolBar(bar)
    return bar.addWidget(right)
