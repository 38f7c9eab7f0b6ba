"""The scan of the open slide, how far it is and how it is shown; no Qt."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from ssmamba.explain.colormaps import COLORMAPS
from viewer.state.events import Event
from viewer.state.slide_scan import ScanLook, ScanMap

# "": there is none. "scale": the user is asked. "looking": for tissue. "waiting": for its model
Status = Literal["", "scale", "looking", "reading", "waiting", "paused", "stopped", "done"]
UNDER_WAY: frozenset[Status] = frozenset({"looking", "reading"})


class SlideScans:
    """What the panel and the slide show of a scan."""

    def __init__(self) -> None:
        self.changed = Event()  # another map, status or look
        self.grew = Event()  # numbers of the windows that look otherwise now
        self.map: ScanMap | None = None
        self.model_name = ""  # of the model that reads, also before there is a map
        self.status: Status = ""
        self.look = ScanLook()
        self.outdated = False  # the scale was changed since
        self.per_second = 0.0  # windows
        self.left_s = 0.0

    @property
    def under_way(self) -> bool:
        return self.status in UNDER_WAY

    def set_status(self, status: Status) -> None:
        if status != self.status:
            self.status = status
            self.per_second = self.left_s = 0.0
            self.changed.emit()

    def rest(self) -> None:
        """Nothing reads: what there is is whole, or it was stopped."""
        found = self.map
        self.set_status("" if found is None else "done" if found.complete else "stopped")

    def show(self, found: ScanMap | None) -> None:
        """Lay another map on the slide; a class that its model lacks is no longer chosen."""
        self.map = found
        self.outdated = False
        keys = () if found is None else [info.key for info in found.head.classes]
        if self.look.target not in ("", *keys):
            self.look = replace(self.look, target="", threshold=0)
        if found is not None:
            self.model_name = found.head.model_name
        self.changed.emit()

    def set_outdated(self, outdated: bool) -> None:
        if outdated != self.outdated:
            self.outdated = outdated
            self.changed.emit()

    def grow(self, places: np.ndarray, per_second: float, left_s: float) -> None:
        self.per_second, self.left_s = per_second, left_s
        self.grew.emit(places)

    def set_look(self, **changes: object) -> None:
        look = replace(self.look, **changes)  # type: ignore[arg-type]
        if look != self.look:
            self.look = look
            self.changed.emit()

    def take_look(self, look: ScanLook) -> None:
        """Paint as a kept look says, where it can be; class and threshold stay."""
        colormap = look.colormap if look.colormap in COLORMAPS else self.look.colormap
        opacity = min(max(look.opacity, 0.0), 1.0)
        self.set_look(colormap=colormap, opacity=opacity, smooth=look.smooth)
