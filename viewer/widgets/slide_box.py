"""The box that switches between open slides, and the menu of recent ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QMenu, QWidget

from viewer.text.tr import tr


class SlideBox(QComboBox):
    chosen = Signal(str)  # path

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Open slides"))
        self.setToolTip(tr("Switch between open slides"))
        self.setMinimumContentsLength(20)
        self.activated.connect(lambda _: self.chosen.emit(self.currentData()))

    def show_files(self, paths: Sequence[str], current: str | None) -> None:
        """current: the one of these that is shown."""
        self.clear()
        for path in paths:
            self.addItem(Path(path).name, path)
        if current is not None:
            self.setCurrentIndex(self.findData(current))


class RecentMenu(QMenu):
    """Recently opened slides."""

    chosen = Signal(str)  # path

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setEnabled(False)

    def show_paths(self, paths: Sequence[str]) -> None:
        self.clear()
        for path in paths:
            self.addAction(path).triggered.connect(
                lambda _=False, path=path: self.chosen.emit(path)
            )
        self.setEnabled(bool(paths))
