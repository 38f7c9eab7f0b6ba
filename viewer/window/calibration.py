"""The dialog for the pixel size of a slide and the window size of its models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QFormLayout, QHBoxLayout, QWidget

from ssmamba.slides.slide import SlideInfo
from viewer.state.calibration import MPP_DECIMALS, CalibrationDraft
from viewer.state.settings import LARGEST_FIELD_PX, LARGEST_MPP, SlideSettings
from viewer.text.tr import decimal, tr
from viewer.widgets.basic import label, link
from viewer.widgets.dialog import Button, Dialog
from viewer.widgets.form import inset
from viewer.widgets.layouts import row
from viewer.widgets.number_box import NumberBox

PRESETS = ((0.25, "40×"), (0.5, "20×"), (1.0, "10×"))


class CalibrationDialog(Dialog):
    """Not modal: the slide stays usable. ``on_accept`` gets the new calibration."""

    line_requested = Signal()  # the scale is to come from a line of known length

    def __init__(
        self,
        info: SlideInfo,
        current: SlideSettings,
        on_accept: Callable[[SlideSettings], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(tr("Calibration of {name}").format(name=info.name), parent)
        self.setMinimumWidth(480)
        self.own_mpp = info.mpp
        self._on_accept = on_accept
        self.mpp = _number(tr("Micrometres per pixel"), 0.0, LARGEST_MPP, MPP_DECIMALS, " µm")
        own = tr("unknown")
        if info.mpp is not None:
            own = tr("{mpp:.4g} µm, from the file").format(mpp=info.mpp)
        self.mpp.setSpecialValueText(own)
        self.mpp.setValue(current.mpp or 0.0)
        self.mpp.setKeyboardTracking(False)  # not 0.2 while typing 0.25
        self._draft = CalibrationDraft(current, info.mpp)
        self.field = _number(
            tr("Width of tissue that one model window covers"), 0.0, LARGEST_FIELD_PX, 0, ""
        )
        self.field.setSpecialValueText(tr("the whole region"))
        self._show_field()
        self.icc = QCheckBox(tr("Apply the slide's colour profile to the view"))
        self.icc.setChecked(current.icc)
        self.icc.setEnabled(info.has_icc)
        if not info.has_icc:
            self.icc.setToolTip(tr("This slide has no colour profile"))
        self._lay_out()
        self.mpp.valueChanged.connect(self._on_mpp_changed)
        self.field.valueChanged.connect(self._draft.set_field)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(8)
        form.addRow(label(tr("One slide pixel is")), self.mpp)
        form.addRow("", self._presets())
        form.addRow("", self._line())
        form.addRow(label(tr("One model window covers")), self.field)
        why = tr(
            "Some models were trained on images of unknown scale. Without a window size, they "
            "classify a region as a whole. With one, they read larger regions in windows of this "
            "size and average the results."
        )
        buttons = Button.Ok | Button.Cancel
        self.lay_out(form, label(why, "small", wrap=True), self.icc, margin=16, buttons=buttons)

    def _presets(self) -> QHBoxLayout:
        buttons = []
        for value, name in PRESETS:
            tip = tr("{mpp:g} µm per pixel").format(mpp=value)
            button = link(decimal(f"{value:g} ({name})"), tip)
            button.clicked.connect(lambda _=False, value=value: self.mpp.setValue(value))
            buttons.append(button)
        return row(label(tr("Presets:"), "small"), *buttons, None, spacing=10)

    def _line(self) -> QHBoxLayout:
        tip = tr("Draw a line along something of known length, and say how long it is")
        button = link(tr("Measure a line…"), tip)
        button.clicked.connect(lambda _=False: self.line_requested.emit())
        return row(button, None)

    def _show_field(self) -> None:
        """Show the window size in µm if the slide's scale is known, else in pixels."""
        self.field.blockSignals(True)
        scale = self._draft.scale
        self.field.setSuffix(" px" if scale is None else " µm")
        self.field.setValue((self._draft.field_px or 0.0) * (scale or 1.0))
        self.field.blockSignals(False)

    def _on_mpp_changed(self) -> None:
        self._draft.set_mpp(self.mpp.value() or None)
        self._show_field()

    def accept(self) -> None:
        for box in (self.mpp, self.field):
            box.interpretText()
        self._on_accept(replace(self._draft.settings, icc=self.icc.isChecked()))
        super().accept()


def _number(name: str, low: float, high: float, digits: int, suffix: str) -> NumberBox:
    box = NumberBox()
    box.setRange(low, high)
    box.setDecimals(digits)
    box.setSuffix(suffix)
    box.setAccessibleName(name)
    box.setToolTip(name)
    inset(box)
    return box
