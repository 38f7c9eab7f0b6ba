"""A dock with a custom title row: title on the left, buttons on the right.

A dock is put into its window first and filled then: with a style sheet, Qt looks up the styles of
all that is in a widget each time that this gets another parent.
"""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QDockWidget,
    QFrame,
    QScrollArea,
    QWidget,
)

from viewer.look.sizes import scaled
from viewer.widgets.basic import label, separator
from viewer.widgets.layouts import column, row

TITLE_PX = 40  # for letters of 13 px
SLACK_PX = 40
LEAST_PX = 200  # width of a dock


def title_row(title: str, buttons: Iterable[QWidget] = ()) -> QFrame:
    """A title with buttons at its right end."""
    head = QFrame()
    head.setProperty("panelTitle", True)
    height = max(TITLE_PX, scaled(TITLE_PX - 12))
    head.setFixedHeight(height)
    layout = row(label(title, "title"), None, *buttons, spacing=0)
    layout.addStrut(height - 1)  # the dock asks the layout, not the fixed height
    layout.setContentsMargins(16, 0, 8, 0)
    head.setLayout(layout)
    return head


def dock(name: str, title: str, buttons: Iterable[QWidget] = ()) -> QDockWidget:
    """An empty dock that can be hidden from the View menu.

    name: identifies the dock when the window layout is restored; not translated.
    """
    made = QDockWidget(title)
    made.setObjectName(f"dock-{name.capitalize()}")
    made.setFeatures(
        QDockWidget.DockWidgetFeature.DockWidgetClosable
        | QDockWidget.DockWidgetFeature.DockWidgetMovable
    )
    made.setTitleBarWidget(title_row(title, buttons))
    return made


def keep_width(made: QDockWidget, width: int) -> None:
    """Give a dock its initial width; the user may change it later."""
    body = made.widget()
    body.setFixedWidth(width)

    def free() -> None:
        body.setMinimumWidth(LEAST_PX)
        body.setMaximumWidth(width + 6 * SLACK_PX)

    QTimer.singleShot(0, body, free)


class WheelGuard(QObject):
    """Sends wheel events to the scrolled column, so that they do not change controls in it."""

    def __init__(self, area: QScrollArea) -> None:
        super().__init__(area)
        self._area = area

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() != QEvent.Type.Wheel:
            return super().eventFilter(watched, event)
        QCoreApplication.sendEvent(self._area.viewport(), event)
        return True


def scrolled(
    body: QWidget, into: QDockWidget | None = None, panels: Iterable[QWidget] = ()
) -> QScrollArea:
    """A column that scrolls vertically; the wheel does not change controls in it.

    into: the dock that it fills; panels: to be put into the body, one below the other.
    """
    area = QScrollArea()
    if into is not None:
        into.setWidget(area)
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFrameShape(QFrame.Shape.NoFrame)
    body.setProperty("panel", True)
    body.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    area.setWidget(body)
    parts = [part for panel in panels for part in (separator(), panel)]
    if parts:
        column(body, *parts[1:], None, margin=0, spacing=0)
    guard = WheelGuard(area)
    for kind in (QComboBox, QAbstractSlider, QAbstractSpinBox):
        for control in body.findChildren(kind):
            control.installEventFilter(guard)
            control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # not by the wheel
    return area
