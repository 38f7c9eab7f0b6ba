"""Exports the whole comparison: has the maps of all pages computed, then written."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QTimer

from ssmamba.engine.messages import ExplainResult
from ssmamba.explain.methods import METHODS
from ssmamba.rois.roi import Roi
from viewer.controllers.analysis import AnalysisController
from viewer.controllers.comparing import ComparisonController
from viewer.controllers.exports import ExportController
from viewer.controllers.map_counter import CountJob, MapCounter, MapNumbers
from viewer.controllers.map_painter import MapJob, MapPainter
from viewer.controllers.shared import Controller, Shared
from viewer.exporting.matrix import CellFacts, MatrixFacts, PaintedCell, RowFacts
from viewer.state.library import Model, names_beside
from viewer.state.matrix import CLASS, REGION, Column, stage_of
from viewer.state.planning import map_key
from viewer.state.settings import MapPainting, MapSpec
from viewer.text import formats
from viewer.text.answers import NO_BREAK, said
from viewer.text.tr import tr


class ComparisonExport(Controller):
    """One export at a time; it waits for the engine, and is given up with its region."""

    def __init__(
        self, shared: Shared, comparing: ComparisonController, analysis: AnalysisController,
        exports: ExportController,
    ) -> None:  # fmt: skip
        super().__init__(shared)
        self._state = comparing.state
        self._analysis = analysis
        self._exports = exports
        self._path = ""
        self._roi_id = ""
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._look)
        document = shared.document
        for event in (document.results_changed, document.selection_changed, self._state.changed):
            event.connect(self._on_changed)
        analysis.activity_changed.connect(self._on_changed)
        document.slide_changed.connect(self._on_changed)

    @property
    def busy(self) -> bool:
        return bool(self._path)

    def write(self, path: str) -> None:
        """Have the missing maps of all pages computed, then write the file."""
        roi = self._document.selected
        if roi is None:
            self._messages.info(tr("Select a region first: the comparison is one of its maps."))
            return
        if not self._document.map_painting.visible:
            self._messages.info(tr("Show the evidence map first (E): there are no maps now."))
            return
        self._path, self._roi_id = path, roi.id
        self._state.want_all(True)
        self._analysis.ask([roi.id])
        self._soon.start()

    def _on_changed(self, *_: object) -> None:
        if self._path:
            self._soon.start()

    def _look(self) -> None:
        roi = self._document.selected
        if roi is None or roi.id != self._roi_id:
            text = tr("{path} was not written: another region was selected meanwhile.")
            self._messages.warn(text.format(path=self._path))
            self._end()
        elif not any(self._is_coming(roi, spec) for spec in self._state.all_specs):
            self._exports.write_comparison(self._path, self.facts(roi))
            self._end()

    def _end(self) -> None:
        self._path = self._roi_id = ""
        self._state.want_all(False)

    def _is_coming(self, roi: Roi, spec: MapSpec) -> bool:
        model = self._library.get(spec.checkpoint)
        if model is None:
            return False
        return self._analysis.is_pending(map_key(self._document, roi, model, spec))

    # --- what is written
    def facts(self, roi: Roi) -> MatrixFacts:
        """Everything as it is now, for a worker to draw."""
        document, state = self._document, self._state
        assert document.slide is not None
        models, columns = state.models, state.columns
        names = names_beside(models)
        results = {spec: state.result(spec) for spec in state.all_specs}
        found = [result for result in results.values() if result is not None]
        look = document.map_painting
        shared = look.scale == "shared"
        counter = MapCounter()
        painter = MapPainter()
        reference = None if state.pair is None else state.result(state.pair[0])

        def cell(model: Model, column: Column) -> CellFacts:
            spec = state.spec(model, column)
            result = results[spec]
            if result is None:
                why = self._why_none(model, spec)
                return CellFacts(None, lambda: why)
            truth = state.truth(spec, result)
            count = CountJob(spec, result, roi, truth, reference)
            is_a = state.pair is not None and spec == state.pair[0]
            scale_with = tuple(found) if shared else (result,)
            job = MapJob(roi, spec, result, scale_with)
            return CellFacts(
                lambda: _paint(painter, job, look),
                lambda: _numbers(counter.count([count])[spec], is_a),
            )

        rows = tuple(
            RowFacts(
                name, self._answer(roi, model), model.sha256 or model.file_sha256,
                tuple(cell(model, column) for column in columns),
            )
            for model, name in zip(models, names, strict=True)
        )  # fmt: skip
        return MatrixFacts(
            document.slide, document.mpp, document.slide_settings.icc, roi,
            tuple(column.title for column in columns), rows, look.colormap, look.opacity, shared,
            self._legend(found), datetime.now().strftime("%Y-%m-%d %H:%M"),
            document.slide_settings.rotation,
        )  # fmt: skip

    def _answer(self, roi: Roi, model: Model) -> str:
        newest = self._document.results.newest_answer(roi.id, model.path)
        if newest is None:
            return ""
        told = said(model.card, newest[1], roi.user_class)
        named = f"{told.name}, {told.share}".replace(" %", f"{NO_BREAK}%") if told.name else ""
        return "\n".join(part for part in (told.doubt, named) if part)

    def _why_none(self, model: Model, spec: MapSpec) -> str:
        roi = self._document.selected
        if not model.explains(spec.target):
            return tr("This model does not have the chosen class")
        failure = roi and self._analysis.failure(map_key(self._document, roi, model, spec))
        return failure or tr("No map")

    def _legend(self, found: list[ExplainResult]) -> tuple[str, ...]:
        """Method and detail where they are the same for all, and what the numbers mean."""
        state = self._state
        spec = state.all_specs[0] if state.all_specs else MapSpec("")
        stages = sorted(
            {stage_of(m, state.spec(m, c)) for m in state.models for c in state.columns}
        )
        parts = []
        if state.choice.axis != "methods":
            parts.append(spec.method)
        if state.choice.axis != "stages":
            parts.append(tr("detail {stages}").format(stages=", ".join(map(str, stages))))
        if state.choice.axis != "classes" and METHODS[spec.method].uses_class:
            named = {info.key: info.name for m in state.models for info in m.card.classes}
            targets = sorted({named.get(result.target, result.target) for result in found})
            parts.append(tr("evidence for {classes}").format(classes=", ".join(targets)))
        places = {REGION: tr("the region"), CLASS: tr("the regions of the map's class")}
        place = places.get(state.inside, state.inside_name)
        share = tr("Inside: share of the evidence (positive values) in {place}, and of the area.")
        sentences = [" · ".join(parts), share.format(place=place)]
        if len(state.all_specs) > 1:
            sentences.append(tr("ρ: Spearman's rank correlation with the map marked A."))
        return tuple(sentence for sentence in sentences if sentence)


def _paint(painter: MapPainter, job: MapJob, look: MapPainting) -> PaintedCell:
    (made,) = painter.paint([job], look)
    return PaintedCell(made.overlay, made.low, made.high)


def _numbers(numbers: MapNumbers, is_a: bool) -> str:
    parts = [tr("A")] if is_a else []
    if numbers.share is not None:
        text = tr("{share} inside (area {area})")
        shares = formats.percent(numbers.share.energy), formats.percent(numbers.share.area)
        parts.append(text.format(share=shares[0], area=shares[1]))
    if numbers.rho is not None:
        parts.append(tr("ρ {value}").format(value=formats.correlation(numbers.rho)))
    return " · ".join(parts).replace(" %", f"{NO_BREAK}%").replace("ρ ", f"ρ{NO_BREAK}")
