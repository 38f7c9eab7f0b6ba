"""The picture of one region: tissue and map as pixels, outline and scale bar as lines."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QFont, QImage, QPainter

from ssmamba.slides.icc import SrgbTransform
from ssmamba.slides.slide import Slide
from viewer.canvas.layers.overlays import OverlayLayer
from viewer.canvas.layers.roi_shape import RoiShape, paint_outline
from viewer.canvas.layers.scale_bar import paint_scale_bar
from viewer.canvas.types import Overlay
from viewer.exporting.facts import RegionFacts
from viewer.exporting.framing import Frame, frame_around
from viewer.exporting.sheet import Sheet
from viewer.exporting.tissue import read_frame


@dataclass(frozen=True, eq=False)
class RegionPicture:
    """Pixels of a part of the slide, under the region's map if it has one."""

    image: QImage
    frame: Frame


def picture_of(
    slide: Slide,
    region: RegionFacts,
    longest_px: int,
    icc: SrgbTransform | None,
    rotation: float = 0.0,
) -> RegionPicture:
    """Read the surroundings of a region and lay its map on them. Raises SlideError."""
    frame = frame_around(region.roi, *slide.dimensions, rotation)
    image = read_frame(slide, frame, longest_px, icc)
    if region.map is not None:
        lay_overlay(image, frame, region.map.overlay, region.map.opacity)
    return RegionPicture(image, frame)


def lay_overlay(image: QImage, frame: Frame, overlay: Overlay, opacity: float) -> None:
    """Lay a map on the picture of a frame, with an opacity of 0 to 1."""
    layer = OverlayLayer()
    layer.set_overlays([overlay])
    layer.opacity = opacity
    painter = QPainter(image)
    try:
        layer.paint(painter, frame.view(image.width(), image.height()))
    finally:
        painter.end()


def draw_picture(
    sheet: Sheet,
    x: float,
    y: float,
    size: tuple[float, float],
    picture: RegionPicture,
    region: RegionFacts,
    mpp: float | None,
    text_pt: float,
) -> None:
    """Draw at a place in points; text_pt: size of the scale bar's text."""
    sheet.image(x, y, *size, picture.image)
    painter = sheet.painter
    if painter is None:
        return
    painter.save()
    painter.translate(x * sheet.unit, y * sheet.unit)
    painter.setFont(QFont())
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    view = picture.frame.view(round(size[0] * sheet.unit), round(size[1] * sheet.unit))
    dpr = text_pt / 12 * sheet.unit  # the scale bar's text is 12 px on the screen
    paint_outline(painter, view, dpr, RoiShape(region.roi), strong=False)
    paint_scale_bar(painter, view, mpp, "", dpr)
    painter.restore()
