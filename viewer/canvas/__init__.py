"""The slide canvas: one widget that paints tiles, regions and overlays, and lets one draw."""

from viewer.canvas.canvas import SlideCanvas
from viewer.canvas.types import Overlay, Tool, ViewState

__all__ = ["Overlay", "SlideCanvas", "Tool", "ViewState"]
