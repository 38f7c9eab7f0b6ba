"""Choices that the wheel leaves alone, and the ramps of colours among them."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon, QImage, QPixmap, QWheelEvent
from PySide6.QtWidgets import QComboBox

from ssmamba.explain.colormaps import COLORMAPS, lookup_table

RAMP_SIZE = QSize(48, 12)


class StillBox(QComboBox):
    """Choices that the wheel does not change: it turns all day just above, over the slide."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

    def add_colormaps(self) -> None:
        """Every map of colours with its ramp; its name is the item's data."""
        self.setIconSize(RAMP_SIZE)
        for name in COLORMAPS:
            self.addItem(_ramp(name), name.replace("-", " to ").capitalize(), name)


def _ramp(name: str) -> QIcon:
    table = lookup_table(name)
    image = QImage(table.tobytes(), 256, 1, 256 * 3, QImage.Format.Format_RGB888)
    return QIcon(QPixmap.fromImage(image.scaled(RAMP_SIZE)))
