"""The doors of plain images, and a picture of four even quarters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssmamba.errors import SlideError
from ssmamba.slides.slide import Slide
from training.data.images import UnreadableImage, read_rgb

CORNERS = ((200, 60, 60), (60, 200, 60)), ((60, 60, 200), (230, 150, 200))
GREYS = ((200, 60), (60, 230))


def quarters(values: object = CORNERS) -> np.ndarray:
    """(64, 96, ...) uint8 of four even quarters."""
    return np.repeat(np.repeat(np.array(values, np.uint8), 32, axis=0), 48, axis=1)


def seen(path: Path) -> np.ndarray:
    """The picture, which has to be the same in the viewer and in training."""
    with Slide.open(path) as slide:
        width, height = slide.dimensions
        shown = slide.read_region(0, 0, 0, width, height)
    np.testing.assert_array_equal(shown, read_rgb(path))
    return shown


def refusal(path: Path) -> str:
    """Why both doors refuse a file, which has to be in the same words."""
    with pytest.raises(UnreadableImage) as trained:
        read_rgb(path)
    with pytest.raises(SlideError) as viewed:
        Slide.open(path)
    assert str(viewed.value) == f"{path} cannot be shown: {trained.value}."
    assert "\n" not in str(viewed.value)
    return str(trained.value)


def notes(path: Path) -> str:
    with Slide.open(path) as slide:
        return " ".join(slide.info.notes)


def assert_quarters(path: Path, values: object = CORNERS, within: int = 1) -> None:
    difference = np.abs(seen(path).astype(int) - quarters(values).reshape(64, 96, -1))
    assert difference.max() <= within
