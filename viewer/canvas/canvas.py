"""The slide canvas widget."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from ssmamba.engine.messages import Window
from ssmamba.roi import Roi
from ssmamba.slide import SlideInfo
from viewer.canvas.types import Overlay, Tool, ViewState


class SlideCanvas(QWidget):
    """Shows one slide; places are (x, y) in level-0 pixels. No slide is read on its thread."""

    slide_opened = Signal(object)  # SlideInfo
    slide_failed = Signal(str, str)  # one sentence with the next step, details
    read_failed = Signal(str, str)  # a tile could not be read (once for each slide)
    view_changed = Signal(object)  # ViewState
    tool_changed = Signal(object)  # Tool
    roi_drawn = Signal(object)  # Roi
    roi_clicked = Signal(object)  # id or None (click beside every region)
    roi_hovered = Signal(object)  # id or None
    roi_edited = Signal(object)  # Roi with new geometry, same id
    roi_delete_requested = Signal(str)  # id
    cursor_moved = Signal(float, float)  # level-0 pixels; NaN, NaN when it leaves
    hint = Signal(str)  # one short sentence: why nothing was drawn
    first_tile_painted = Signal()
    settled = Signal()  # every visible tile is painted at its final level

    def __init__(self, parent: QWidget | None = None, *, furniture: bool = True) -> None:
        """``furniture`` False: no minimap, scale bar or readout (comparison cells)."""
        super().__init__(parent)

    # --- slide
    def open_slide(self, path: str) -> None:
        """Open in a worker; ``slide_opened`` or ``slide_failed`` follows."""

    def close_slide(self) -> None: ...

    def share_source(self, other: SlideCanvas) -> None:
        """Show the slide of another canvas, with its tile cache; follows it to later slides."""

    def set_mpp(self, mpp: float | None) -> None:
        """µm per level-0 pixel as the user corrected it; None = the slide's own."""

    def set_icc_enabled(self, enabled: bool) -> None:
        """Whether the slide's ICC profile is applied to the view (default True)."""

    @property
    def slide_info(self) -> SlideInfo | None:
        return None

    @property
    def mpp(self) -> float | None:
        """µm per level-0 pixel in use: the user's, else the slide's, else None."""
        return None

    # --- view
    def view_state(self) -> ViewState:
        return ViewState(0.0, 0.0, 1.0)

    def set_view_state(self, state: ViewState) -> None: ...

    def fit(self) -> None: ...

    def fit_rect(self, x0: float, y0: float, x1: float, y1: float, margin: float = 0.1) -> None:
        """Show a rectangle of level-0 pixels with a margin (share of its size on each side)."""

    def magnification(self) -> float | None:
        """Objective-like magnification of the view (10 / µm per screen pixel); None: no µm/px."""
        return None

    def set_magnification(self, magnification: float) -> None: ...

    def zoom_by(self, factor: float) -> None:
        """Zoom about the middle; > 1 comes nearer."""

    # --- tools, regions, overlays
    def tool(self) -> Tool:
        return Tool.PAN

    def set_tool(self, tool: Tool) -> None: ...

    def set_rois(self, rois: Sequence[Roi]) -> None: ...

    def set_selected(self, roi_id: str | None) -> None: ...

    def set_overlays(self, overlays: Sequence[Overlay]) -> None: ...

    def set_overlay_opacity(self, opacity: float) -> None: ...

    def set_highlight(self, windows: Sequence[Window]) -> None:
        """Outline the squares that the model saw; empty removes them."""

    def set_furniture(self, *, minimap: bool, scale_bar: bool, readout: bool) -> None: ...

    # --- state
    def is_settled(self) -> bool:
        return False
