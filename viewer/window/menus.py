"""Menus and the tool bar, made from the list of actions."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolBar, QWidget

from viewer.actions.action import Action, Place
from viewer.actions.table import MENUS
from viewer.text.tr import tr


def build_menus(window: Any, records: Iterable[Action]) -> None:
    """Fill the menu bar with the actions that have a place in it, those of a group together."""
    placed = [(place, record) for record in records for place in record.menu]
    for title in MENUS:
        menu = window.menuBar().addMenu(title)
        menu.setToolTipsVisible(True)
        submenus = {"": menu}
        mine = [pair for pair in placed if pair[0].menu == title]
        for _, group in groupby(sorted(mine, key=_group), key=_group):
            if menu.actions():
                menu.addSeparator()
            for place, record in group:
                if place.submenu not in submenus:
                    submenus[place.submenu] = menu.addMenu(place.submenu)
                _add(window, submenus[place.submenu], record)


def _group(placed: tuple[Place, Action]) -> int:
    return placed[0].group


def _add(window: Any, menu: QMenu, record: Action) -> None:
    if record.submenu is None:
        menu.addAction(window.actions_by_name[record.id])
    else:
        made = record.submenu(window)
        made.setTitle(record.text)
        menu.addMenu(made)


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
