"""Menus and the tool bar, built from the actions."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMainWindow, QMenu, QSizePolicy, QToolBar, QWidget

Actions = dict[str, QAction]

MENUS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("&File", ("open", "recent", "demo", "-", "add_models", "import_rois", "export_rois", "-",
               "save_picture", "-", "quit")),
    ("&Edit", ("undo", "redo", "-", "pan", "lasso", "polygon", "rectangle", "-", "delete")),
    ("&View", ("fit", "focus", "zoom_in", "zoom_out", "magnification", "-",
               "evidence", "compare", "follow", "-", "panels")),
    ("&Slide", ("calibration",)),
    ("&Model", ("classify", "classify_all", "stop", "auto", "-", "add_models")),
    ("&Help", ("shortcuts", "about")),
)  # fmt: skip
TOOL_BAR = (
    "open", "|", "pan", "lasso", "polygon", "rectangle", "|", "fit", "|", "undo", "redo", "|",
    "evidence", "compare",
)  # fmt: skip
TOOLS = ("pan", "lasso", "polygon", "rectangle")


MAGNIFICATIONS = (1.25, 2.5, 5.0, 10.0, 20.0, 40.0)


class ZoomMenu(QMenu):
    """The usual objectives."""

    chosen = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Magnification", parent)
        for value in MAGNIFICATIONS:
            action = self.addAction(f"{value:g}×")
            action.triggered.connect(lambda _=False, value=value: self.chosen.emit(value))


def build_menus(window: QMainWindow, actions: Actions, submenus: dict[str, QMenu]) -> None:
    """Fill the menu bar; ``submenus`` stand where the table names them."""
    for title, names in MENUS:
        menu = window.menuBar().addMenu(title)
        menu.setToolTipsVisible(True)
        for name in names:
            if name == "-":
                menu.addSeparator()
            elif name in submenus:
                menu.addMenu(submenus[name])
            else:
                menu.addAction(actions[name])


def build_tool_bar(window: QMainWindow, actions: Actions, right: QWidget) -> QAction:
    """The slim bar at the top; returns the action that shows or hides ``right`` at its end."""
    bar = QToolBar("Tools")
    bar.setObjectName("toolbar")
    bar.setMovable(False)
    bar.setIconSize(QSize(20, 20))
    bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
    group = QActionGroup(window)
    for name in TOOLS:
        group.addAction(actions[name])
    for name in TOOL_BAR:
        if name == "|":
            bar.addSeparator()
            continue
        bar.addAction(actions[name])
        button = bar.widgetForAction(actions[name])
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setAccessibleName(actions[name].text())
    spring = QWidget()
    spring.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    bar.addWidget(spring)
    window.addToolBar(bar)
    return bar.addWidget(right)
