"""The picture of one region: tissue and map as pixels, outline and scale bar as lines."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QFont, QImage, QPainter

from ssmamba.slides.icc import SrgbTransform
from ssmamba.slides.slide import Slide
from viewer.canvas.layers.overlays import OverlayLayer
from viewer.canvas.layers.roi_shape import RoiShape, paint_outline
from viewer.canvas.layers.scale_bar import paint_scale_bar
from viewer.canvas.types import Overlay, ViewState
from viewer.canvas.view import View
from viewer.exporting.facts import RegionFacts, ShownMap
from viewer.exporting.sheet import Sheet
from viewer.exporting.tissue import frame_around, read_rect
from viewer.tiles.pyramid import Rect


@dataclass(frozen=True, eq=False)
class RegionPicture:
    """Pixels of a rectangle of the slide, under the region's map if it has one."""

    image: QImage
    rect: Rect  # level-0 px


def picture_of(
    slide: Slide, region: RegionFacts, longest_px: int, icc: SrgbTransform | None
) -> RegionPicture:
    """Read the surroundings of a region and lay its map on them. Raises SlideError."""
    rect = frame_around(region.roi, *slide.dimensions)
    image = read_rect(slide, rect, longest_px, icc)
    if region.map is not None:
        lay(image, rect, region.map)
    return RegionPicture(image, rect)


def lay(image: QImage, rect: Rect, shown: ShownMap) -> None:
    """Lay a map on a picture of a rectangle of the slide (level-0 px)."""
    lay_overlay(image, rect, shown.overlay, shown.opacity)


def lay_overlay(image: QImage, rect: Rect, overlay: Overlay, opacity: float) -> None:
    """The same for an overlay, with an opacity of 0 to 1."""
    layer = OverlayLayer()
    layer.set_overlays([overlay])
    layer.opacity = opacity
    painter = QPainter(image)
    try:
        layer.paint(painter, _view(rect, image.width(), image.height()))
    finally:
        painter.end()


def fitted(rect: Rect, width: float, height: float) -> tuple[float, float]:
    """(width, height) of a rectangle's picture inside a box, in the box's unit."""
    w, h = rect[2] - rect[0], rect[3] - rect[1]
    scale = min(width / w, height / h)
    return w * scale, h * scale


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
    view = _view(picture.rect, round(size[0] * sheet.unit), round(size[1] * sheet.unit))
    dpr = text_pt / 12 * sheet.unit  # the scale bar's text is 12 px on the screen
    paint_outline(painter, view, dpr, RoiShape(region.roi), strong=False)
    paint_scale_bar(painter, view, mpp, "", dpr)
    painter.restore()


def _view(rect: Rect, width: int, height: int) -> View:
    left, top, right, bottom = rect
    state = ViewState((left + right) / 2, (top + bottom) / 2, (right - left) / width)
    return View(state, width, height)
