"""Tells the evidence panel what the map of the selected region holds."""

from __future__ import annotations

from viewer.panels.evidence import EvidencePanel
from viewer.planning import has_area, map_key
from viewer.workspace import Workspace


class MapSummary:
    """The scale, the histogram and the caption under the controls."""

    def __init__(self, workspace: Workspace, panel: EvidencePanel) -> None:
        self._work = workspace
        self._panel = panel
        document = workspace.document
        document.selection_changed.connect(self.refresh)
        document.results_changed.connect(self.refresh)
        document.map_settings_changed.connect(self.refresh)
        workspace.library.shown_changed.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        work = self._work
        roi, model = work.document.selected, work.library.shown
        settings = work.document.map_settings
        mine = [
            m
            for m in work.maps.maps
            if roi is not None
            and model is not None
            and m.roi_id == roi.id
            and m.model == model.path
        ]
        self._panel.value_scale.setVisible(bool(mine))
        if mine:
            painted = mine[0]
            self._panel.value_scale.show_values(
                painted.values, painted.low, painted.high, settings.colormap
            )
        self._panel.show_caption(self._caption(bool(mine)))

    def _caption(self, painted: bool) -> str:
        work = self._work
        roi, model = work.document.selected, work.library.shown
        if (
            roi is None
            or model is None
            or not has_area(roi)
            or not work.document.map_settings.visible
        ):
            return ""
        if not work.document.map_settings.visible:
            return ""
        key = map_key(work.document, roi, model)
        failure = work.analysis.failure(key)
        if failure is not None:
            return failure
        result = work.document.results.map(key)
        if result is None or not painted:
            return "Mapping the evidence…" if work.analysis.is_pending(key) else ""
        name = model.class_info(result.target).name
        shared = " One colour scale for all models." if self._shared() else ""
        return f"“{name}”, raw values {result.low:.3g} to {result.high:.3g}.{shared}"

    def _shared(self) -> bool:
        many = len(self._work.library.in_use) > 1
        return many and self._work.document.map_settings.scale == "shared"
