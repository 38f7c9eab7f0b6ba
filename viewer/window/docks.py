"""The docks, built from the list of panels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QWidget

from viewer.actions.live import LiveActions
from viewer.look.sizes import scaled
from viewer.panels.panel import Panel
from viewer.text.tr import tr
from viewer.widgets.basic import action_button
from viewer.widgets.panel import dock, keep_width, scrolled

RESULTS = "results"
STRIP = "slide"  # not in a dock: the middle of the window has it
LEFT_PX, RIGHT_PX = 300, 368


def add_docks(
    window: QMainWindow,
    records: Iterable[Panel],
    panels: Mapping[str, QWidget],
    actions: LiveActions,
) -> list[QDockWidget]:
    """One dock for each panel of the left and the right, and one for the column of results.

    panels: the widget of each panel, by the panel's id.
    """
    docks: list[QDockWidget] = []
    column: list[QWidget] = []
    heights: list[int] = []
    for record in records:
        if record.place == STRIP:
            continue
        if record.place == RESULTS:
            column.append(panels[record.id])
            continue
        buttons = [action_button(actions.by_name[name]) for name in record.buttons]
        made = dock(record.id, record.title, buttons)
        at_left = record.place == "left"
        _add(window, made, at_left)
        if record.scrolls:
            scrolled(panels[record.id], made)
        else:
            made.setWidget(panels[record.id])
        keep_width(made, scaled(LEFT_PX if at_left else RIGHT_PX))
        docks.append(made)
        heights.append(record.height)
    results = dock(RESULTS, tr("Results"))
    _add(window, results, False)
    scrolled(QWidget(), results, column)
    keep_width(results, scaled(RIGHT_PX))
    window.resizeDocks(docks, heights, Qt.Orientation.Vertical)
    return [*docks, results]


def _add(window: QMainWindow, made: QDockWidget, at_left: bool) -> None:
    areas = Qt.DockWidgetArea
    window.addDockWidget(areas.LeftDockWidgetArea if at_left else areas.RightDockWidgetArea, made)
