"""The question how much of the slide one training image shows, in the results."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QPushButton

from viewer.controllers.scale import ScaleController
from viewer.state.document import Document
from viewer.state.scale import Question
from viewer.text import formats
from viewer.text.tr import tr
from viewer.widgets.basic import label
from viewer.widgets.flow import flowing
from viewer.widgets.form import inset
from viewer.widgets.layouts import column
from viewer.widgets.number_box import NumberBox

LARGEST_PX = 1_000_000.0


class ScaleQuestion(QFrame):
    """Shown while the selected region waits for the answer; the square on the slide is its twin."""

    def __init__(self, scale: ScaleController, document: Document) -> None:
        super().__init__()
        self._scale, self._document = scale, document
        self.setProperty("card", True)
        self._title = label(
            tr("How much of this slide is one training picture?"), "title", wrap=True
        )
        self._text = label(role="", wrap=True)
        self._why = label(role="small", wrap=True)
        self.side = NumberBox()
        self.side.setDecimals(0)
        self.side.setRange(1, LARGEST_PX)
        self.side.setAccessibleName(tr("Width of tissue that one training image shows"))
        inset(self.side)
        self.use = QPushButton(tr("Use this size"))
        self.use.setProperty("primary", True)
        self.later = QPushButton(tr("Later"))
        self.show_square = QPushButton(tr("Show the square"))
        buttons = flowing(self.use, self.show_square, self.later)
        column(self, self._title, self._text, self._why, self.side, buttons, margin=12)
        self.use.clicked.connect(scale.confirm)
        self.later.clicked.connect(scale.put_off)
        self.show_square.clicked.connect(scale.mark)
        self.side.valueChanged.connect(self._on_typed)
        scale.changed.connect(self.refresh)
        document.slide_settings_changed.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        question = self._scale.question
        self.setVisible(question is not None)
        if question is None:
            return
        self._text.setText(_asked(question))
        self._why.setText(self._reason(question))
        self.side.blockSignals(True)
        self.side.setSuffix(" px" if self._document.mpp is None else " µm")
        self.side.setValue(self._scale.field_px * (self._document.mpp or 1.0))
        self.side.blockSignals(False)
        self.show_square.setVisible(not self._scale.marking)
        self.later.setVisible(self._scale.marking)

    def _reason(self, question: Question) -> str:
        """Where the suggestion comes from, and what happens until it is confirmed."""
        spec, mpp = question.models[0].card.input, self._document.mpp
        likely = formats.length(question.field.px, mpp)
        if mpp is not None and spec.magnification is not None:
            text = tr("Likely {length}: the images were taken at {magnification:g}×.")
            first = text.format(length=likely, magnification=spec.magnification)
        else:
            text = tr("The images were {px} px wide, which says little about this slide.")
            first = text.format(px=spec.source_px)
        if question.of_slide:
            return tr("{likely} Until then, the slide is not read.").format(likely=first)
        limit = formats.length(question.field.px * question.field.slack, mpp)
        then = tr("Until then, regions wider than {limit} are given no class.")
        return f"{first} {then.format(limit=limit)}"

    def _on_typed(self, value: float) -> None:
        self._scale.resize(value / (self._document.mpp or 1.0))


def _asked(question: Question) -> str:
    name = question.models[0].name
    text = tr(
        "Move and size the yellow square until it covers as much tissue as one of the pictures "
        "that {model} was trained on. This is asked once for each slide."
    )
    return text.format(model=name)
