"""Tells the evidence panel what the map of the selected region holds."""

from __future__ import annotations

import numpy as np

from ssmamba.engine.messages import ExplainResult
from ssmamba.explain.methods import METHODS
from viewer.panels.evidence import EvidencePanel
from viewer.state.planning import has_area, map_key
from viewer.text import formats
from viewer.workspace import Workspace


class MapSummary:
    """The scale, the histogram and the caption under the controls."""

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
        speaks = bool(mine) and (look.signed or float(np.nanmax(mine[0].values)) > 0)
        self._panel.value_scale.setVisible(speaks)
        if speaks:
            painted = mine[0]
            self._panel.value_scale.show_values(
                painted.values, painted.low, painted.high, look.colormap
            )
        self._panel.show_caption(self._caption(bool(mine)))

    def _caption(self, painted: bool) -> str:
        work = self._work
        roi, model = work.document.selected, work.library.shown
        look = work.document.map_painting
        if roi is None or model is None or not has_area(roi) or not look.visible:
            return ""
        key = map_key(work.document, roi, model, work.document.maps.of(model.path))
        failure = work.analysis.failure(key)
        if failure is not None:
            return failure
        result = work.document.results.map(key)
        if result is None or not painted:
            return "Mapping the evidence…" if work.analysis.is_pending(key) else ""
        text = in_words(result, model.class_info(result.target).name, look.signed)
        return f"{text} One colour scale for all models." if self._shared() else text

    def _shared(self) -> bool:
        many = len(self._work.library.in_use) > 1
        return many and self._work.document.map_painting.scale == "shared"


def in_words(result: ExplainResult, name: str, signed_colors: bool) -> str:
    """What a map shows; ``name`` is the class that it was made for."""
    values = f"raw values {formats.value(result.low)} to {formats.value(result.high)}"
    if not METHODS[result.method].uses_class:
        return f"What stands out, whatever the class; {values}."
    if result.high <= 0 and not signed_colors:
        return (
            f"Nothing in this region speaks for “{name}” ({values}). "
            "The colours “Blue to red” show what speaks against it."
        )
    return f"“{name}” at detail {result.stage}, {values}."
