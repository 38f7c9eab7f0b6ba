"""Exports of the open slide's regions, written on a worker of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import Signal

from ssmamba.explain.methods import METHODS
from ssmamba.rois.roi import Roi
from viewer.controllers.map_painter import PaintedMap
from viewer.controllers.maps import MapController
from viewer.controllers.shared import Controller, Shared
from viewer.exporting.areas import ScanFacts
from viewer.exporting.facts import Facts, RegionFacts, ShownMap, answers_of
from viewer.exporting.matrix import MatrixFacts
from viewer.exporting.measurements import Measurements
from viewer.services.background import Background
from viewer.services.notices import describe
from viewer.state.library import Model, names_beside
from viewer.state.planning import map_key
from viewer.text import formats
from viewer.text.tr import tr, tr_n

REPORT_REGIONS = 1000  # of one report, which is made in memory


class _Stopped(Exception):
    """The user gave the export up."""


class ExportController(Controller):
    """Collects what is shown and has it written; one export at a time, in order."""

    progressed = Signal(str, int, int)  # activity, regions done, regions in all; "" = idle
    exported = Signal(str)  # path
    _stepped = Signal(str, int, int)

    def __init__(self, shared: Shared, maps: MapController) -> None:
        super().__init__(shared)
        self._maps = maps
        self._files = Background(self._on_failed, workers=1, parent=self)
        self._waiting: list[str] = []  # paths, the first is being written
        self._reports: set[str] = set()  # paths of those that may take minutes
        self._stopping = False
        self._stepped.connect(self._on_step)

    @property
    def busy(self) -> bool:
        return bool(self._waiting)

    def finish(self) -> list[str]:
        """Wait for what is quick; a sentence for each file that is not written."""
        errors = self._files.finish()
        text = tr("{path} is not finished yet.")
        late = [text.format(path=path) for path in self._waiting if path in self._reports]
        return [*(describe(error).text for error in errors), *late]

    def stop(self) -> None:
        """Give up what is being written or waits; files of the same names stay as they were."""
        self._stopping = self.busy

    def close(self) -> None:
        """Stop, and wait until the worker has."""
        self.stop()
        self._files.close()

    # --- what is exported
    def facts(self, rois: Sequence[Roi] | None = None) -> Facts | None:
        """Regions (all by default) with answers and maps as they are shown; None: no slide."""
        document = self._document
        if document.slide is None:
            return None
        painted = {m.roi_id: m for m in self._maps.on_slide()}
        chosen = document.rois if rois is None else rois
        used = self._library.in_use
        models = list(zip(used, names_beside(used), strict=True))
        return Facts(
            document.slide,
            document.mpp,
            document.slide_settings.icc,
            tuple(self._region(roi, models, painted.get(roi.id)) for roi in chosen),
            datetime.now().strftime("%Y-%m-%d %H:%M"),
            document.slide_settings.rotation,
        )

    def _region(
        self, roi: Roi, models: Sequence[tuple[Model, str]], painted: PaintedMap | None
    ) -> RegionFacts:
        answers = answers_of(self._document, models, roi)
        return RegionFacts(roi, answers, self._shown_map(roi, painted))

    def _shown_map(self, roi: Roi, painted: PaintedMap | None) -> ShownMap | None:
        model = self._library.shown
        if painted is None or model is None:
            return None
        result = self._document.results.map(map_key(self._document, roi, model, painted.spec))
        newest = self._document.results.newest_answer(roi.id, model.path)
        classless = newest is not None and not newest[1].trust.names_class
        if result is None or (classless and painted.spec.target is None):
            return None  # evidence for a class that must not be named
        look = self._document.map_painting
        name = model.class_info(result.target).name
        title = tr("Evidence for {name}") if METHODS[result.method].uses_class else _SALIENT
        detail = tr("{method}, detail {stage}, {model}").format(
            method=result.method, stage=result.stage, model=self._name(model)
        )
        return ShownMap(
            painted.overlay, painted.low, painted.high, look.colormap, look.opacity,
            title.format(name=name), detail,
        )  # fmt: skip

    def _name(self, model: Model) -> str:
        models = self._library.in_use
        return dict(zip((m.path for m in models), names_beside(models), strict=True))[model.path]

    def fits_report(self, facts: Facts) -> bool:
        """Whether a report can hold so many regions; if not, the user is told."""
        fits = len(facts.regions) <= REPORT_REGIONS
        if not fits:
            text = tr("A report holds up to {most:,} regions. Select fewer in the list.")
            self._messages.warn(text.format(most=REPORT_REGIONS).replace(",", "\u202f"))
        return fits

    # --- files
    def write_regions(self, path: str, facts: Facts, *, answers: bool = True) -> None:
        """QuPath's GeoJSON, with the answers or without."""

        def work() -> None:
            from viewer.exporting.regions import write_regions

            write_regions(path, facts, answers=answers)

        left_out = facts.outdated if answers else 0
        self._write(path, facts, work, left_out)

    def write_for_training(self, folder: str, facts: Facts) -> None:
        """Regions with the user's classes, and the slide in the folder's table."""

        def work() -> None:
            from viewer.exporting.training import write_for_training

            write_for_training(folder, facts)

        classed = sum(bool(region.roi.user_class) for region in facts.regions)
        without = len(facts.regions) - classed
        more = ""
        if without:
            text = tr(" {regions} without a class of yours will not be learnt from.")
            more = text.format(regions=formats.regions(without))
        self._write(folder, facts, work, more=more)

    def write_table(self, path: str, facts: Facts) -> None:
        """CSV, TSV or JSON, by the path's ending."""

        def work() -> None:
            from viewer.exporting.table import write_table

            write_table(path, facts)

        self._write(path, facts, work)

    def write_measurements(self, path: str, table: Measurements) -> None:
        """Areas and lengths of regions as CSV, TSV or JSON, by the ending."""

        def work() -> None:
            from viewer.exporting.measurements import write_measurements

            write_measurements(path, table)

        self._run(path, work, tr("Exported the measurements to {path}.").format(path=path))

    def write_areas(self, path: str, facts: ScanFacts) -> None:
        """The areas of the classes on the whole slide as CSV, TSV or JSON, by the ending."""

        def work() -> None:
            from viewer.exporting.areas import write_areas

            write_areas(path, facts)

        self._run(path, work, tr("Exported the areas to {path}.").format(path=path))

    def write_figure(self, path: str, facts: Facts) -> None:
        """PNG, SVG or PDF of the first region, by the path's ending."""

        def work() -> None:
            from viewer.exporting.figure import write_figure

            write_figure(path, facts, facts.regions[0])

        self._write(path, facts, work)

    def write_comparison(self, path: str, facts: MatrixFacts) -> None:
        """PNG, SVG or PDF of the whole comparison, by the path's ending."""

        def work() -> None:
            from viewer.exporting.matrix import write_matrix

            write_matrix(path, facts)

        self._run(path, work, tr("Exported the comparison to {path}.").format(path=path))

    def write_report(self, path: str, facts: Facts) -> None:
        """A PDF of all regions of ``facts``."""

        def work() -> None:
            from viewer.exporting.report import write_report

            write_report(path, facts, lambda *at: self._step(path, *at))

        self._reports.add(path)
        self._write(path, facts, work)

    def _write(
        self,
        path: str,
        facts: Facts,
        work: Callable[[], object],
        left_out: int = 0,
        more: str = "",
    ) -> None:
        regions = formats.regions(len(facts.regions))
        done = tr("Exported {regions} to {path}.").format(regions=regions, path=path) + more
        if left_out:
            text = tr_n(
                " {count} outdated answer left out: the region or its scale was changed since.",
                " {count} outdated answers left out: the region or its scale was changed since.",
                left_out,
            )
            done += text.format(count=formats.whole(left_out))
        self._run(path, work, done)

    def _run(self, path: str, work: Callable[[], object], done: str) -> None:
        """Have a file written on the worker; done: what to say then."""
        self._waiting.append(path)
        self._tell()

        def go() -> None:
            if self._stopping:
                raise _Stopped
            work()

        due = path not in self._reports
        self._files.run(go, lambda _: self._on_written(path, done), due=due)

    def _step(self, path: str, done: int, total: int) -> None:
        """On the worker."""
        if self._stopping:
            raise _Stopped
        self._stepped.emit(path, done, total)

    def _on_step(self, path: str, done: int, total: int) -> None:
        if self._waiting[:1] == [path]:
            self.progressed.emit(_writing(path), done, total)

    def _on_written(self, path: str, text: str) -> None:
        self._end()
        self._messages.info(text)
        self.exported.emit(path)

    def _on_failed(self, error: BaseException) -> None:
        path = self._waiting[0]
        self._end()
        if isinstance(error, _Stopped):
            self._messages.info(tr("{path} was not written.").format(path=path))
        else:
            self._messages.posted.emit(describe(error))

    def _end(self) -> None:
        self._reports.discard(self._waiting.pop(0))
        self._stopping = self._stopping and self.busy
        self._tell()

    def _tell(self) -> None:
        self.progressed.emit(_writing(self._waiting[0]) if self._waiting else "", 0, 0)


_SALIENT = tr("Salient features, of no class")


def _writing(path: str) -> str:
    return tr("Writing {name}").format(name=Path(path).name)
