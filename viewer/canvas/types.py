"""Plain values of the canvas's interface; positions are level-0 pixels."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QImage

from ssmamba.rois.roi import Roi


@dataclass(frozen=True)
class ViewState:
    """The centre, the scale and the rotation of a view."""

    center_x: float  # level-0 pixels
    center_y: float
    downsample: float  # level-0 pixels per device pixel; 1 = one slide pixel on one screen pixel
    rotation: float = 0.0  # of the slide on the screen, degrees clockwise, 0 <= rotation < 360


@dataclass(frozen=True, eq=False)
class Overlay:
    """An image drawn on the slide, such as the CAM of one window."""

    image: QImage  # any format; ARGB32 premultiplied is the quickest
    x: float  # left edge, level-0 pixels
    y: float
    width: float  # of the footprint, level-0 pixels
    height: float
    clip: Roi | None = None  # nothing is painted outside this area
    opacity: float = 1.0  # 0..1, times the canvas's overlay opacity
