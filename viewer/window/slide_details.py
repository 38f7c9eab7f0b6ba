"""What a slide's file says of itself: scale, levels, its other pictures, and all its properties."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFormLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from ssmamba.slides.slide import SlideInfo
from viewer.text import formats
from viewer.text.tr import decimal, tr, tr_n
from viewer.widgets.basic import label
from viewer.widgets.dialog import Dialog, selectable
from viewer.widgets.layouts import column, row

LABEL = "label"  # OpenSlide's name for the picture of the glass label
PICTURE_PX = 220  # longest side of a picture
NAMES = {"macro": tr("Macro image"), "thumbnail": tr("Thumbnail"), LABEL: tr("Label")}


def facts(info: SlideInfo) -> list[tuple[str, str]]:
    """(term, text) pairs, the most asked for first."""
    unknown = tr("not in the file")
    sides = " · ".join(f"{level.width} × {level.height}" for level in info.levels)
    return [
        (tr("File"), info.path),
        (tr("Format"), info.vendor),
        (tr("Size"), f"{info.width} × {info.height} px"),
        (tr("Levels"), sides),
        (tr("Scale"), unknown if info.mpp is None else decimal(f"{info.mpp:.4g} µm/px")),
        (
            tr("Objective"),
            unknown if info.objective_power is None else decimal(f"{info.objective_power:g}×"),
        ),
        (tr("Colour profile"), tr("yes") if info.has_icc else tr("none")),
    ]


class SlideDetails(Dialog):
    """Facts, pictures and properties; the label is hidden until it is asked for."""

    def __init__(self, info: SlideInfo, parent: QWidget | None = None) -> None:
        super().__init__(tr("About this slide"), parent)
        self.setMinimumSize(760, 560)
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(6)
        for term, text in facts(info):
            form.addRow(label(term, "muted"), selectable(label(text, wrap=True)))
        self._pictures = column(None, margin=0, spacing=8)
        self._waiting = label(tr("Reading the other pictures of the file…"), "muted", wrap=True)
        self._pictures.addWidget(self._waiting)
        self._pictures.addStretch()
        self._search = QLineEdit()
        self._search.setPlaceholderText(tr("Find a property"))
        self._search.setAccessibleName(tr("Find a property"))
        self._search.setClearButtonEnabled(True)
        self._search.textChanged.connect(self._filter)
        self._table = _table(info.properties)
        side = column(None, form, self._search, self._table, wide=self._table, margin=0, spacing=12)
        self.lay_out(row(self._pictures, side, wide=side, spacing=24))

    def show_pictures(self, pictures: Mapping[str, Image.Image]) -> None:
        """pictures: by OpenSlide's name, RGB."""
        self._waiting.setVisible(not pictures)
        self._waiting.setText(tr("The file has no other pictures."))
        for at, (name, picture) in enumerate(sorted(pictures.items(), key=lambda p: p[0] == LABEL)):
            self._pictures.insertLayout(at, self._framed(name, picture))

    def say(self, text: str) -> None:
        """Why there are no pictures."""
        self._waiting.setText(text)

    def _framed(self, name: str, picture: Image.Image):
        shown = label()
        title = NAMES.get(name, name)
        shown.setAccessibleName(title)
        shown.setPixmap(_pixmap(picture, self.devicePixelRatioF()))
        if name != LABEL:
            return column(None, label(title, "muted"), shown, margin=0, spacing=4)
        shown.hide()
        button = QPushButton(tr("Show the label"))
        button.setToolTip(tr("It can name the patient."))

        def turn() -> None:
            shown.setVisible(shown.isHidden())
            button.setText(tr("Show the label") if shown.isHidden() else tr("Hide the label"))

        button.clicked.connect(turn)
        return column(None, button, shown, margin=0, spacing=4)

    def _filter(self, text: str) -> None:
        wanted, shown = text.casefold(), 0
        for at in range(self._table.rowCount()):
            cells = (self._table.item(at, column) for column in range(2))
            found = any(wanted in cell.text().casefold() for cell in cells if cell is not None)
            self._table.setRowHidden(at, not found)
            shown += found
        told = tr_n("{count} property", "{count} properties", shown)
        self._search.setToolTip(told.format(count=formats.whole(shown)))


def _table(properties: Mapping[str, str]) -> QTableWidget:
    table = QTableWidget(len(properties), 2)
    table.setHorizontalHeaderLabels([tr("Property"), tr("Value")])
    table.setAccessibleName(tr("Properties of the file"))
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.verticalHeader().hide()
    table.setWordWrap(False)
    for at, (name, value) in enumerate(sorted(properties.items())):
        for side, text in enumerate((name, value)):
            cell = QTableWidgetItem(text)
            cell.setToolTip(text)
            table.setItem(at, side, cell)
    header = table.horizontalHeader()
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
    header.setStretchLastSection(True)
    table.setColumnWidth(0, 240)
    return table


def _pixmap(picture: Image.Image, dpr: float) -> QPixmap:
    pixels = np.ascontiguousarray(np.asarray(picture.convert("RGB")))
    height, width = pixels.shape[:2]
    image = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    side = round(PICTURE_PX * dpr)
    made = QPixmap.fromImage(image).scaled(
        side, side, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
    made.setDevicePixelRatio(dpr)
    return made
