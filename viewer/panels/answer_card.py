"""One model's answer for a region, as a card."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QFrame, QWidget

from ssmamba.engine.messages import ClassifyResult
from viewer.state.library import Model
from viewer.text import formats
from viewer.text.stamps import is_scale_note, sentence, stamp_lines
from viewer.text.tr import tr
from viewer.widgets.bars import Bar, ProbabilityBars, percent
from viewer.widgets.basic import ElidedLabel, icon_button, label, link, restyle
from viewer.widgets.dialog import selectable
from viewer.widgets.layouts import column, row

NO_BREAK = "\u00a0"  # a space at which no line ends


class AnswerCard(QFrame):
    """One model's answer: class, probabilities, reasons for doubt, and provenance."""

    hovered = Signal(object)  # ClassifyResult or None
    show_requested = Signal(str)  # path of the model
    classify_requested = Signal()

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.result: ClassifyResult | None = None
        self.setProperty("card", True)
        self._model_name = ElidedLabel(role="small", cut=Qt.TextElideMode.ElideMiddle)
        show = tr("Show this model's evidence map on the slide")
        self._eye = icon_button("eye", show, checkable=True)
        self._answer = label(role="answer", wrap=True)
        self._badge = label(tr("Not sure"), "badge")
        self._outdated = label(tr("Outdated"), "outdated")
        self._reasons = label(role="reason", wrap=True)
        self._bars = ProbabilityBars()
        self._notes = label(role="small", wrap=True)
        self._again = link(tr("Classify again"))
        self._all = icon_button("chevron-down", tr("Show all classes"), checkable=True)
        self._origin = icon_button("info", tr("Show provenance: slide, model, scale and time"))
        self._stamp = selectable(label(role="small", wrap=True))
        self._lay_out()
        self._eye.clicked.connect(lambda: self.show_requested.emit(self.path))
        self._again.clicked.connect(self.classify_requested)
        self._all.toggled.connect(self._bars.set_expanded)
        self._origin.clicked.connect(lambda: self._stamp.setVisible(not self._stamp.isVisible()))

    def _lay_out(self) -> None:
        name, answer = self._model_name, self._answer
        top = row(name, self._outdated, self._badge, self._eye, wide=name)
        for badge in (self._outdated, self._badge):
            top.setAlignment(badge, Qt.AlignmentFlag.AlignVCenter)
        headline = row(answer, self._origin, self._all, wide=answer, spacing=0)
        for button in (self._origin, self._all):
            headline.setAlignment(button, Qt.AlignmentFlag.AlignTop)
        below = (self._reasons, 4, self._bars, self._notes, self._again, self._stamp)
        column(self, top, headline, *below, spacing=4).setContentsMargins(12, 6, 8, 10)

    def show_model(self, name: str, shown: bool, count: int) -> None:
        """count: number of answering models; the more, the less room for each."""
        several = count > 1
        self._bars.set_first_shown(3 if count == 1 else 2 if count == 2 or shown else 0)
        self._model_name.setText(name)
        self._eye.setChecked(shown)
        self._eye.setVisible(several)
        restyle(self, "chosen", shown and several)

    def show_wait(self, text: str, request: str = "") -> None:
        """Show why there is no answer (yet). request: text of the link that asks for one."""
        self.result = None
        self._answer.hide()
        self._notes.setText(text)
        self._notes.show()
        parts: tuple[QWidget, ...] = (
            self._badge, self._outdated, self._reasons, self._bars, self._all, self._origin,
            self._stamp,
        )  # fmt: skip
        for widget in parts:
            widget.hide()
        self._again.setText(request)
        self._again.setVisible(bool(request))

    def show_result(
        self, model: Model, result: ClassifyResult, outdated: bool, slide_mpp: float | None
    ) -> None:
        """slide_mpp: µm per level-0 pixel, for the lengths in the stamp."""
        fresh = result is not self.result
        self.result = result
        info = model.class_info(result.predicted)
        share = percent(result.probabilities[result.predicted]).replace(" ", NO_BREAK)
        self._answer.setText(f"{info.name}, {share}")
        self._answer.show()
        self._badge.setVisible(not result.trust.sure)
        self._reasons.setText("\n".join(sentence(r) for r in result.trust.reasons))
        self._reasons.setVisible(not result.trust.sure and bool(result.trust.reasons))
        self._bars.set_bars(
            [
                Bar(model.class_info(key).name, share, model.class_info(key).color)
                for key, share in result.probabilities.items()
            ]
        )
        self._bars.show()
        self._outdated.setVisible(outdated)
        self._again.setText(tr("Classify again"))
        self._again.setVisible(outdated)
        notes = [sentence(note) for note in result.notes if not is_scale_note(note)]
        hidden = self._bars.hidden_count
        self._all.setVisible(hidden > 0 or self._bars.expanded)
        more = tr("Show {classes}").format(classes=formats.count(hidden, "more class"))
        self._all.setToolTip(more if hidden else tr("Show fewer classes"))
        self._notes.setText("\n".join(notes))
        self._notes.setVisible(bool(notes))
        self._origin.show()
        if fresh:
            self._stamp.setText("\n".join(stamp_lines(result, slide_mpp)))
            self._stamp.hide()

    def enterEvent(self, event: QEnterEvent) -> None:
        self.hovered.emit(self.result)
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self.hovered.emit(None)
        super().leaveEvent(event)
