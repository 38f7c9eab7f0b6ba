"""Every control has a name and a role for screen readers, and is reached with the keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QLineEdit,
    QPushButton,
    QScrollBar,
    QWidget,
)

from tests.viewer.conftest import RING, Bench
from viewer.canvas import SlideCanvas
from viewer.window.main_window import MainWindow

CONTROLS = (
    QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit,
    SlideCanvas,
)  # fmt: skip
DIALOGS = ("calibration", "slide_details", "shortcuts", "about", "preferences", "palette")


def controls(root: QWidget) -> Iterator[QWidget]:
    """All controls of a window, also hidden ones, but for the parts that Qt makes of one."""
    for widget in root.findChildren(QWidget):
        parent = widget.parentWidget()
        within = isinstance(parent, QAbstractSpinBox | QComboBox | QAbstractItemView | QLineEdit)
        of_qt = widget.objectName().startswith("qt_") or isinstance(widget, QScrollBar)
        if isinstance(widget, CONTROLS) and widget.window() is root and not (within or of_qt):
            yield widget


def unnamed(root: QWidget) -> list[str]:
    found = []
    for widget in controls(root):
        if isinstance(widget, QPushButton) and not widget.isVisible() and not widget.text():
            continue  # a message's button, which gets its text when it is shown
        spoken = QAccessible.queryAccessibleInterface(widget)
        name = spoken.text(QAccessible.Text.Name).strip()
        if not name or spoken.role() == QAccessible.Role.NoRole:
            found.append(f"{type(widget).__name__} in {type(widget.parentWidget()).__name__}")
    return found


@pytest.fixture
def full(bench: Bench) -> MainWindow:
    """The window with a region and its answers, and every panel shown."""
    bench.draw(*RING)
    bench.settle()
    for panel in bench.window.panels.values():
        panel.show()
    return bench.window


def test_every_control_of_the_window_has_a_name(full: MainWindow) -> None:
    assert not unnamed(full)


@pytest.mark.parametrize("action", DIALOGS)
def test_every_control_of_a_dialog_has_a_name(full: MainWindow, action: str) -> None:
    full.actions_by_name[action].trigger()
    dialogs = [made for made in full.findChildren(QDialog) if made.isVisible()]
    assert dialogs
    assert not [name for made in dialogs for name in unnamed(made)]


def test_every_control_is_reached_with_the_keyboard(full: MainWindow) -> None:
    """By Tab from the slide on; groups of buttons, of which arrows choose one, by their first."""
    full.activateWindow()
    full.panels["regions"].setFocus()
    reached: set[int] = set()
    widget: QWidget | None = full.canvas
    while widget is not None and id(widget) not in reached:
        reached.add(id(widget))
        widget = widget.nextInFocusChain()
    lost = [
        f"{type(made).__name__} {made.accessibleName() or made.toolTip()}"
        for made in controls(full)
        if id(made) not in reached or not made.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]
    assert not lost


def test_tab_leaves_every_panel_again(full: MainWindow) -> None:
    """No list or text field keeps the keyboard to itself."""
    full.activateWindow()
    seen: list[QWidget] = []
    step: Callable[[], bool] = full.focusNextChild
    full.canvas.setFocus()
    for _ in range(400):
        step()
        focused = QApplication.focusWidget()
        assert focused is not None
        if focused in seen:
            break
        seen.append(focused)
    docks = [dock for dock in full.docks if any(dock.isAncestorOf(w) for w in seen)]
    assert len(docks) == len(full.docks) and full.canvas in seen
