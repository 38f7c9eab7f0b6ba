"""The start page: how to begin, and recent slides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from viewer.look.icons import set_icon
from viewer.text.tr import tr
from viewer.widgets.basic import ElidedLabel, label, link
from viewer.widgets.layouts import column, empty, row

SHOWN_RECENTS = 5


class Welcome(QWidget):
    """Shown while no slide is open."""

    recent_requested = Signal(str)

    def __init__(self, choose: QAction, demo: QAction, parent: QWidget | None = None) -> None:
        """choose, demo: actions that open a slide of the user's, and the demo slide."""
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._recents = column(None, margin=0, spacing=4)
        self._doing = label("", "muted")
        self._progress = QProgressBar()
        self._progress.setTextVisible(False)
        self._progress.setAccessibleName(tr("Progress"))
        for widget in (self._doing, self._progress):
            widget.hide()
        how = tr(
            "Drop a whole-slide image or a plain image here, or open one. Then draw around a "
            "region to classify it and to see the evidence on the slide."
        )
        box = QWidget()
        box.setFixedWidth(440)
        column(
            box,
            label(tr("Open a slide to begin"), "hero"),
            label(how, "muted", wrap=True),
            8,
            self._buttons(choose, demo),
            self._doing,
            self._progress,
            16,
            self._recents,
            margin=-1,
        )
        QVBoxLayout(self).addWidget(box, 0, Qt.AlignmentFlag.AlignCenter)

    def _buttons(self, choose: QAction, demo: QAction) -> QHBoxLayout:
        first = QPushButton(choose.text())
        first.setProperty("primary", True)
        second = self._demo = QPushButton(tr("Try the demo"))
        set_icon(second, "sparkle")
        for button, action in ((first, choose), (second, demo)):
            button.setToolTip(action.toolTip())
            button.clicked.connect(action.trigger)
        return row(first, second, None)

    def show_progress(self, text: str, done: int = 0, total: int = 0) -> None:
        """The activity until the slide is open; empty when there is none. 0 of 0: unknown."""
        self._doing.setText(f"{text}…")
        self._progress.setRange(0, total)
        self._progress.setValue(done)
        for widget in (self._doing, self._progress):
            widget.setVisible(bool(text))
        self._demo.setEnabled(not text)

    def set_recents(self, paths: Sequence[str]) -> None:
        empty(self._recents)
        if paths:
            self._recents.addWidget(label(tr("Recent"), "title"))
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
