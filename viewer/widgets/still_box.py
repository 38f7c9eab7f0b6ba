"""Choices that the wheel leaves alone, and the ramps of colours among them."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon, QImage, QPixmap, QWheelEvent
from PySide6.QtWidgets import QComboBox

from ssmamba.explain.colormaps import COLORMAPS, lookup_table
from viewer.text.tr import tr

RAMP_SIZE = QSize(48, 12)

RAMP_NAMES = {  # those of matplotlib are names in every language
    "inferno": "Inferno",
    "viridis": "Viridis",
    "magma": "Magma",
    "turbo": "Turbo",
    "blue-red": tr("Blue to red"),
    "gray": tr("Grey"),
}


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
            self.addItem(_ramp(name), RAMP_NAMES.get(name, name), name)


def _ramp(name: str) -> QIcon:
    table = lookup_table(name)
    image = QImage(table.tobytes(), 256, 1, 256 * 3, QImage.Format.Format_RGB888)
    return QIcon(QPixmap.fromImage(image.scaled(RAMP_SIZE)))
