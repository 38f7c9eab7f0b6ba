"""The headings of the matrix: a model for each row, a class, method or detail for each column."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QFrame, QSizePolicy, QWidget

from viewer.compare.captions import Caption
from viewer.look.sizes import scaled
from viewer.state.matrix import Column
from viewer.text.answers import agreement_text
from viewer.widgets.basic import ElidedLabel, label
from viewer.widgets.layouts import column, row
from viewer.widgets.mark import Mark

ROW_PX, SLIM_ROW_PX, COLUMN_PX, SWATCH_PX = 168, 136, 28, 10


class RowHeading(QFrame):
    """A model's name in full, and its answer, doubt first."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("panel", True)
        self.setFixedWidth(scaled(ROW_PX))
        self._name = label(role="title", wrap=True)
        self._name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self._name.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._badge = label(role="badge", wrap=True)
        self._answer = ElidedLabel(role="small")
        self._mark = Mark()
        said = row(self._answer, self._mark, wide=self._answer, spacing=4)
        parts = (self._name, self._badge, said)
        column(self, *parts, wide=self._name, margin=10, upright=6, spacing=2)

    def set_slim(self, slim: bool) -> None:
        """Where the window is narrow."""
        self.setFixedWidth(scaled(SLIM_ROW_PX if slim else ROW_PX))

    def show_model(self, name: str, about: str, caption: Caption) -> None:
        """about: the model's whole name and its file, for the tooltip."""
        self._name.setText(name)
        self._badge.setText(caption.doubt)
        self._badge.setVisible(bool(caption.doubt))
        self._answer.set_texts(caption.text, f" · {caption.share}" if caption.share else "")
        self._mark.show_agreement(caption.agrees, agreement_text(caption.agrees))
        self.setToolTip(about)
        self.setAccessibleName(f"{name}: {caption.spoken}" if caption.spoken else name)


class Swatch(QWidget):
    """The colour of a class."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(QSize(SWATCH_PX, SWATCH_PX))
        self._color = QColor()

    def show_color(self, color: tuple[int, int, int] | None) -> None:
        self._color = QColor(*color) if color else QColor()
        self.setVisible(color is not None)
        self.update()

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._color)
        painter.drawRoundedRect(QRectF(self.rect()), 2, 2)


class ColumnHeading(QFrame):
    """A column's name; elided where it is narrow, with a tooltip."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("panel", True)
        self.setFixedHeight(scaled(COLUMN_PX))
        self._swatch = Swatch()
        self._name = ElidedLabel(role="title")
        line = row(self._swatch, self._name, wide=self._name, spacing=6)
        line.setContentsMargins(8, 0, 8, 0)
        self.setLayout(line)
        self.show_column(Column("", ""))

    def show_column(self, shown: Column) -> None:
        self._name.setText(shown.title)
        self._swatch.show_color(shown.color)
        self.setAccessibleName(shown.title)

    def show_title(self, title: str) -> None:
        self.show_column(Column("", title))
