"""Brightness, contrast, gamma, white and single stains: for the view alone."""

from __future__ import annotations

from math import log2

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QSlider

from viewer.controllers.view_colors import ViewColorController
from viewer.state.settings import STAIN_VIEWS, ViewColors
from viewer.state.view_colors import AS_STAINED, STAIN_TEXTS
from viewer.text.tr import decimal, tr
from viewer.widgets.basic import icon_button, label, link
from viewer.widgets.form import form, term, value_text
from viewer.widgets.layouts import column, row, section
from viewer.widgets.still_box import StillBox

STEPS = 100  # of a slider, to either side
TERM_PX = 76
GAMMA_OCTAVES = 2.0  # a slider's end is 4 or 1/4


class ViewColorsPanel(QFrame):
    """Hidden until it is asked for, or the slide is shown in other colours than its own."""

    def __init__(self, controller: ViewColorController) -> None:
        super().__init__()
        self._controller = controller
        self._filling = False
        self.brightness, self.contrast, self.gamma = _slider(), _slider(), _slider()
        self._texts = [value_text() for _ in range(3)]
        self.stain = StillBox()
        self.stain.addItem(AS_STAINED, "")
        for key in STAIN_VIEWS:
            self.stain.addItem(STAIN_TEXTS[key], key)
        self.stain.setSizeAdjustPolicy(
            StillBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.stain.setMinimumContentsLength(3)
        self.white = link(tr("Pick a white place"), tr("Click bare glass that is to be white"))
        self._white_text = label(role="small")
        self._reset = icon_button("undo", tr("The slide's own colours"))
        self._close = icon_button("close", tr("Close"))
        for widget, spoken in (
            (self.brightness, tr("Brightness of the view")),
            (self.contrast, tr("Contrast of the view")),
            (self.gamma, tr("Gamma of the view")),
            (self.stain, tr("Stain to show")),
        ):
            widget.setAccessibleName(spoken)
            widget.setToolTip(spoken)
        self._lay_out()
        self._connect()
        self.refresh()

    def _lay_out(self) -> None:
        fields = form()
        sliders = (self.brightness, self.contrast, self.gamma)
        names = (tr("Brightness"), tr("Contrast"), tr("Gamma"))
        for name, slider, text in zip(names, sliders, self._texts, strict=True):
            fields.addRow(_term(name), row(slider, text, wide=slider))
        fields.addRow(_term(tr("White")), row(self.white, None, self._white_text))
        fields.addRow(_term(tr("Stain")), self.stain)
        note = tr("For the view only: models, exports and reports read the slide's own colours.")
        head = section(tr("Colours of the view"), self._reset, self._close)
        column(self, head, fields, label(note, "small", wrap=True))

    def _connect(self) -> None:
        change, controller = self._change, self._controller
        self.brightness.valueChanged.connect(lambda step: change(brightness=step / STEPS))
        self.contrast.valueChanged.connect(lambda step: change(contrast=step / STEPS))
        self.gamma.valueChanged.connect(
            lambda step: change(gamma=2.0 ** (step / STEPS * GAMMA_OCTAVES))
        )
        self.stain.activated.connect(lambda _: change(stain=self.stain.currentData()))
        self.white.clicked.connect(self._on_white)
        self._reset.clicked.connect(controller.reset)
        self._close.clicked.connect(lambda: controller.open_panel(False))
        controller.changed.connect(self.refresh)

    def _change(self, **changes: object) -> None:
        if not self._filling:
            self._controller.change(**changes)

    def _on_white(self) -> None:
        if self._controller.colors.white is None or self._controller.picking:
            self._controller.pick_white()
        else:
            self._controller.change(white=None)

    def refresh(self) -> None:
        colors = self._controller.colors
        self.setVisible(self._controller.opened)
        self._filling = True
        for slider, steps in (
            (self.brightness, colors.brightness * STEPS),
            (self.contrast, colors.contrast * STEPS),
            (self.gamma, log2(colors.gamma) / GAMMA_OCTAVES * STEPS),
        ):
            slider.setValue(round(steps))
        percents = (100 * colors.brightness, 100 * colors.contrast)
        for text, percent in zip(self._texts, percents, strict=False):
            text.setText(f"{percent:+.0f} %" if round(percent) else "0 %")
        self._texts[2].setText(decimal(f"{colors.gamma:.2f}"))
        self.stain.setCurrentIndex(self.stain.findData(colors.stain))
        self._show_white(colors)
        self._reset.setEnabled(colors != ViewColors())
        self._filling = False

    def _show_white(self, colors: ViewColors) -> None:
        picked = colors.white is not None
        text = tr("White as it is") if picked else tr("Pick a white place")
        self.white.setText(tr("Give up picking") if self._controller.picking else text)
        self._white_text.setText("{} {} {}".format(*colors.white) if colors.white else "")


def _term(text: str) -> QLabel:
    made = term(text)
    made.setMinimumWidth(TERM_PX)
    return made


def _slider() -> QSlider:
    made = QSlider(Qt.Orientation.Horizontal)
    made.setRange(-STEPS, STEPS)
    made.setPageStep(10)
    return made
