"""One answer for the whole slide: doubt, probabilities or survival, and what lies on the slide."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QProgressBar, QPushButton

from viewer.controllers.slide_answers import SlideAnswerController
from viewer.panels.slide_answer_words import (
    answer_headline,
    basis_text,
    doubt_headline,
    provenance_lines,
    region_text,
    status_text,
    survival_lines,
)
from viewer.state.document import Document
from viewer.state.slide_answer import Answered
from viewer.text.tr import tr, translated
from viewer.widgets.bars import Bar, ProbabilityBars
from viewer.widgets.basic import ElidedLabel, chevron, icon_button, label, restyle
from viewer.widgets.dialog import selectable
from viewer.widgets.flow import flowing
from viewer.widgets.form import form, slider, term, value_text
from viewer.widgets.layouts import column, row, section
from viewer.widgets.still_box import StillBox
from viewer.widgets.survival_curve import SurvivalCurve

LAYERS = (
    ("parts", tr("What each region adds")),
    ("groups", tr("Fused regions")),
    ("tokens", tr("Like tissue (32 px)")),
    ("", tr("Nothing")),
)


class SlideAnswerPanel(QFrame):
    """Hidden while no model in the list answers for whole slides, or no slide is open."""

    def __init__(self, controller: SlideAnswerController, document: Document) -> None:
        super().__init__()
        self._controller, self._document = controller, document
        self._answers = controller.answers
        self._filling = False
        self._found: Answered | None = None  # that is shown
        self.model_box, self.layer_box, self.output_box = StillBox(), StillBox(), StillBox()
        self.ask, self.stop = QPushButton(tr("Ask the model")), QPushButton(tr("Stop"))
        self.close_button = icon_button("close", tr("Put the answer away"))
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setRange(0, 100)
        self.said = label(role="reason", wrap=True)
        self.doubt = label(role="doubt", wrap=True)
        self.headline = label(role="title", wrap=True)
        self.reasons = label(role="reason", wrap=True)
        self.bars, self.curve = ProbabilityBars(), SurvivalCurve()
        self.table = label(role="small", wrap=True)
        self._basis = label(role="small", wrap=True)
        self._more = chevron(tr("Show where it comes from"), tr("Hide where it comes from"))
        self._provenance = selectable(label(role="small", wrap=True))
        self.under_cursor = ElidedLabel()
        self.under_cursor.setMinimumHeight(28)
        self._opacity, self._opacity_text = slider(100), value_text()
        self._spell_out()
        self._lay_out()
        self._connect()
        self.refresh()

    def _spell_out(self) -> None:
        for layer, text in LAYERS:
            self.layer_box.addItem(text, layer)
        for widget, spoken in (
            (self.model_box, tr("Model that answers for the slide")),
            (self.layer_box, tr("What lies on the slide")),
            (self.output_box, tr("Class to which the regions add")),
            (self._opacity, tr("Opacity on the slide")),
            (self.progress, tr("How far the answer is")),
            (self.stop, tr("Wait no longer for the answer")),
        ):
            widget.setAccessibleName(spoken)
            widget.setToolTip(spoken)
        for box in (self.model_box, self.layer_box, self.output_box):
            box.setSizeAdjustPolicy(StillBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(3)
        self.table.setTextFormat(Qt.TextFormat.PlainText)
        self._provenance.hide()

    def _lay_out(self) -> None:
        head = section(tr("Answer for the slide"), self.close_button)
        fields = form()
        fields.addRow(term(tr("Show")), self.layer_box)
        self._output_term = term(tr("Class"))
        fields.addRow(self._output_term, self.output_box)
        opacity = row(self._opacity, self._opacity_text, wide=self._opacity)
        fields.addRow(term(tr("Opacity")), opacity)
        fields.addRow(term(tr("Cursor")), self.under_cursor)
        fields.setContentsMargins(0, 0, 0, 0)
        self._settings, self._result = QFrame(), QFrame()
        self._settings.setLayout(fields)
        foot = row(self._basis, self._more, wide=self._basis)
        column(
            self._result, self.doubt, self.headline, self.reasons, self.bars, self.curve,
            self.table, foot, self._provenance, margin=0,
        )  # fmt: skip
        buttons = flowing(self.ask, self.stop)
        column(
            self, head, self.model_box, buttons, self.progress, self.said, self._result,
            self._settings,
        )  # fmt: skip

    def _connect(self) -> None:
        controller, answers = self._controller, self._answers
        self.ask.clicked.connect(lambda: controller.ask(self.model_box.currentData() or ""))
        self.stop.clicked.connect(controller.stop)
        self.close_button.clicked.connect(controller.put_away)
        self.layer_box.activated.connect(lambda _: self._set(layer=self.layer_box.currentData()))
        self.output_box.activated.connect(lambda at: self._set(output=at))
        self._opacity.valueChanged.connect(lambda value: self._set(opacity=value / 100))
        self._more.toggled.connect(self._provenance.setVisible)
        answers.changed.connect(self.refresh)
        answers.progressed.connect(self._show_progress)
        self._document.slide_changed.connect(self.refresh)

    def _set(self, **changes: object) -> None:
        if not self._filling:
            self._answers.set_look(**changes)

    def show_value(self, x: float, y: float) -> None:
        """What is known of the region at a place, level-0 pixels; NaN off the slide."""
        found, text = self._answers.found, ""
        if found is not None and math.isfinite(x):
            region = found.region_at(x, y)
            if region is not None:
                text = region_text(found, region, self._answers.look.output)
        self.under_cursor.setText(text)

    def refresh(self) -> None:
        """Follow the models, the answer and the look."""
        models, found = self._controller.models, self._answers.found
        self.setVisible(bool(models) and self._document.slide is not None)
        self._filling = True
        chosen = self.model_box.currentData()
        if found is not self._found and found is not None:
            chosen = found.answer.checkpoint  # who said it, also before a restart
        self._found = found
        self.model_box.clear()
        for model in models:
            self.model_box.addItem(model.name, model.path)
        self.model_box.setCurrentIndex(max(0, self.model_box.findData(chosen)))
        self.model_box.setVisible(len(models) > 1)
        asked = self._answers.status == "asked"
        self.ask.setVisible(not asked)
        again = found is not None
        self.ask.setText(tr("Ask again") if again else tr("Ask the model"))
        self.ask.setToolTip(self.ask.text())
        self.stop.setVisible(asked)
        self.progress.setVisible(asked)
        self.close_button.setVisible(found is not None)
        self._result.setVisible(found is not None)
        self._settings.setVisible(found is not None)
        self._show_progress()
        if found is not None:
            self._show_answer(found)
            self._show_look(found)
        self._filling = False

    def _show_progress(self) -> None:
        self.progress.setValue(round(self._answers.share * 100))
        self.said.setText(status_text(self._answers))
        self.said.setVisible(bool(self.said.text()))

    def _show_answer(self, found: Answered) -> None:
        doubt = doubt_headline(found)
        self.doubt.setText(doubt)
        self.doubt.setVisible(bool(doubt))
        self.headline.setText(answer_headline(found))
        restyle(self.headline, "role", "muted" if doubt else "title")
        self.reasons.setText("\n".join(translated(said) for _, said in found.answer.doubts))
        self.reasons.setVisible(bool(found.answer.doubts))
        self.bars.setVisible(not found.is_survival)
        self.bars.set_bars([Bar(i.name, share, i.color) for i, share in found.classes])
        for widget in (self.curve, self.table):
            widget.setVisible(found.is_survival)
        if found.is_survival:
            lines = "\n".join(survival_lines(found))
            own, cohort = found.curve, found.cohort
            self.curve.show_curves((own.times, own.alive), (cohort.times, cohort.alive), lines)
            self.table.setText(lines)
        self._basis.setText(basis_text(found))
        self._provenance.setText("\n".join(provenance_lines(found)))

    def _show_look(self, found: Answered) -> None:
        look = self._answers.look
        self.layer_box.setCurrentIndex(self.layer_box.findData(look.layer))
        self.output_box.clear()
        self.output_box.addItems(list(found.outputs))
        self.output_box.setCurrentIndex(look.output)
        for widget in (self._output_term, self.output_box):
            widget.setVisible(look.layer == "parts" and not found.is_survival)
        self._opacity.setValue(round(look.opacity * 100))
        self._opacity_text.setText(f"{look.opacity * 100:.0f} %")
