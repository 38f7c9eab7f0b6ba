"""A rectangle of a slide as one picture, read for an export on a worker."""

from __future__ import annotations

import math

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QPainter

from ssmamba.errors import SlideError
from ssmamba.rois.roi import Roi
from ssmamba.slides.icc import SrgbTransform
from ssmamba.slides.slide import Slide
from viewer.tiles.pyramid import Rect
from viewer.tiles.reader import pixels

MARGIN = 0.08  # of the region's longer side, on each side
LONGEST_ASPECT = 2.5  # a strip gets surroundings until it is no longer than this
POINT_SIDE_PX = 400.0  # level-0 px shown around a point
BAND_PIXELS = 16e6  # read at once
SMOOTH_FROM_PX = 900  # a picture with fewer pixels is enlarged: maps need more than its own


def frame_around(roi: Roi, width: int, height: int) -> Rect:
    """The rectangle (left, top, right, bottom; level-0 px) that shows a region with a margin.

    width, height: of the slide, beyond which there is nothing to show unless the region is there.
    """
    left, top, right, bottom = roi.bounds
    if right - left < 1 and bottom - top < 1:
        half_w = half_h = POINT_SIDE_PX / 2
    else:
        margin = MARGIN * max(right - left, bottom - top)
        half_w, half_h = (right - left) / 2 + margin, (bottom - top) / 2 + margin
        half_w, half_h = (
            max(half_w, half_h / LONGEST_ASPECT),
            max(half_h, half_w / LONGEST_ASPECT),
        )
    x0, x1 = _within((left + right) / 2, half_w, left, right, width)
    y0, y1 = _within((top + bottom) / 2, half_h, top, bottom, height)
    return x0, y0, x1, y1


def _within(center: float, half: float, low: float, high: float, size: int) -> tuple[float, float]:
    """The interval around a centre, moved and cut to the slide, but never into the region."""
    start, end = center - half, center + half
    shift = max(0.0, -start) - max(0.0, end - size)
    if 2 * half <= size:
        start, end = start + shift, end + shift
    else:
        start, end = max(start, 0.0), min(end, float(size))
    return min(start, low), max(end, high)


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
