"""The table of docs/images.md: every kind of file, written small, and what becomes of it.

Print it anew with ``python -m tests.ssmamba.slides.image_table``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
from PIL import Image

from ssmamba.errors import SlideError
from ssmamba.slides.slide import Slide
from tests.ssmamba.slides.test_decode_sweep import (
    ALPHAS,
    CASES,
    CODECS,
    COLOURS,
    DEPTHS,
    LAYOUTS,
    Case,
    stored,
)
from tests.tiffs import Kind, Page, declare_compression, write_tiff

PLAIN = Case("8", "RGB", 1, "tiles", "Deflate", "<", "no", 1)
OTHERS = {34887: "LERC", 50002: "JPEG XL", 6: "old-style JPEG"}
FORMATS = {
    "PNG": "png", "JPEG": "jpg", "WebP": "webp", "BMP": "bmp", "GIF": "gif", "JPEG 2000": "jp2",
    "EPS, PDF, PSD and others": "eps",
}  # fmt: skip


def table() -> str:
    """Markdown: one row for the kinds of one side that have one outcome."""
    rows: dict[tuple[str, str], list[str]] = {}
    without = mock.patch("ssmamba.slides.tiff.codecs.has_imagecodecs", return_value=False)
    with tempfile.TemporaryDirectory() as folder, without:
        for side, kind, path in _files(folder):
            rows.setdefault((side, _outcome(path)), []).append(kind)
    lines = [f"| {side} | {'; '.join(kinds)} | {end} |" for (side, end), kinds in rows.items()]
    return "\n".join(["| what | kinds | at every door |", "|---|---|---|", *lines])


def _files(folder: str) -> Iterator[tuple[str, str, Path]]:
    """What varies, its value, and a file of that kind."""
    path = Path(folder) / "a.tif"
    for side, name, values in (
        ("depth", "bits", DEPTHS), ("colours", "colours", COLOURS), ("layout", "layout", LAYOUTS),
        ("codec", "compression", CODECS), ("alpha", "alpha", ALPHAS),
    ):  # fmt: skip
        for value in values:
            near = min((c for c in CASES if getattr(c, side) == value), key=_distance)
            yield f"TIFF: {name}", value, write_tiff(path, [stored(near)[0]])
    for planar, words in ((1, "samples side by side"), (2, "a plane a colour")):
        case = replace(PLAIN, planar=planar)
        yield "TIFF: planes", words, write_tiff(path, [stored(case)[0]])
    for orientation in range(1, 9):
        case = replace(PLAIN, orientation=orientation)
        yield "TIFF: orientation", str(orientation), write_tiff(path, [stored(case)[0]])
    picture = np.zeros((32, 32, 3), np.uint8)
    for number, name in OTHERS.items():
        write_tiff(path, [Page(picture, Kind())])
        yield "TIFF: compression", name, declare_compression(path, number)
    yield "TIFF: colours", "CIELAB", write_tiff(path, [Page(picture, Kind(8))])
    yield "TIFF: pages", "several of one size", write_tiff(path, [Page(picture, Kind())] * 2)
    for name, suffix in FORMATS.items():
        other = Path(folder) / f"a.{suffix}"
        Image.fromarray(picture).save(other)
        yield "format", name, other


def _distance(case: Case) -> int:
    """How many sides differ from the ordinary."""
    return sum(getattr(case, f) != getattr(PLAIN, f) for f in Case.__dataclass_fields__)


def _outcome(path: Path) -> str:
    try:
        with Slide.open(path) as slide:
            return "read" if not slide.info.notes else f"read; {' '.join(slide.info.notes)}"
    except SlideError as error:
        words = str(error).removeprefix(f"{path} cannot be shown: ").partition(";")[0]
        return f"refused: {words}"


if __name__ == "__main__":
    print(table())
