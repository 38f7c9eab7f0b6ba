"""Keeps the painted evidence maps in step with the results and the settings."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QTimer, Signal

from ssmamba.engine.messages import ExplainResult
from ssmamba.rois.roi import Roi
from viewer.canvas import SlideCanvas
from viewer.controllers.map_painter import MapJob, MapPainter, PaintedMap
from viewer.controllers.shared import Controller, Shared
from viewer.state.planning import map_key, may_show_map
from viewer.state.settings import MapSpec

PAINTED_REGIONS = 50  # regions with a map on the slide at the same time


class MapController(Controller):
    """Paints on a worker, one batch at a time; a newer request replaces an older one."""

    painted = Signal(object)  # list of PaintedMap

    def __init__(self, shared: Shared, canvas: SlideCanvas) -> None:
        super().__init__(shared)
        document = shared.document
        self._canvas = canvas
        self._painter = MapPainter()
        self._painting = False
        self._again = False
        self._stale = False  # the maps being painted belong to the previous slide
        self.maps: list[PaintedMap] = []
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._paint)
        for event in (
            document.results_changed,
            document.rois_changed,
            document.selection_changed,
            document.slide_changed,
            document.maps.changed,
            document.map_painting_changed,
            document.slide_settings_changed,
            shared.library.changed,
        ):
            event.connect(self.refresh)
        document.slide_changed.connect(self._forget)
        document.map_painting_changed.connect(self._show_opacity)
        shared.library.shown_changed.connect(self._lay)
        self.painted.connect(self._lay)
        self._show_opacity()

    def refresh(self, *_: object) -> None:
        self._soon.start()

    @property
    def busy(self) -> bool:
        return self._painting or self._soon.isActive()

    def on_slide(self) -> list[PaintedMap]:
        """The maps of the shown model."""
        shown = self._library.shown
        spec = None if shown is None else self._document.maps.of(shown.path)
        return [m for m in self.maps if m.spec == spec]

    def _lay(self, *_: object) -> None:
        self._canvas.set_overlays([m.overlay for m in self.on_slide()])

    def _show_opacity(self) -> None:
        self._canvas.set_overlay_opacity(self._document.map_painting.opacity)

    def _paint(self) -> None:
        if self._painting:
            self._again = True
            return
        look = self._document.map_painting
        jobs = self._jobs() if look.visible else []
        if not jobs:
            self._publish([])
            return
        self._painting = True
        self._background.run(
            lambda: self._painter.paint(jobs, look), self._on_painted, self._on_failed
        )

    def _forget(self) -> None:
        self._painter.clear()
        self._stale = self._painting

    def _on_painted(self, maps: list[PaintedMap]) -> None:
        self._painting = False
        if self._stale:
            self._stale = False
            self._painter.clear()
            maps = []
        if self._again:  # something changed in the meantime: these maps are outdated
            self._again = False
            self._paint()
        else:
            self._publish(maps)

    def _on_failed(self, error: BaseException) -> None:
        self._messages.report(error)
        self._on_painted([])  # the old maps belong to other results

    def _publish(self, maps: list[PaintedMap]) -> None:
        if maps or self.maps:
            self.maps = maps
            self.painted.emit(maps)

    def _jobs(self) -> list[MapJob]:
        in_view = self._document.maps
        painted = set(in_view.painted)
        shared = self._document.map_painting.scale == "shared"
        jobs: list[MapJob] = []
        for roi in self._regions():
            found = [
                (s, result) for s in in_view.wanted if (result := self._result(roi, s)) is not None
            ]
            everyone = tuple(result for _, result in found)
            jobs += [
                MapJob(roi, spec, result, everyone if shared else (result,))
                for spec, result in found
                if spec in painted
            ]
        return jobs

    def _regions(self) -> Sequence[Roi]:
        """The last regions with results, the selected one at the end."""
        selected = self._document.selected
        mapped = self._document.results.mapped_regions()
        rois = [r for i in mapped if (r := self._document.roi(i)) is not None and r.has_area]
        rois.sort(key=lambda r: selected is not None and r.id == selected.id)
        return rois[-PAINTED_REGIONS:]

    def _result(self, roi: Roi, spec: MapSpec) -> ExplainResult | None:
        model = self._library.get(spec.checkpoint)
        if model is None or not may_show_map(self._document, roi, spec):
            return None
        return self._document.results.map(map_key(self._document, roi, model, spec))
