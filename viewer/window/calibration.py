"""The dialog for the pixel size of a slide and the window size of its models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtWidgets import QCheckBox, QFormLayout, QHBoxLayout, QWidget

from ssmamba.slides.slide import SlideInfo
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

    def __init__(
        self,
        info: SlideInfo,
        current: SlideSettings,
        on_accept: Callable[[SlideSettings], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(tr("Calibration of {name}").format(name=info.name), parent)
        self.setMinimumWidth(480)
        self._info = info
        self._on_accept = on_accept
        self.mpp = _number(tr("Micrometres per pixel"), 0.0, LARGEST_MPP, 4, " µm")
        own = tr("unknown")
        if info.mpp is not None:
            own = tr("{mpp:.4g} µm, from the file").format(mpp=info.mpp)
        self.mpp.setSpecialValueText(own)
        self.mpp.setValue(current.mpp or 0.0)
        self.mpp.setKeyboardTracking(False)  # not 0.2 while typing 0.25
        self._scale = self._mpp()
        each = {px for _, px in current.fields}
        self._current = current
        self._field_px = each.pop() if len(each) == 1 else current.field_px
        self._shown_px = self._field_px
        self._said_in_um = self._scale is not None
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
        self.field.valueChanged.connect(self._on_field_changed)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(8)
        form.addRow(label(tr("One slide pixel is")), self.mpp)
        form.addRow("", self._presets())
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
        return row(label(tr("Presets:"), "small"), *buttons, None, spacing=-1)

    def _mpp(self) -> float | None:
        return self.mpp.value() or self._info.mpp

    def _show_field(self) -> None:
        """Show the window size in µm if the slide's scale is known, else in pixels."""
        self.field.blockSignals(True)
        self.field.setSuffix(" px" if self._scale is None else " µm")
        self.field.setValue((self._field_px or 0.0) * (self._scale or 1.0))
        self.field.blockSignals(False)

    def _on_mpp_changed(self) -> None:
        """A window entered in µm keeps its size in µm; one entered in px keeps its size in px."""
        old, self._scale = self._scale, self._mpp()
        if self._said_in_um and self._field_px and old and self._scale:
            self._field_px *= old / self._scale
        self._show_field()

    def _on_field_changed(self, value: float) -> None:
        self._said_in_um = self._scale is not None
        self._field_px = value / (self._scale or 1.0) or None

    def accept(self) -> None:
        for box in (self.mpp, self.field):
            box.interpretText()
        mpp = self.mpp.value() or None
        fields = self._current.fields if self._field_px == self._shown_px else ()  # else for all
        field_px = self._current.field_px if fields else self._field_px
        changed = replace(
            self._current, mpp=mpp, field_px=field_px, icc=self.icc.isChecked(), fields=fields
        )
        self._on_accept(changed)
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
