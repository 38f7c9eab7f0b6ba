"""One cell of the comparison: a linked view under a title."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame

from viewer.canvas import SlideCanvas
from viewer.text.tr import tr
from viewer.widgets.basic import ElidedLabel, label
from viewer.widgets.layouts import column

HEADER_PX, TALL_HEADER_PX = 44, 66
NARROW_PX = 300  # in a narrower cell "Not sure" is below the answer


class CompareCell(QFrame):
    """Title, the model's answer, and a canvas that shares the slide's tiles."""

    looked = Signal(object)  # ViewState set by the user in this cell

    def __init__(self, source: SlideCanvas) -> None:
        super().__init__()
        self.setProperty("panel", True)
        self._title = ElidedLabel("", "title", cut=Qt.TextElideMode.ElideMiddle)
        self._answer = ElidedLabel(role="small")
        self._badge = label(tr("Not sure"), "badge")
        self._badge.hide()
        self.canvas = SlideCanvas(decorations=False)
        self.canvas.share_source(source)
        self.canvas.view_changed.connect(self.looked)
        self._header = QFrame()
        texts = column(None, self._title, self._answer, margin=0, spacing=0)
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self._header)
        self._row.setContentsMargins(12, 4, 8, 4)
        left = Qt.AlignmentFlag.AlignLeft
        self._row.addLayout(texts, 1)
        self._row.addWidget(self._badge, 0, left | Qt.AlignmentFlag.AlignVCenter)
        self._fold(self.width() < NARROW_PX)
        column(self, self._header, self.canvas, wide=self.canvas, margin=0, spacing=0)

    def set_title(self, title: str) -> None:
        self._title.setText(title)
        self.canvas.setAccessibleName(tr("Comparison: {title}").format(title=title))

    def set_answer(self, text: str, share: str = "", unsure: bool = False) -> None:
        """share: the percentage after the class; never elided."""
        self._answer.set_texts(text, share)
        self._badge.setVisible(unsure)
        self.setAccessibleName(f"{self._title.text()}: {text}{share}")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fold(self.width() < NARROW_PX)

    def _fold(self, narrow: bool) -> None:
        """All cells of the grid are equally wide, so their canvases stay aligned."""
        way = QBoxLayout.Direction
        self._row.setDirection(way.TopToBottom if narrow else way.LeftToRight)
        self._row.setSpacing(2 if narrow else 8)
        policy = self._badge.sizePolicy()
        policy.setRetainSizeWhenHidden(narrow)  # names are aligned with and without a badge
        self._badge.setSizePolicy(policy)
        self._header.setFixedHeight(TALL_HEADER_PX if narrow else HEADER_PX)
