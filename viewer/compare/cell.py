"""One cell of the comparison: a linked view under a title."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout

from viewer.canvas import SlideCanvas
from viewer.widgets.basic import ElidedLabel, label

HEADER_PX = 44


class CompareCell(QFrame):
    """Title, what the model says, and a canvas that shares the slide's tiles."""

    looked = Signal(object)  # ViewState that the user chose here

    def __init__(self, title: str, source: SlideCanvas) -> None:
        super().__init__()
        self.setProperty("panel", True)
        self._title = ElidedLabel(title, "title")
        self._answer = ElidedLabel(role="small")
        self._badge = label("Not sure", "badge")
        self._badge.hide()
        self.canvas = SlideCanvas(furniture=False)
        self.canvas.setAccessibleName(f"Comparison: {title}")
        self.canvas.share_source(source)
        self.canvas.view_changed.connect(self.looked)
        header = QFrame()
        header.setFixedHeight(HEADER_PX)
        texts = QVBoxLayout()
        texts.setSpacing(0)
        texts.addWidget(self._title)
        texts.addWidget(self._answer)
        row = QHBoxLayout(header)
        row.setContentsMargins(12, 4, 8, 4)
        row.setSpacing(8)
        row.addLayout(texts, 1)
        row.addWidget(self._badge, 0, Qt.AlignmentFlag.AlignVCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(header)
        layout.addWidget(self.canvas, 1)

    def set_title(self, title: str) -> None:
        self._title.setText(title)

    def set_answer(self, text: str, unsure: bool = False) -> None:
        self._answer.setText(text)
        self._badge.setVisible(unsure)
        self.setAccessibleName(f"{self._title.text()}: {text}")
