"""The slide canvas: a widget that paints tiles, ROIs and overlays, and has tools to draw ROIs."""

from viewer.canvas.canvas import SlideCanvas
from viewer.canvas.types import Overlay, ViewState

__all__ = ["Overlay", "SlideCanvas", "ViewState"]
