"""The dialog that says how large a pixel is, and how much tissue a model reads at once."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QWidget,
)

from ssmamba.slides.slide import SlideInfo
from viewer.state.settings import SlideSettings
from viewer.widgets.basic import label, link
from viewer.widgets.form import inset
from viewer.widgets.layouts import column
from viewer.widgets.number_box import NumberBox

PRESETS = ((0.25, "40×"), (0.5, "20×"), (1.0, "10×"))
LARGEST_FIELD_PX = 1_000_000.0


class CalibrationDialog(QDialog):
    """Not modal: the slide stays usable. ``on_accept`` gets the new calibration."""

    def __init__(
        self,
        info: SlideInfo,
        current: SlideSettings,
        on_accept: Callable[[SlideSettings], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Calibration of {info.name}")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(480)
        self._info = info
        self._on_accept = on_accept
        self.mpp = _number("Micrometres per pixel", 0.0, 100.0, 4, " µm")
        own = "unknown" if info.mpp is None else f"{info.mpp:.4g} µm, from the file"
        self.mpp.setSpecialValueText(own)
        self.mpp.setValue(current.mpp or 0.0)
        self.mpp.setKeyboardTracking(False)  # 0.2 on the way to 0.25 is no scale
        self._scale = self._mpp()
        self._field_px = current.field_px
        self._said_in_um = self._scale is not None
        self.field = _number("Tissue that one model window covers", 0.0, LARGEST_FIELD_PX, 0, "")
        self.field.setSpecialValueText("the whole region")
        self._show_field()
        self.icc = QCheckBox("Apply the slide's colour profile to the view")
        self.icc.setChecked(current.icc)
        self.icc.setEnabled(info.has_icc)
        if not info.has_icc:
            self.icc.setToolTip("This slide carries no colour profile")
        self._lay_out()
        self.mpp.valueChanged.connect(self._on_mpp_changed)
        self.field.valueChanged.connect(self._on_field_changed)

    def _lay_out(self) -> None:
        layout = column(self, spacing=12)
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(8)
        form.addRow(label("One slide pixel is"), self.mpp)
        form.addRow("", self._presets())
        form.addRow(label("One model window covers"), self.field)
        layout.addLayout(form)
        layout.addWidget(
            label(
                "Some models were trained on pictures whose scale is not known. Without a window "
                "size they read the whole region at once; with it, larger regions are read in "
                "windows of this size and the answers are averaged.",
                "small",
                wrap=True,
            )
        )
        layout.addWidget(self.icc)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.button(QDialogButtonBox.StandardButton.Ok).setProperty("primary", True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)

    def _presets(self) -> QWidget:
        made = QWidget()
        row = QHBoxLayout(made)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(label("Usual values:", "small"))
        for value, name in PRESETS:
            button = link(f"{value:g} ({name})", f"{value:g} µm per pixel")
            button.clicked.connect(lambda _=False, value=value: self.mpp.setValue(value))
            row.addWidget(button)
        row.addStretch(1)
        return made

    def _mpp(self) -> float | None:
        return self.mpp.value() or self._info.mpp

    def _show_field(self) -> None:
        """In µm when the slide's scale is known, else in pixels."""
        self.field.blockSignals(True)
        self.field.setSuffix(" px" if self._scale is None else " µm")
        self.field.setValue((self._field_px or 0.0) * (self._scale or 1.0))
        self.field.blockSignals(False)

    def _on_mpp_changed(self) -> None:
        """A window said in µm covers the same tissue at another scale; one in px stays as it is."""
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
        self._on_accept(SlideSettings(mpp, self._field_px, self.icc.isChecked()))
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
