"""Asks how long a line on the slide is, and what one pixel is from that."""

from __future__ import annotations

from collections.abc import Callable

import shiboken6
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QDialogButtonBox, QWidget

from viewer.controllers.known_line import KnownLineController
from viewer.state.calibration import ENDS_PX, MPP_DECIMALS, SHORTEST_PX, mpp_of_line
from viewer.text import formats
from viewer.text.tr import decimal, tr
from viewer.widgets.basic import label
from viewer.widgets.dialog import Button, Dialog
from viewer.widgets.form import inset
from viewer.widgets.layouts import row
from viewer.widgets.number_box import NumberBox
from viewer.window.calibration import CalibrationDialog

LONGEST = 1e6
UNITS = {"µm": 1.0, "mm": 1000.0}
VAGUE_PERCENT = 0.5  # a line whose ends may be amiss by more asks for a longer one


class KnownLengthDialog(Dialog):
    """Accepted only where what the line says can be."""

    told_mpp = Signal(float)  # µm per level-0 pixel, once it is accepted

    def __init__(self, px: float, own_mpp: float | None, parent: QWidget | None = None) -> None:
        """px: length of the line, level-0 pixels; own_mpp: what the file says."""
        super().__init__(tr("Known length"), parent)
        self.setMinimumWidth(380)
        self._own_mpp = own_mpp
        self._line = label("")
        self.length = NumberBox()
        self.length.setRange(0.0, LONGEST)
        self.length.setDecimals(3)
        self.length.setAccessibleName(tr("Length of the line"))
        inset(self.length)
        self.unit = QComboBox()
        self.unit.setAccessibleName(tr("Unit"))
        for name, um in UNITS.items():
            self.unit.addItem(name, um)
        self.told = label("", "small", wrap=True)
        self.told.setMinimumHeight(2 * self.told.sizeHint().height())
        asked = row(label(tr("Its true length is")), self.length, self.unit, wide=self.length)
        self.lay_out(self._line, asked, self.told, margin=16, buttons=Button.Ok | Button.Cancel)
        self._ok = self.findChildren(QDialogButtonBox)[0].button(Button.Ok)
        self.length.valueChanged.connect(self._show)
        self.unit.currentIndexChanged.connect(self._show)
        self.set_px(px)
        self.length.selectAll()
        self.length.setFocus()

    def set_px(self, px: float) -> None:
        """Another line was drawn."""
        self._px = px
        self._line.setText(tr("The line is {px} long.").format(px=formats.exact_length(px, None)))
        self._show()

    @property
    def mpp(self) -> float | None:
        """µm per level-0 pixel; None while nothing that can be is said."""
        if self._px < SHORTEST_PX:
            return None
        return mpp_of_line(self._px, self.length.value() * self.unit.currentData())

    def _show(self) -> None:
        self._ok.setEnabled(self.mpp is not None)
        self.told.setText(self._text())

    def _text(self) -> str:
        if self._px < SHORTEST_PX:
            text = tr("This line is too short to tell the scale. Draw one of at least {px} px.")
            return text.format(px=f"{SHORTEST_PX:.0f}")
        if not self.length.value():
            return tr("Enter the true length of the line.")
        if self.mpp is None:
            return tr("No slide has pixels of that size. Check the number and its unit.")
        parts = [tr("One slide pixel is {mpp} µm.").format(mpp=_number(self.mpp))]
        if self._own_mpp is not None:
            parts.append(tr("The file says {mpp} µm.").format(mpp=_number(self._own_mpp)))
        percent = 100 * ENDS_PX / self._px
        if percent > VAGUE_PERCENT:
            text = tr("Accurate to about {percent} %; a longer line is more exact.")
            parts.append(text.format(percent=decimal(f"{percent:.1g}")))
        return " ".join(parts)

    def accept(self) -> None:
        self.length.interpretText()
        if self.mpp is not None:
            self.told_mpp.emit(self.mpp)
            super().accept()


class KnownLength:
    """Leads from a line to the scale: from one that is drawn for it, or from a ruler."""

    def __init__(self, lines: KnownLineController, window: QWidget) -> None:
        self._lines = lines
        self._window = window
        self._calibration: CalibrationDialog | None = None  # that waits for a line
        self._dialog: KnownLengthDialog | None = None
        lines.drawn.connect(self._on_drawn)
        lines.left.connect(self._on_left)

    def of_ruler(self, own_mpp: float | None) -> None:
        """Set the scale by the selected ruler. own_mpp: what the file says."""
        px = self._lines.ruler_px
        if px is not None:
            self._end()
            self._ask(px, own_mpp, self._lines.set_scale)

    def of_drawn_line(self, calibration: CalibrationDialog) -> None:
        """Have a line drawn, and put the scale into the dialog, which makes room meanwhile."""
        self._end()
        self._calibration = calibration
        calibration.hide()
        self._lines.draw()

    def end_drawing(self) -> bool:
        """Show the calibration that waits for a line again; False if none does."""
        waited = self._calibration is not None
        self._end()
        return waited

    def _ask(self, px: float, own_mpp: float | None, then: Callable[[float], object]) -> None:
        dialog = self._dialog = KnownLengthDialog(px, own_mpp, self._window)
        dialog.told_mpp.connect(then)
        dialog.finished.connect(self._on_finished)
        dialog.show()

    def _on_drawn(self, px: float) -> None:
        if self._dialog is not None:
            self._dialog.set_px(px)
        elif self._calibration is not None:
            self._ask(px, self._calibration.own_mpp, self._calibration.mpp.setValue)

    def _on_finished(self) -> None:
        self._dialog = None
        self._end()

    def _end(self) -> None:
        self._lines.leave()
        self._on_left()

    def _on_left(self) -> None:
        """Another tool, another slide, or all is done."""
        dialog, self._dialog = self._dialog, None
        calibration, self._calibration = self._calibration, None
        if dialog is not None:
            dialog.reject()
        if calibration is not None and shiboken6.isValid(calibration):
            calibration.show()
            calibration.raise_()
            calibration.activateWindow()


def _number(mpp: float) -> str:
    return decimal(f"{mpp:.{MPP_DECIMALS}f}")
