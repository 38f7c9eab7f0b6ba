"""What each model in use says of the selected region."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from ssmamba.engine.messages import ClassifyResult
from ssmamba.roi import Roi
from viewer import formats
from viewer.controllers.analysis import AnalysisController
from viewer.document import Document
from viewer.library import Model, ModelLibrary
from viewer.planning import answer_key, has_area
from viewer.stamp_text import is_scale_note, note_text, stamp_lines
from viewer.widgets.bars import Bar, ProbabilityBars, percent
from viewer.widgets.basic import ElidedLabel, icon_button, label, link
from viewer.widgets.panel import column


class AnswerCard(QFrame):
    """One model's answer: class, probabilities, doubts, and where it comes from."""

    hovered = Signal(object)  # ClassifyResult or None
    show_requested = Signal(str)  # path of the model
    classify_requested = Signal()

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.result: ClassifyResult | None = None
        self.setProperty("card", True)
        self._model_name = ElidedLabel(role="small")
        self._eye = icon_button("eye", "Lay this model's evidence map on the slide", checkable=True)
        self._answer = label(role="answer", wrap=True)
        self._badge = label("Not sure", "badge")
        self._outdated = label("Outdated", "outdated")
        self._reasons = label(role="reason", wrap=True)
        self._bars = ProbabilityBars()
        self._notes = label(role="small", wrap=True)
        self._again = link("Classify again")
        self._all = link("")
        self._origin = icon_button("info", "Where this comes from: slide, model, scale, time")
        self._stamp = label(role="small", wrap=True)
        self._stamp.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._lay_out()
        self._eye.clicked.connect(lambda: self.show_requested.emit(self.path))
        self._again.clicked.connect(self.classify_requested)
        self._all.clicked.connect(lambda: self._bars.set_expanded(not self._bars.expanded))
        self._all.clicked.connect(self._show_more_text)
        self._origin.clicked.connect(lambda: self._stamp.setVisible(not self._stamp.isVisible()))

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self._model_name, 1)
        for badge in (self._outdated, self._badge):
            top.addWidget(badge, 0, Qt.AlignmentFlag.AlignVCenter)
        top.addWidget(self._origin)
        top.addWidget(self._eye)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 6, 8, 10)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(self._answer)
        layout.addWidget(self._reasons)
        layout.addSpacing(4)
        layout.addWidget(self._bars)
        layout.addWidget(self._all)
        layout.addWidget(self._notes)
        layout.addWidget(self._again)
        layout.addWidget(self._stamp)

    def show_model(self, model: Model, shown: bool, count: int) -> None:
        """count: models that answer; the more there are, the less room for each."""
        several = count > 1
        self._bars.set_first_shown(3 if count == 1 else 2 if count == 2 or shown else 0)
        self._model_name.setText(model.name)
        self._eye.setChecked(shown)
        self._eye.setVisible(several)
        self.setProperty("chosen", shown and several)
        self.style().unpolish(self)
        self.style().polish(self)

    def show_wait(self, text: str, *, retry: bool = False) -> None:
        """No answer (yet): say why."""
        self.result = None
        self._answer.hide()
        self._notes.setText(text)
        self._notes.show()
        told: tuple[QWidget, ...] = (
            self._badge, self._outdated, self._reasons, self._bars, self._all, self._origin,
            self._stamp,
        )  # fmt: skip
        for widget in told:
            widget.hide()
        self._again.setText("Try again" if retry else "Classify")
        self._again.setVisible(retry)

    def show_result(
        self, model: Model, result: ClassifyResult, outdated: bool, slide_mpp: float | None
    ) -> None:
        """slide_mpp: µm per level-0 pixel, for the lengths in the stamp."""
        fresh = result is not self.result
        self.result = result
        info = model.class_info(result.predicted)
        self._answer.setText(f"{info.name}, {percent(result.probabilities[result.predicted])}")
        self._answer.show()
        self._badge.setVisible(not result.trust.sure)
        self._reasons.setText("\n".join(_sentence(r) for r in result.trust.reasons))
        self._reasons.setVisible(not result.trust.sure and bool(result.trust.reasons))
        self._bars.set_bars(
            [
                Bar(model.class_info(key).name, share, model.class_info(key).color)
                for key, share in result.probabilities.items()
            ]
        )
        self._bars.show()
        self._outdated.setVisible(outdated)
        self._again.setText("Classify again")
        self._again.setVisible(outdated)
        notes = [note_text(note) for note in result.notes if not is_scale_note(note)]
        self._show_more_text()
        self._notes.setText("\n".join(notes))
        self._notes.setVisible(bool(notes))
        self._origin.show()
        if fresh:
            self._stamp.setText("\n".join(stamp_lines(result, slide_mpp)))
            self._stamp.hide()

    def _show_more_text(self) -> None:
        hidden = self._bars.hidden_count
        self._all.setVisible(hidden > 0 or self._bars.expanded)
        fewer = "Fewer"
        more = formats.count(hidden, "more class") if self._bars.first_shown else "Probabilities"
        self._all.setText(fewer if self._bars.expanded else more)

    def enterEvent(self, event: QEnterEvent) -> None:
        self.hovered.emit(self.result)
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self.hovered.emit(None)
        super().leaveEvent(event)


