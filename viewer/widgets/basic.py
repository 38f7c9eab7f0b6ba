"""Labels, buttons and segmented choices in the house style."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QAction, QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from viewer.look.icons import set_icon

ICON_PX = 18
LEAST_PX = 80  # of a text, before what follows it is left out


def label(text: str = "", role: str = "", wrap: bool = False) -> QLabel:
    """A plain-text label; role: a name of the style sheet (title, muted, small, badge …)."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if role:
        made.setProperty("role", role)
    if wrap:
        made.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    return made


def link(text: str, tip: str = "") -> QPushButton:
    """A button that looks like a link."""
    made = QPushButton(text)
    made.setProperty("link", True)
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    made.setToolTip(tip)
    made.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
    return made


def icon_button(name: str, tip: str, *, checkable: bool = False) -> QToolButton:
    """A square button; the tip is also its accessible name."""
    made = _square_button(tip)
    set_icon(made, name)
    made.setCheckable(checkable)
    made.setToolTip(tip)
    return made


def chevron(closed_tip: str, open_tip: str) -> QToolButton:
    """A button that unfolds something: it points right while closed, down while open."""
    made = icon_button("chevron-right", closed_tip, checkable=True)
    made.setProperty("chevron", True)

    def show(opened: bool) -> None:
        tip = open_tip if opened else closed_tip
        set_icon(made, "chevron-down" if opened else "chevron-right")
        made.setToolTip(tip)
        made.setAccessibleName(tip)

    made.toggled.connect(show)
    return made


def action_button(action: QAction) -> QToolButton:
    """A square button that runs an action, with its icon and tip."""
    made = _square_button(action.text())
    made.setDefaultAction(action)
    return made


def _square_button(name: str) -> QToolButton:
    made = QToolButton()
    made.setIconSize(QSize(ICON_PX, ICON_PX))
    made.setAutoRaise(True)
    made.setAccessibleName(name)
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return made


def separator() -> QFrame:
    made = QFrame()
    made.setProperty("separator", True)
    made.setFixedHeight(1)
    return made


def elided(
    metrics: QFontMetrics,
    text: str,
    room: float,
    tail: str = "",
    cut: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
) -> str:
    """``text`` elided to fit ``room`` px together with ``tail``, which stays whole if it can.

    Where that would leave nearly nothing of the text, the tail is left out.
    """
    if room - metrics.horizontalAdvance(tail) < min(LEAST_PX, metrics.horizontalAdvance(text)):
        tail = ""
    left = max(0, int(room) - metrics.horizontalAdvance(tail))
    return metrics.elidedText(text, cut, left) + tail


def restyle(widget: QWidget, name: str, value: object) -> None:
    """Set a property that the style sheet selects by, and apply the style."""
    widget.setProperty(name, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


class ElidedLabel(QLabel):
    """One line, elided when there is no room; the tooltip then shows the full text.

    cut: where to elide; in the middle if the end distinguishes texts, as with model names.
    """

    def __init__(
        self,
        text: str = "",
        role: str = "",
        cut: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    ) -> None:
        super().__init__(text)
        self._cut = cut
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._tail = ""

    def set_texts(self, text: str, tail: str) -> None:
        """``tail``: end of the line that is never elided, such as a percentage."""
        self._tail = tail
        self.setText(text + tail)

    def minimumSizeHint(self) -> QSize:
        return QSize(24, super().minimumSizeHint().height())

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.contentsRect(), int(self.alignment()), self._shown_text())

    def _shown_text(self) -> str:
        tail = self._tail if self.text().endswith(self._tail) else ""
        text = self.text().removesuffix(tail)
        return elided(self.fontMetrics(), text, self.contentsRect().width(), tail, self._cut)

    def event(self, event: QEvent) -> bool:
        """Show the tooltip only when the text is elided."""
        if event.type() == QEvent.Type.ToolTip:
            self.setToolTip(self.text() if self._shown_text() != self.text() else "")
        return super().event(event)


class Segmented(QWidget):
    """A few choices side by side, of which one is selected."""

    chosen = Signal(object)  # the value

    def __init__(self, choices: Sequence[tuple[object, str, str]], name: str) -> None:
        """choices: (value, text, tip). name: accessible name."""
        super().__init__()
        self.setAccessibleName(name)
        self._group = QButtonGroup(self)
        self._values = [value for value, _, _ in choices]
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for index, (_, text, tip) in enumerate(choices):
            button = QToolButton()
            button.setText(text)
            button.setCheckable(True)
            button.setToolTip(tip)
            button.setProperty("segment", True)
            button.setProperty("position", _position(index, len(choices)))
            button.setAccessibleName(f"{name}: {text}")
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            self._group.addButton(button, index)
            row.addWidget(button)
        self._group.idClicked.connect(lambda index: self.chosen.emit(self._values[index]))

    @property
    def buttons(self) -> list[QAbstractButton]:
        """From left to right."""
        return self._group.buttons()

    def set_value(self, value: object) -> None:
        self._group.button(self._values.index(value)).setChecked(True)


def _position(index: int, count: int) -> str:
    if index == 0:
        return "first"
    return "last" if index == count - 1 else "middle"
