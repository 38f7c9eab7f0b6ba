"""A cell of the comparison, as narrow as it gets."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from viewer.canvas import SlideCanvas
from viewer.compare.captions import Caption
from viewer.compare.cell import CompareCell


@pytest.mark.parametrize("width", [130, 180, 219, 260, 400])
def test_the_remarks_are_never_cut_off_beside_a_doubt(qtbot: QtBot, width: int) -> None:
    canvas = SlideCanvas()
    qtbot.addWidget(canvas)
    cell = CompareCell(canvas)
    qtbot.addWidget(cell)
    cell.set_title("Model")
    cell.set_caption(Caption("Foreign tissue", "Colon adenocarcinoma", "77.2 %", "detail 1"))
    cell.resize(width, 400)
    cell.show()
    QApplication.processEvents()
    remarks = cell._remarks
    assert remarks.contentsRect().width() >= remarks.fontMetrics().horizontalAdvance("detail 1")
    assert cell._header.rect().contains(remarks.geometry())
