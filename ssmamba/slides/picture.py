"""Decoded images, and the refusal of those that cannot be decoded."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ssmamba.wording import words

MAX_IMAGE_PIXELS = 300_000_000  # of an image that is held in memory; its header is asked first
SANE_MPP = (0.02, 20.0)  # µm/px; outside this range no microscope wrote it
SQUARE = 1.02  # sides of a pixel that differ by more than scanners' do


class UnreadableImage(ValueError):
    """An image that cannot be shown truthfully; the message says why and what to do.

    It goes on from the file's name: "it is a TIFF with …; convert it with …".
    """

    def __init__(self, text: str, /, **values: object) -> None:
        super().__init__(words(text, **values))


@dataclass(frozen=True)
class Picture:
    """A decoded image, upright, transparency on white."""

    rgb: np.ndarray  # (H, W, 3) uint8
    format: str  # "PNG", "TIFF", ...
    mpp: float | None = None  # µm/px, if the file says so
    icc_profile: bytes | None = None  # of its RGB colours
    notes: tuple[str, ...] = ()  # what is not shown as it is stored, a sentence each
    unknown_values: int = 0  # numbers that are not finite; shown black


def check_size(width: int, height: int) -> None:
    """Raises UnreadableImage for a picture that is too large to hold."""
    if width * height > MAX_IMAGE_PIXELS:
        raise UnreadableImage(
            "it is a plain image of {width}×{height} px, too large to hold in memory "
            "({millions} million pixels are the limit); convert it to a tiled "
            "pyramidal TIFF",
            width=width,
            height=height,
            millions=MAX_IMAGE_PIXELS // 10**6,
        )


def sane_mpp(value: float) -> float | None:
    """µm/px if a microscope could have written it, else None; for every kind of file."""
    low, high = SANE_MPP
    return value if math.isfinite(value) and low <= value <= high else None


def scale_of(x: float, y: float) -> tuple[float | None, tuple[str, ...]]:
    """µm/px from those across and down, with a note where they are no scale."""
    if sane_mpp(x) is None or sane_mpp(y) is None:
        return None, ()
    if max(x, y) > SQUARE * min(x, y):
        note = words(
            "The pixels are not square ({x:.4g} µm across, {y:.4g} µm down), so no µm/px is "
            "taken from the file: lengths and areas are in pixels; resample it to square pixels "
            "to measure.",
            x=x,
            y=y,
        )
        return None, (note,)
    return math.sqrt(x * y), ()


def rgb_profile(profile: bytes | None) -> bytes | None:
    """An ICC profile unless it is one of other colours: pixels are RGB here whatever they were."""
    return None if not profile or profile[16:20] in (b"GRAY", b"CMYK", b"Lab ") else profile
