"""Plain images at both doors: the viewer's and training's, which show the same."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
from PIL import Image

from ssmamba.errors import SlideError
from ssmamba.slides import picture
from ssmamba.slides.picture import UnreadableImage
from ssmamba.slides.slide import Slide
from tests.fuzz.harness import SMALL_IMAGE, Door, Sample
from training.data.images import read_rgb

FORMATS = ("png", "jpg", "webp", "bmp", "gif", "jp2", "ppm", "tif")


def samples(folder: Path) -> list[Sample]:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (24, 30, 4), np.uint8)
    made = []
    for ending in FORMATS:
        Image.fromarray(noise[..., :3]).save(folder / f"a.{ending}")
        made.append(f"a.{ending}")
    deep = np.uint16(noise[..., 0]) * 257
    Image.fromarray(deep).save(folder / "deep.png")
    Image.fromarray(noise).save(folder / "clear.png", dpi=(50_800, 50_800))
    Image.fromarray(noise[..., :3]).quantize(8).save(folder / "palette.png", transparency=2)
    Image.fromarray(noise[..., :3]).convert("CMYK").save(folder / "printed.jpg")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise[..., :3]).save(folder / "turned.jpg", exif=exif)
    made += ["deep.png", "clear.png", "palette.png", "printed.jpg", "turned.jpg"]
    return [Sample(name, (folder / name).read_bytes()) for name in made]


def enter(path: Path) -> None:
    """SlideError where both refuse; AssertionError where they show different things."""
    picture.MAX_IMAGE_PIXELS = SMALL_IMAGE
    shown, read = None, None
    with contextlib.suppress(UnreadableImage):
        read = read_rgb(path)
    try:
        with Slide.open(path) as slide:
            if slide.info.vendor == "image":
                shown = slide.read_region(0, 0, 0, *slide.dimensions)
            else:
                slide.read_region(0, 0, 0, 16, 16)
                return
    except SlideError:
        assert read is None, "training reads what the viewer refuses"
        raise
    assert read is not None, "the viewer shows what training refuses"
    assert np.array_equal(shown, read), "the doors differ"


DOOR = Door("images", samples, enter)
