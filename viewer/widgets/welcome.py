"""The empty window: how to begin, and what was open last."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from viewer.look.icons import set_icon
from viewer.widgets.basic import ElidedLabel, label, link
from viewer.widgets.layouts import empty, row

SHOWN_RECENTS = 5


class Welcome(QWidget):
    """Shown while no slide is open."""

    open_requested = Signal()
    demo_requested = Signal()
    recent_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._recents = QVBoxLayout()
        self._recents.setSpacing(4)
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addWidget(label("Open a slide to begin", "hero"))
        column.addWidget(
            label(
                "Drop a whole-slide image or a picture here, or choose one. Then draw around a "
                "region: the model says what it sees, and where.",
                "muted",
                wrap=True,
            )
        )
        column.addSpacing(8)
        column.addLayout(self._buttons())
        self._doing = label("", "muted")
        self._progress = QProgressBar()
        self._progress.setTextVisible(False)
        self._progress.setAccessibleName("Progress")
        for widget in (self._doing, self._progress):
            widget.hide()
            column.addWidget(widget)
        column.addSpacing(16)
        column.addLayout(self._recents)
        box = QWidget()
        box.setFixedWidth(440)
        box.setLayout(column)
        outer = QVBoxLayout(self)
        outer.addWidget(box, 0, Qt.AlignmentFlag.AlignCenter)

    def _buttons(self) -> QHBoxLayout:
        choose = QPushButton("Open slide…")
        choose.setToolTip("Open a slide or a picture (Ctrl+O)")
        choose.setProperty("primary", True)
        choose.clicked.connect(self.open_requested)
        demo = self._demo = QPushButton("Try the demo")
        demo.setToolTip("A synthetic slide with a few regions")
        set_icon(demo, "sparkle")
        demo.clicked.connect(self.demo_requested)
        return row(choose, demo, None)

    def show_progress(self, text: str, done: int = 0, total: int = 0) -> None:
        """What is under way until the slide is there; empty when nothing is. 0 of 0: unknown."""
        self._doing.setText(f"{text}…")
        self._progress.setRange(0, total)
        self._progress.setValue(done)
        for widget in (self._doing, self._progress):
            widget.setVisible(bool(text))
        self._demo.setEnabled(not text)

    def set_recents(self, paths: Sequence[str]) -> None:
        empty(self._recents)
        if paths:
            self._recents.addWidget(label("Recent", "title"))
        for path in paths[:SHOWN_RECENTS]:
            self._recents.addWidget(self._recent(path))

    def _recent(self, path: str) -> QWidget:
        line = QWidget()
        button = link(Path(path).name, path)
        button.clicked.connect(lambda: self.recent_requested.emit(path))
        folder = ElidedLabel(str(Path(path).parent), "small")
        layout = row(button, folder, wide=folder)
        layout.setContentsMargins(0, 0, 0, 0)
        line.setLayout(layout)
        return line
