"""A panel is one record of the list."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QToolButton, QWidget

from tests.viewer.window.conftest import Opened, menu_of, texts
from viewer.actions.action import Host
from viewer.panels.panel import Panel
from viewer.panels.table import PANELS


def test_a_panel_under_the_slide_has_no_dock(opened: Opened) -> None:
    window = opened(panels=(*PANELS, Panel("notes", "Notes", "slide", lambda w: QLabel("Notes"))))
    panel = window.panels["notes"]
    assert not any(dock.isAncestorOf(panel) for dock in window.docks)
    page = panel.parentWidget()  # of the slide
    assert page is not window and page.isAncestorOf(window.canvas)


@pytest.mark.parametrize("place", ["left", "right", "results"])
def test_an_added_panel_is_one_record(opened: Opened, place: str) -> None:
    """Its widget is made for the window and stands where the record says, under its title."""
    made_for: list[Host] = []

    def make(window: Host) -> QWidget:
        made_for.append(window)
        return QLabel("What the panel shows")

    window = opened(panels=(*PANELS, Panel("notes", "Notes", place, make, ("about",))))
    assert made_for == [window]
    panel = window.panels["notes"]
    assert panel.isVisible()
    dock = next(d for d in window.docks if d.isAncestorOf(panel))
    assert texts(menu_of(window, "&View").actions()[-1].menu().actions()) == [
        d.windowTitle() for d in window.docks
    ]
    if place == "results":
        assert dock.windowTitle() == "Results" and len(window.docks) == 5
        return
    left, right = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
    assert window.dockWidgetArea(dock) == (left if place == "left" else right)
    assert dock.windowTitle() == "Notes" and dock.objectName() == "dock-Notes"
    (button,) = dock.titleBarWidget().findChildren(QToolButton)
    assert button.defaultAction() is window.actions_by_name["about"]
