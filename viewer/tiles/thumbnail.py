"""A small picture of a slide, made without showing it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from ssmamba.errors import SlideError
from ssmamba.slides.icc import SrgbTransform
from ssmamba.slides.slide import Slide
from viewer.tiles.reader import pixels
from viewer.tiles.source import preview_of

MOST_PIXELS = 16_000_000  # of a level that is read for it; a larger one takes too long


def thumbnail(path: str, side_px: int) -> QImage:
    """The whole slide, its longer side ``side_px``; a null image where none can be had quickly.

    Never the picture of the glass label. Raises SlideError.
    """
    with Slide.open(path) as slide:
        image = _coarsest(slide)
    return image if image.isNull() else shrunk(image, side_px)


def shrunk(image: QImage, side_px: int) -> QImage:
    return image.scaled(
        side_px,
        side_px,
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )


def _coarsest(slide: Slide) -> QImage:
    last = len(slide.levels) - 1
    level = slide.levels[last]
    if level.width * level.height > MOST_PIXELS:
        return preview_of(slide) or QImage()
    image = QImage(level.width, level.height, QImage.Format.Format_RGB32)
    buffer: np.ndarray = pixels(image)
    slide.read_level_into(buffer, 0, 0, last)
    if slide.icc_profile is not None:
        try:
            SrgbTransform(slide.icc_profile).apply_bgra_in_place(buffer)
        except SlideError:  # said where the slide itself is opened
            return image
    return image
