"""Shows the values of the selected region's map in the evidence panel."""

from __future__ import annotations

import numpy as np

from ssmamba.engine.messages import ExplainResult
from ssmamba.explain.methods import METHODS
from viewer.panels.evidence import EvidencePanel
from viewer.state.planning import map_key, may_show_map
from viewer.text import formats
from viewer.text.tr import tr
from viewer.workspace import Workspace


class MapSummary:
    """The colour scale, histogram and caption below the settings."""

    def __init__(self, workspace: Workspace, panel: EvidencePanel) -> None:
        self._work = workspace
        self._panel = panel
        document = workspace.document
        document.selection_changed.connect(self.refresh)
        document.results_changed.connect(self.refresh)
        document.maps.changed.connect(self.refresh)
        document.map_painting_changed.connect(self.refresh)
        workspace.library.shown_changed.connect(self.refresh)
        workspace.maps.painted.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        work = self._work
        roi, look = work.document.selected, work.document.map_painting
        mine = [m for m in work.maps.on_slide() if roi is not None and m.roi_id == roi.id]
        has_evidence = bool(mine) and (look.signed or float(np.nanmax(mine[0].values)) > 0)
        self._panel.value_scale.setVisible(has_evidence)
        if has_evidence:
            painted = mine[0]
            self._panel.value_scale.show_values(
                painted.values, painted.low, painted.high, look.colormap
            )
        self._panel.show_caption(self._caption(bool(mine)))

    def _caption(self, painted: bool) -> str:
        work = self._work
        roi, model = work.document.selected, work.library.shown
        look = work.document.map_painting
        if roi is None or model is None or not roi.has_area or not look.visible:
            return ""
        spec = work.document.maps.of(model.path)
        if not may_show_map(work.document, roi, spec):
            return tr("No evidence map: there is nothing to classify in this region.")
        key = map_key(work.document, roi, model, spec)
        failure = work.analysis.failure(key)
        if failure is not None:
            return failure
        result = work.document.results.map(key)
        if result is None or not painted:
            return tr("Computing evidence map…") if work.analysis.is_pending(key) else ""
        text = in_words(result, model.class_info(result.target).name, look.signed)
        shared = tr("{text} Colour scale shared by all models.")
        return shared.format(text=text) if self._shared() else text

    def _shared(self) -> bool:
        many = len(self._work.library.in_use) > 1
        return many and self._work.document.map_painting.scale == "shared"


def in_words(result: ExplainResult, name: str, signed_colors: bool) -> str:
    """Caption of a map; ``name``: of the class it was computed for."""
    if not METHODS[result.method].uses_class:
        text = tr("Salient features regardless of class, raw values {low} to {high}.")
    elif result.high <= 0 and not signed_colors:
        text = tr(
            "No evidence for {name} in this region (raw values {low} to {high}). "
            "Choose the colours “Blue to red” to see evidence against it."
        )
    else:
        text = tr("Evidence for {name} at detail {stage}, raw values {low} to {high}.")
    low, high = formats.value(result.low), formats.value(result.high)
    return text.format(name=name, stage=result.stage, low=low, high=high)
