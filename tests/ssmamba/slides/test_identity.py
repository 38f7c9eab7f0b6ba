"""Slides are told apart by their content, and found again by it."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile

from ssmamba.slides.identity import content_hash
from ssmamba.slides.slide import Slide
from tests.slides import write_pyramid


def hash_of(path: Path) -> str:
    with Slide.open(path) as slide:
        return content_hash(slide)


def write(path: Path, pixels: np.ndarray, mpp: float = 0.5) -> Path:
    """A tiled pyramid down to one pixel, of one colour there."""
    with tifffile.TiffWriter(path) as file:
        level = pixels
        while True:
            file.write(
                level, tile=(64, 64), photometric="rgb", compression="deflate",
                resolution=(1e4 / mpp, 1e4 / mpp), resolutionunit="CENTIMETER", metadata=None,
                subfiletype=int(level is not pixels),
            )  # fmt: skip
            if level.shape[0] == 1:
                return path
            level = np.full((level.shape[0] // 2, level.shape[1] // 2, 3), 200, np.uint8)


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (512, 512, 3), dtype=np.uint8)


def test_slides_whose_pyramids_end_alike_are_told_apart(tmp_path: Path, pixels: np.ndarray) -> None:
    first, second = write(tmp_path / "a.tif", pixels), write(tmp_path / "b.tif", pixels[::-1])
    with Slide.open(first) as one, Slide.open(second) as other:
        assert one.quick_hash == other.quick_hash  # the reason for all this
        assert content_hash(one) != content_hash(other)


def test_a_copy_and_a_corrected_scale_are_the_same_slide(
    tmp_path: Path, pixels: np.ndarray
) -> None:
    first = write(tmp_path / "a.tif", pixels)
    copy = tmp_path / "elsewhere.tif"
    copy.write_bytes(first.read_bytes())
    corrected = write(tmp_path / "c.tif", pixels, mpp=0.25)
    assert hash_of(first) == hash_of(copy) == hash_of(corrected)
    with Slide.open(corrected) as slide:
        assert slide.mpp == pytest.approx(0.25)


def test_a_slide_with_a_damaged_tile_has_an_identity(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write_pyramid(path)
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        at, size = file.pages[0].dataoffsets[0], file.pages[0].databytecounts[0]
    data[at : at + size] = struct.pack("B", 0) * size
    path.write_bytes(data)
    assert hash_of(path) == hash_of(path)
