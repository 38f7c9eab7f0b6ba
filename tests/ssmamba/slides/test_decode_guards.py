"""Hostile images: no foreign program, one limit of size, and one sentence for what is damaged."""

from __future__ import annotations

import os
import random
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from ssmamba.errors import DataError, SlideError
from ssmamba.slides.slide import Slide
from tests.ssmamba.slides.doors import (
    quarters,
    refusal,
)
from tests.tiffs import (
    DEFLATE,
    MINISBLACK,
    Kind,
    Page,
    write_tiff,
)
from training.data.images import UnreadableImage, read_rgb
from training.prepare.masks import read_mask

PAGE = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"


@pytest.mark.parametrize("name", ["a.png", "a.svs", "a.tif", "a.eps", "a.jpg"])
def test_no_file_is_handed_to_an_outside_interpreter(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    called = tmp_path / "called"
    for tool in ("gs", "gswin32c", "gswin64c"):
        (tools / tool).write_text(f"#!/bin/sh\ntouch '{called}'\nexit 1\n")
        (tools / tool).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)  # found anew on PATH
    path = tmp_path / name
    path.write_bytes(PAGE)
    assert "not a readable image" in refusal(path)
    with pytest.raises(DataError):
        read_mask(path)
    assert not called.exists()


def _large_png(path: Path) -> None:
    """A header alone: whoever starts to decode it finds it incomplete."""
    data = bytearray(cv2.imencode(".png", np.zeros((4, 4), np.uint8))[1].tobytes())
    data[16:24] = struct.pack(">II", 20_000, 20_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)


def _large_tiff(path: Path) -> None:
    write_tiff(path, [Page(np.zeros((4, 4), np.uint8), Kind(MINISBLACK))])
    data = path.read_bytes()
    for tag in (256, 257, 278):
        entry = struct.pack("<HHI", tag, 4, 1)
        data = data.replace(entry + struct.pack("<I", 4), entry + struct.pack("<I", 20_000))
    path.write_bytes(data)


@pytest.mark.parametrize("make", [_large_png, _large_tiff])
def test_a_picture_too_large_to_hold_is_refused_by_its_header(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "large"
    make(path)
    assert "20000×20000 px, too large" in refusal(path)


@pytest.mark.parametrize("description", ["", "Aperio Image Library v11\n64x64 (32x32)|MPP = 0.5"])
def test_gigantic_tiles_are_refused_before_openslide_ends_the_process(
    tmp_path: Path, description: str
) -> None:
    path = tmp_path / "tiles.tif"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    tifffile.imwrite(path, noise, tile=(32, 32), description=description, metadata=None)
    with Slide.open(path) as slide:
        assert slide.info.vendor == ("aperio" if description else "generic-tiff")
    data = path.read_bytes()
    for tag in (322, 323):
        entry = struct.pack("<HHI", tag, 4, 1)
        assert data.count(entry + struct.pack("<I", 32)) == 1
        data = data.replace(entry + struct.pack("<I", 32), entry + struct.pack("<I", 1 << 18))
    path.write_bytes(data)
    with pytest.raises(SlideError, match="too large to hold in memory; convert it"):
        Slide.open(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".webp"])
def test_one_limit_holds_for_every_format(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(quarters()).save(path)
    read_rgb(path)
    monkeypatch.setattr("ssmamba.slides.picture.MAX_IMAGE_PIXELS", 64 * 96 - 1)
    assert "too large to hold" in refusal(path)


def test_mutated_files_end_in_a_picture_or_in_one_sentence(tmp_path: Path) -> None:
    """At both doors, and in the same picture where there is one."""
    rng = random.Random(7)
    noise = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    kinds = [Kind(tile=16), Kind(compression=DEFLATE, planar=2), Kind(bits=12), Kind(reduced=True)]
    whole = [write_tiff(tmp_path / "a", [Page(noise, kind)]).read_bytes() for kind in kinds]
    for suffix in ("png", "jpg", "webp", "bmp", "gif", "jp2"):
        Image.fromarray(noise).save(tmp_path / f"a.{suffix}")
        whole.append((tmp_path / f"a.{suffix}").read_bytes())
    path = tmp_path / "mutated"
    for number in range(300):
        data = bytearray(whole[number % len(whole)])
        for _ in range(rng.choice((1, 2, 8))):
            place = rng.choice((rng.randrange(len(data)), len(data) - 1 - rng.randrange(200)))
            data[place] = rng.choice((0, 255, rng.randrange(256)))
        path.write_bytes(data)
        pictures = []
        with suppress(SlideError), Slide.open(path) as slide:
            pictures.append(slide.read_region(0, 0, 0, *slide.dimensions))
        with suppress(UnreadableImage):
            pictures.append(read_rgb(path))
        if len(pictures) == 2:
            np.testing.assert_array_equal(*pictures)
