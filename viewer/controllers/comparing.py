"""The comparison's state, and the numbers beside its pictures, counted on a worker."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtCore import QTimer, Signal

from ssmamba.explain.compared import value_at
from viewer.controllers.map_counter import CountJob, Difference, MapCounter, MapNumbers
from viewer.controllers.shared import Controller, Shared
from viewer.state.comparison import Comparison
from viewer.state.settings import MapSpec

NONE = MapNumbers()


class ComparisonController(Controller):
    """Counts for the page in view, one batch at a time; a newer request replaces an older one."""

    counted = Signal()

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self.state = Comparison(shared.document, shared.library)
        self.difference: Difference | None = None  # of A and B, while it is looked at
        self._numbers: Mapping[MapSpec, MapNumbers] = {}
        self._counter = MapCounter()
        self._counting = False
        self._again = False
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._count)
        document = shared.document
        for event in (
            document.results_changed,
            document.rois_changed,
            document.selection_changed,
            document.slide_changed,
            document.map_painting_changed,
            document.slide_settings_changed,
            self.state.changed,
        ):
            event.connect(self.refresh)

    def numbers(self, spec: MapSpec) -> MapNumbers:
        return self._numbers.get(spec, NONE)

    def value(self, spec: MapSpec, x: float, y: float) -> float:
        """The raw value of the selected region's map at a place (level-0 px); NaN: none there."""
        result = self.state.result(spec)
        return math.nan if result is None else value_at(result.maps, x, y)

    @property
    def busy(self) -> bool:
        return self._counting or self._soon.isActive()

    def refresh(self, *_: object) -> None:
        self._soon.start()

    def _count(self) -> None:
        if self._counting:
            self._again = True
            return
        jobs, pair = self._jobs(), self._pair()
        if not jobs:
            self._publish({}, None)
            return
        counter = self._counter
        self._counting = True

        def work() -> tuple[dict[MapSpec, MapNumbers], Difference | None]:
            made = None if pair is None else counter.difference(*pair)
            return counter.count(jobs), made

        self._background.run(work, self._on_counted, self._on_failed)

    def _jobs(self) -> list[CountJob]:
        roi, state = self._document.selected, self.state
        if roi is None or not state.is_opened:
            return []
        reference = state.result(state.pair[0]) if state.pair else None
        specs = dict.fromkeys([*(state.pair or ()), *state.page_specs])
        return [
            CountJob(spec, result, roi, state.truth(spec, result), reference)
            for spec in specs
            if (result := state.result(spec)) is not None
        ]

    def _pair(self) -> tuple | None:
        """Arguments of ``MapCounter.difference`` where A − B is looked at."""
        roi, state = self._document.selected, self.state
        if state.choice.look != "difference" or roi is None or state.pair is None:
            return None
        a, b = (state.result(spec) for spec in state.pair)
        raw = self._document.map_painting.scale == "shared"
        return None if a is None or b is None else (roi, a, b, raw)

    def _on_counted(self, found: tuple[dict[MapSpec, MapNumbers], Difference | None]) -> None:
        self._counting = False
        if self._again:
            self._again = False
            self._count()
        else:
            self._publish(*found)

    def _on_failed(self, error: BaseException) -> None:
        self._messages.report(error)
        self._on_counted(({}, None))

    def _publish(self, numbers: Mapping[MapSpec, MapNumbers], made: Difference | None) -> None:
        if numbers != self._numbers or made is not self.difference:
            self._numbers, self.difference = numbers, made
            self.counted.emit()
