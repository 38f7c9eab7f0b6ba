"""The table of answers: one line for each model in use, for the selected region."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ssmamba.engine.messages import ClassifyResult
from ssmamba.rois.roi import Roi
from viewer.controllers.analysis import AnalysisController
from viewer.panels.answer_line import AnswerLine
from viewer.state.document import Document
from viewer.state.library import Model, ModelLibrary, names_beside
from viewer.state.planning import answer_key
from viewer.state.scale import needs_scale, set_field_px
from viewer.text import formats
from viewer.text.stamps import is_scale_note, sentence
from viewer.text.tr import tr, translated
from viewer.widgets.basic import ElidedLabel, label, link
from viewer.widgets.layouts import column, row

SHORT_NOTES = {
    "scale unknown": tr("Model scale unknown."),
    "uncalibrated": tr("This slide has no µm/px."),
}


class AnswersPanel(QWidget):
    """The selected region with the user's class, and under it one line for each model."""

    windows_hovered = Signal(object)  # (N, 3) of x, y, side, level-0 px; None: nothing hovered
    calibrate_requested = Signal()

    def __init__(
        self,
        document: Document,
        library: ModelLibrary,
        analysis: AnalysisController,
        question: QWidget | None = None,
    ) -> None:
        """question: shown below the region's name (``ScaleQuestion``)."""
        super().__init__()
        self._document = document
        self._library = library
        self._analysis = analysis
        self._lines: dict[str, AnswerLine] = {}
        self._unfolded: dict[str, bool] = {}  # by model, as the user left it
        self._title = ElidedLabel(role="title")
        self._own = label(role="muted", wrap=True)
        self._hint = label(role="muted", wrap=True)
        self._lines_layout = QVBoxLayout()
        self._lines_layout.setSpacing(0)
        self._scale_note = label(role="small", wrap=True)
        self._calibrate = link(tr("Set scale…"), tr("Set how much tissue one window covers"))
        self._calibrate.clicked.connect(self.calibrate_requested)
        heading = column(None, self._title, self._own, self._hint, spacing=2, upright=10)
        asked = column(None, *([] if question is None else [question]), upright=0)
        # The row can grow; beside a link alone Qt would fold the note at the link's width.
        below = column(None, self._scale_note, row(self._calibrate, None), spacing=0, upright=8)
        column(self, heading, asked, self._lines_layout, below, margin=0, spacing=0)
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
        models = self._library.in_use if roi is not None and roi.has_area else []
        self._sync_lines([m.path for m in models])
        self._title.setText("" if roi is None else roi.name or tr("Unnamed region"))
        self._title.setVisible(roi is not None)
        own = "" if roi is None else roi.user_class
        self._own.setText(tr("Your class: {name}").format(name=own))
        self._own.setVisible(bool(own))
        self._hint.setText(self._advice(roi))
        self._hint.setVisible(not models)
        if roi is not None:
            for model, name in zip(models, names_beside(models), strict=True):
                self._fill(self._lines[model.path], roi, model, name)
        self._show_scale_notes()

    def _show_scale_notes(self) -> None:
        """Show notes that several answers share once, with a link to set the scale."""
        results = [line.result for line in self._lines.values() if line.result is not None]
        notes = dict.fromkeys(n for r in results for n in r.notes if is_scale_note(n))
        lines = [_short(note) for note in notes]
        self._scale_note.setToolTip("\n".join(sentence(note) for note in notes))
        fields = {set_field_px(self._document, m) for m in self._library.in_use} - {None}
        for field_px in sorted(px for px in fields if px is not None and results):
            length = formats.length(field_px, self._document.mpp)
            lines.append(tr("One window covers {length}.").format(length=length))
        self._calibrate.setText(tr("Set scale…") if notes else tr("Change…"))
        self._scale_note.setText("\n".join(lines))
        self._scale_note.setVisible(bool(lines))
        self._calibrate.setVisible(bool(lines))

    def _advice(self, roi: Roi | None) -> str:
        if self._document.slide is None:
            return tr("Open a slide to classify its regions.")
        if roi is not None and not roi.has_area:
            return tr(
                "Points, lines, rulers and angles have no area to classify. Draw a region with the "
                "lasso (L)."
            )
        if not any(model.classifies for model in self._library.models):
            return tr("To classify regions, add a model (Ctrl+M) or drop one on the window.")
        if not self._library.in_use:
            return tr("To classify regions, tick a model in the list on the left.")
        return tr("Draw a region with the lasso (L), or select one.")

    def _sync_lines(self, paths: list[str]) -> None:
        if list(self._lines) == paths:
            return
        for line in self._lines.values():
            line.deleteLater()
            line.hide()
        self._lines = {path: self._make_line(path) for path in paths}
        for line in self._lines.values():
            self._lines_layout.addWidget(line)

    def _make_line(self, path: str) -> AnswerLine:
        line = AnswerLine(path)
        line.hovered.connect(self._on_hovered)
        line.show_requested.connect(self._library.show)
        line.classify_requested.connect(self._classify)
        line.unfolded.connect(self._unfolded.__setitem__)
        return line

    def _fill(self, line: AnswerLine, roi: Roi, model: Model, name: str) -> None:
        several = len(self._lines) > 1
        unfolded = self._unfolded.get(model.path, not several)
        line.show_model(name, model == self._library.shown, several, unfolded)
        key = answer_key(self._document, roi, model)
        newest = self._document.results.newest_answer(roi.id, model.path)
        failure = self._analysis.failure(key)
        if failure is not None:
            line.show_wait(failure, tr("Try again"))
        elif newest is not None:
            outdated = newest[0] != key
            line.show_result(model, newest[1], roi.user_class, outdated, self._document.mpp)
        elif needs_scale(self._document, roi, model):
            line.show_wait(tr("No class yet: the scale is unknown."))
        elif self._analysis.is_pending(key):
            line.show_wait(tr("Classifying…"))
        else:
            line.show_wait(tr("Not classified yet."), tr("Classify"))

    def _on_hovered(self, result: ClassifyResult | None) -> None:
        self.windows_hovered.emit(None if result is None else result.windows.array)

    def _classify(self) -> None:
        roi = self._document.selected
        if roi is not None:
            self._analysis.ask([roi.id])


def _short(note: str) -> str:
    """A note about the scale in a few words; the rest of it is in the tooltip."""
    short = SHORT_NOTES.get(note.partition(":")[0])
    return sentence(translated(note).partition(":")[0]) if short is None else short
