"""A rectangle of a slide as one picture, read for an export on a worker."""

from __future__ import annotations

import math

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QPainter

from ssmamba.errors import SlideError
from ssmamba.slides.icc import SrgbTransform
from ssmamba.slides.slide import Slide
from viewer.canvas.layers.tile_painter import oriented
from viewer.exporting.framing import Frame
from viewer.tiles.pyramid import Rect
from viewer.tiles.reader import pixels

BAND_PIXELS = 16e6  # read at once
SMOOTH_FROM_PX = 900  # a picture with fewer pixels is enlarged: maps need more than its own


def read_frame(
    slide: Slide, frame: Frame, longest_px: int, icc: SrgbTransform | None = None
) -> QImage:
    """What a frame shows, as ``read_rect``; white where that is beside the slide."""
    rect = frame.rect
    longest = max(rect[2] - rect[0], rect[3] - rect[1])
    more = longest / max(frame.width, frame.height)  # of the slide is read than is shown
    upright = read_rect(slide, rect, round(longest_px * more), icc)
    scale = upright.width() / (rect[2] - rect[0])
    size = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    view = frame.view(*size)
    if not view.is_oblique:
        return oriented(upright, view)
    image = QImage(QSize(*size), QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)
    painter = QPainter(image)
    try:
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setTransform(view.turn)
        painter.drawImage(view.upright.screen_rect_f(rect), upright)
    finally:
        painter.end()
    return image


def read_rect(
    slide: Slide, rect: Rect, longest_px: int, icc: SrgbTransform | None = None
) -> QImage:
    """A rectangle of a slide (level-0 px) as RGB32, its longer side at most ``longest_px``.

    Few pixels of the slide are enlarged to SMOOTH_FROM_PX. Raises SlideError.
    """
    left, top, right, bottom = rect
    longest = max(right - left, bottom - top)
    level = slide.best_level(longest / longest_px)
    downsample = slide.levels[level].downsample
    width, height = (max(1, round((b - a) / downsample)) for a, b in ((left, right), (top, bottom)))
    scale = min(1.0, longest_px / max(width, height))
    scale = max(scale, min(longest_px, SMOOTH_FROM_PX) / max(width, height))
    size = QSize(max(1, round(width * scale)), max(1, round(height * scale)))
    image = QImage(size, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)
    rows = max(1, int(BAND_PIXELS / width))
    painter = QPainter(image)
    try:
        for first in range(0, height, rows):
            count = min(rows, height - first)
            band = _read_band(slide, level, left, top + first * downsample, width, count, icc)
            y0, y1 = (round(r * size.height() / height) for r in (first, first + count))
            scaled = band.scaled(
                QSize(size.width(), max(1, y1 - y0)),
                Qt.AspectRatioMode.IgnoreAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            painter.drawImage(0, y0, scaled)
    finally:
        painter.end()
    return image


def _read_band(
    slide: Slide, level: int, x: float, y: float, width: int, height: int,
    icc: SrgbTransform | None,
) -> QImage:  # fmt: skip
    image = QImage(width, height, QImage.Format.Format_RGB32)
    buffer = pixels(image)  # RGB32 rows have no padding
    slide.read_bgra_into(buffer, math.floor(x + 0.5), math.floor(y + 0.5), level)
    if icc is not None:
        icc.apply_bgra_in_place(buffer)
    return image


def transform_of(slide: Slide, enabled: bool) -> SrgbTransform | None:
    """The colour correction that the viewer shows the slide with."""
    if not enabled or slide.icc_profile is None:
        return None
    try:
        found = SrgbTransform(slide.icc_profile)
    except SlideError:  # the viewer has said so when it opened the slide
        return None
    return None if found.changes_nothing else found
