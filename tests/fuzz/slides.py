"""Slides: pyramids, TIFFs that our own reader takes, and DICOM."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from ssmamba.slides import picture
from ssmamba.slides.slide import Slide
from ssmamba.slides.tiff import choice
from tests.dicoms import write_instance
from tests.fuzz.harness import SMALL_IMAGE, Door, Sample
from tests.slides import write_pyramid
from tests.tiffs import DEFLATE, LZW, PACKBITS, WEBP, Kind, Page, write_tiff

SIDE = 96  # pixels read of each level
DESCRIPTION = "Aperio Image Library v11\n96x80 (32x32) JPEG Q=70|AppMag = 20|MPP = 0.5"


def samples(folder: Path) -> list[Sample]:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (80, 96, 3), np.uint8)
    write_pyramid(folder / "pyramid.tif", 96, 80, levels=2, tile=32)
    tiled = Kind(tile=32)
    kinds = {
        "turned.tif": Kind(tile=32, orientation=6),
        "planes.tif": Kind(tile=32, planar=2, compression=DEFLATE),
        "twelve.tif": Kind(tile=32, bits=12),
        "packed.tif": Kind(tile=32, compression=PACKBITS),
        "webp.tif": Kind(tile=32, compression=WEBP),
        "strips.tif": Kind(rows_per_strip=16, compression=LZW, predictor=2),
    }
    for name, kind in kinds.items():
        write_tiff(folder / name, [Page(noise, kind), Page(noise[::2, ::2], kind)])
    write_tiff(folder / "below.tif", [Page(noise, tiled, (Page(noise[::2, ::2], tiled),))])
    write_tiff(folder / "big.tif", [Page(noise, tiled)], big=True)
    options = {"tile": (32, 32), "photometric": "rgb", "metadata": None}
    with tifffile.TiffWriter(folder / "a.svs") as file:
        file.write(noise, description=DESCRIPTION, **options)
        file.write(noise[::2, ::2], description=DESCRIPTION, **options)
    with tifffile.TiffWriter(folder / "a.ome.tif") as file:
        meta = {"axes": "YXS", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm"}
        file.write(noise, tile=(32, 32), photometric="rgb", metadata=meta, subifds=1)
        file.write(noise[::2, ::2], tile=(32, 32), photometric="rgb", subfiletype=1)
    write_instance(folder / "a.dcm", 256)
    return [Sample(path.name, path.read_bytes()) for path in sorted(folder.iterdir())]


def enter(path: Path) -> None:
    picture.MAX_IMAGE_PIXELS = choice.MAX_IMAGE_PIXELS = SMALL_IMAGE
    with Slide.open(path) as slide:
        for level in range(len(slide.levels)):
            slide.read_region(0, 0, level, SIDE, SIDE)
        width, height = slide.dimensions
        slide.read_region(width - 8, height - 8, 0, 16, 16)
        slide.associated_images()


DOOR = Door("slides", samples, enter)
