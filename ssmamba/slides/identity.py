"""What a slide is, by its content: wherever it lies, and whatever its file says of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from ssmamba.errors import SlideError
from ssmamba.slides.pixel_source import Level
from ssmamba.slides.slide import Slide

OVERVIEW_PX = 1024  # a level up to this size is hashed as a whole
SAMPLES = 4  # squares a direction of each other level that is hashed
SAMPLE_PX = 64  # their side


def content_hash(slide: Slide) -> str:
    """sha256 of sizes and sampled pixels, 64 hex digits; a few dozen small reads.

    OpenSlide's quick hash covers the smallest level alone, which may be one pixel. Here, squares
    spread over the finest level and the largest level that is small enough to be read as a whole
    are hashed. What a file says of its scale has no part in it.
    """
    digest = hashlib.sha256(repr([(lv.width, lv.height) for lv in slide.levels]).encode())
    for level, x, y, width, height in _places(slide.levels):
        downsample = slide.levels[level].downsample
        try:
            pixels = slide.read_reference(
                round(x * downsample), round(y * downsample), level, width, height
            )
            digest.update(pixels.tobytes())
        except SlideError:
            digest.update(b"unreadable")
    return digest.hexdigest()


def _places(levels: tuple[Level, ...]) -> Iterator[tuple[int, int, int, int, int]]:
    """(level, x, y, width, height) of what is hashed, pixels of that level."""
    small = [i for i, lv in enumerate(levels) if max(lv.width, lv.height) <= OVERVIEW_PX]
    overview = small[0] if small else len(levels) - 1
    for index in sorted({0, overview}):
        level = levels[index]
        if small and index == overview:
            yield index, 0, 0, level.width, level.height
            continue
        width, height = min(SAMPLE_PX, level.width), min(SAMPLE_PX, level.height)
        for row in range(SAMPLES):
            for column in range(SAMPLES):
                x = (level.width - width) * (2 * column + 1) // (2 * SAMPLES)
                y = (level.height - height) * (2 * row + 1) // (2 * SAMPLES)
                yield index, x, y, width, height
