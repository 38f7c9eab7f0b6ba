"""What was seen of the slide, as a tint of the overview: the nearer, the stronger."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage

from viewer.state.seen import NEAREST, Seen, downsample_of

TINT = (0, 124, 137)  # RGB: no stain has it
STRONGEST = 0.5  # opacity of what was seen at NEAR and nearer
FAR, NEAR = 1.25, 40.0  # magnifications; what was seen at FAR or farther has no tint
UNKNOWN = 40.0  # magnification that 1:1 counts as where it is not known


class SeenLayer:
    """Keeps the picture until something of it changes."""

    def __init__(self) -> None:
        self._picture = QImage()
        self._of: tuple[object, ...] = ()  # what the picture was made of

    def picture(self, seen: Seen, magnification: float | None, size: QSize) -> QImage:
        """The tint over the whole slide. magnification: of the slide at 1:1."""
        made_of = (seen, magnification, size)
        if made_of != self._of:
            self._of = made_of
            self._picture = _tint(seen, magnification, size)
        return self._picture


def _tint(seen: Seen, magnification: float | None, size: QSize) -> QImage:
    steps = range(1, NEAREST + 1)
    strengths = [0.0, *(strength(magnification, downsample_of(step)) for step in steps)]
    opaque = np.array((*TINT[::-1], 255))  # BGRA
    inks = np.round(np.outer(strengths, opaque) * STRONGEST).astype(np.uint8)  # premultiplied
    pixels = inks[np.minimum(seen.steps, NEAREST)]
    height, width = seen.steps.shape
    argb = QImage.Format.Format_ARGB32_Premultiplied
    image = QImage(pixels.tobytes(), width, height, 4 * width, argb)
    # the last row and column have less of the slide than the others
    scale = seen.cell * size.width() / seen.width, seen.cell * size.height() / seen.height
    return image.scaled(
        max(1, round(width * scale[0])),
        max(1, round(height * scale[1])),
        Qt.AspectRatioMode.IgnoreAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    ).copy(0, 0, size.width(), size.height())


def strength(magnification: float | None, downsample: float) -> float:
    """Of the tint for a scale, 0 to 1, alike for each factor of two; magnification: at 1:1."""
    near = (magnification or UNKNOWN) / downsample
    share = np.log2(near / FAR) / np.log2(NEAR / FAR)
    return float(np.clip(share, 0.0, 1.0))