class AnswersPanel(QWidget):
    """The answers for the selected region, one card a model."""

    windows_hovered = Signal(object)  # tuple of Window
    classify_requested = Signal(list)
    calibrate_requested = Signal()

    def __init__(
        self, document: Document, library: ModelLibrary, analysis: AnalysisController
    ) -> None:
        super().__init__()
        self._document = document
        self._library = library
        self._analysis = analysis
        self._cards: dict[str, AnswerCard] = {}
        self._title = ElidedLabel(role="title")
        self._hint = label(role="muted", wrap=True)
        self._layout = column(self, upright=12)
        self._layout.addWidget(self._title)
        self._layout.addWidget(self._hint)
        self._cards_layout = QVBoxLayout()
        self._cards_layout.setSpacing(8)
        self._layout.addLayout(self._cards_layout)
        self._scale_note = label(role="small", wrap=True)
        self._calibrate = link("Set the scale…", "Say how much tissue one window covers")
        self._calibrate.clicked.connect(self.calibrate_requested)
        scale = QHBoxLayout()
        scale.addWidget(self._scale_note, 1)
        scale.addWidget(self._calibrate, 0, Qt.AlignmentFlag.AlignBottom)
        self._layout.addLayout(scale)
        for event in (
            document.selection_changed,
            document.results_changed,
            document.rois_changed,
            document.calibration_changed,
            library.changed,
            library.shown_changed,
        ):
            event.connect(self.refresh)
        analysis.job_failed.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        roi = self._document.selected
        models = self._library.in_use if roi is not None and has_area(roi) else []
        self._sync_cards([m.path for m in models])
        self._title.setText("" if roi is None else roi.name or "Unnamed region")
        self._title.setVisible(roi is not None)
        self._hint.setText(self._advice(roi))
        self._hint.setVisible(not models)
        if roi is not None:
            for model in models:
                self._fill(self._cards[model.path], roi, model)
        self._show_scale_notes()

    def _show_scale_notes(self) -> None:
        """What several answers share is said once, with the way to mend it."""
        results = [card.result for card in self._cards.values() if card.result is not None]
        notes = dict.fromkeys(n for r in results for n in r.notes if is_scale_note(n))
        lines = [note_text(note) for note in notes]
        field_px = self._document.calibration.field_px
        if field_px is not None and results:
            lines.append(f"One window covers {formats.length(field_px, self._document.mpp)}.")
        self._calibrate.setText("Set the scale…" if notes else "Change…")
        self._scale_note.setText("\n".join(lines))
        self._scale_note.setVisible(bool(lines))
        self._calibrate.setVisible(bool(lines))

    def _advice(self, roi: Roi | None) -> str:
        if self._document.slide is None:
            return "Open a slide; answers for its regions appear here."
        if roi is not None and not has_area(roi):
            return "A point or a line has no area to classify; draw a lasso."
        if not any(model.classifies for model in self._library.models):
            return "Add a model (Ctrl+M), or drop one on the window, to classify regions."
        if not self._library.in_use:
            return "Choose a model in the list at the left to classify regions."
        return "Draw around a region with the lasso (L), or select one."

    def _sync_cards(self, paths: list[str]) -> None:
        if list(self._cards) == paths:
            return
        for card in self._cards.values():
            card.deleteLater()
            card.hide()
        self._cards = {path: self._make_card(path) for path in paths}
        for card in self._cards.values():
            self._cards_layout.addWidget(card)

    def _make_card(self, path: str) -> AnswerCard:
        card = AnswerCard(path)
        card.hovered.connect(self._on_hovered)
        card.show_requested.connect(self._library.show)
        card.classify_requested.connect(self._classify)
        return card

    def _fill(self, card: AnswerCard, roi: Roi, model: Model) -> None:
        card.show_model(model, model == self._library.shown, len(self._cards))
        key = answer_key(self._document, roi, model)
        newest = self._document.results.newest_answer(roi.id, model.path)
        failure = self._analysis.failure(key)
        if failure is not None:
            card.show_wait(failure, retry=True)
        elif newest is not None:
            card.show_result(model, newest[1], newest[0] != key, self._document.mpp)
        elif self._analysis.is_pending(key):
            card.show_wait("Classifying…")
        else:
            card.show_wait("Not classified yet.", retry=True)

    def _on_hovered(self, result: ClassifyResult | None) -> None:
        self.windows_hovered.emit(() if result is None else result.windows)

    def _classify(self) -> None:
        roi = self._document.selected
        if roi is not None:
            self.classify_requested.emit([roi.id])


def _sentence(reason: str) -> str:
    text = reason.strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
