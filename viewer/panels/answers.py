"""The answers of the models in use for the selected region."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ssmamba.engine.messages import ClassifyResult
from ssmamba.rois.roi import Roi
from viewer.controllers.analysis import AnalysisController
from viewer.panels.answer_card import AnswerCard
from viewer.state.document import Document
from viewer.state.library import Model, ModelLibrary, names_beside
from viewer.state.planning import answer_key, has_area
from viewer.text import formats
from viewer.text.stamps import is_scale_note, sentence
from viewer.text.tr import tr
from viewer.widgets.basic import ElidedLabel, label, link
from viewer.widgets.layouts import column, row

SHORT_NOTES = {
    "scale unknown": tr("Model scale unknown."),
    "uncalibrated": tr("This slide has no µm/px."),
}


class AnswersPanel(QWidget):
    """The answers for the selected region, one card per model."""

    windows_hovered = Signal(object)  # (N, 3) of x, y, side, level-0 px; None: nothing hovered
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
        self._cards_layout = QVBoxLayout()
        self._cards_layout.setSpacing(8)
        self._scale_note = label(role="small", wrap=True)
        self._calibrate = link(tr("Set scale…"), tr("Set how much tissue one window covers"))
        self._calibrate.clicked.connect(self.calibrate_requested)
        scale = row(self._scale_note, self._calibrate, wide=self._scale_note, spacing=-1)
        scale.setAlignment(self._calibrate, Qt.AlignmentFlag.AlignBottom)
        column(self, self._title, self._hint, self._cards_layout, scale, upright=12)
        for event in (
            document.selection_changed,
            document.results_changed,
            document.rois_changed,
            document.slide_settings_changed,
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
        self._title.setText("" if roi is None else roi.name or tr("Unnamed region"))
        self._title.setVisible(roi is not None)
        self._hint.setText(self._advice(roi))
        self._hint.setVisible(not models)
        if roi is not None:
            for model, name in zip(models, names_beside(models), strict=True):
                self._fill(self._cards[model.path], roi, model, name)
        self._show_scale_notes()

    def _show_scale_notes(self) -> None:
        """Show notes that several answers share once, with a link to set the scale."""
        results = [card.result for card in self._cards.values() if card.result is not None]
        notes = dict.fromkeys(n for r in results for n in r.notes if is_scale_note(n))
        heads = [note.partition(":")[0] for note in notes]
        lines = [SHORT_NOTES.get(head, sentence(head)) for head in heads]
        self._scale_note.setToolTip("\n".join(sentence(note) for note in notes))
        field_px = self._document.slide_settings.field_px
        if field_px is not None and results:
            length = formats.length(field_px, self._document.mpp)
            lines.append(tr("One window covers {length}.").format(length=length))
        self._calibrate.setText(tr("Set scale…") if notes else tr("Change…"))
        self._scale_note.setText("\n".join(lines))
        self._scale_note.setVisible(bool(lines))
        self._calibrate.setVisible(bool(lines))

    def _advice(self, roi: Roi | None) -> str:
        if self._document.slide is None:
            return tr("Open a slide to classify its regions.")
        if roi is not None and not has_area(roi):
            return tr("A point or line has no area to classify. Draw a region with the lasso (L).")
        if not any(model.classifies for model in self._library.models):
            return tr("To classify regions, add a model (Ctrl+M) or drop one on the window.")
        if not self._library.in_use:
            return tr("To classify regions, tick a model in the list on the left.")
        return tr("Draw a region with the lasso (L), or select one.")

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

    def _fill(self, card: AnswerCard, roi: Roi, model: Model, name: str) -> None:
        card.show_model(name, model == self._library.shown, len(self._cards))
        key = answer_key(self._document, roi, model)
        newest = self._document.results.newest_answer(roi.id, model.path)
        failure = self._analysis.failure(key)
        if failure is not None:
            card.show_wait(failure, tr("Try again"))
        elif newest is not None:
            card.show_result(model, newest[1], newest[0] != key, self._document.mpp)
        elif self._analysis.is_pending(key):
            card.show_wait(tr("Classifying…"))
        else:
            card.show_wait(tr("Not classified yet."), tr("Classify"))

    def _on_hovered(self, result: ClassifyResult | None) -> None:
        self.windows_hovered.emit(None if result is None else result.windows.array)

    def _classify(self) -> None:
        roi = self._document.selected
        if roi is not None:
            self._analysis.ask([roi.id])
