"""Cut square regions of known class out of slides."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from ssmamba.errors import InputError
from ssmamba.files import write_json, written_whole
from ssmamba.slides.slide import Slide
from ssmamba.slides.tissue import tissue_of_slide
from training.prepare.gather import Found
from training.prepare.slide_layouts import SlideCase

OVERVIEW_CELLS = 12  # overview pixels along a region's side, as far as OVERVIEW_MOST allows
OVERVIEW_MOST = 4096  # pixels along the longer side of an overview
LOSSLESS_PX = 1024  # larger regions are written as JPEG
JPEG_QUALITY = 95
WRITERS = 2
SAME_SCALE = 1.02  # largest µm/px / smallest that count as one

Square = tuple[int, int, str]  # corner (x, y), level-0 pixels, and class key; "" = none


@dataclass(frozen=True)
class Cut:
    """Settings of the cut."""

    px: int  # side of the image
    mpp: float  # µm/px to read at; 0 = level 0
    per_slide: int  # most regions of each class from one slide
    tissue: float  # smallest share of tissue
    seed: int


@dataclass(frozen=True)
class CutSlide:
    """The regions of one slide."""

    regions: tuple[Found, ...]
    note: str  # "" or what must be said about it, and why there are none
    mpp: float | None  # µm/px at which they were read


def cut_slide(case: SlideCase, cut: Cut, folder: Path) -> CutSlide:
    """Write a slide's regions below ``folder`` and return them; done slides are not cut again.

    Raises SlideError or DataError for a slide or truth that cannot be read.
    """
    record = folder / "slides" / f"{case.slide.stem}.json"
    if record.is_file():
        return _remembered(record, case, folder)
    with Slide.open(case.slide) as slide:
        judge = case.open_judge(slide.dimensions)
        side, mpp = _side(slide, cut), cut.mpp or slide.mpp
        squares = [(x, y, judge(x, y, side)) for x, y in _squares(slide, side, cut.tissue)]
        write = partial(_write, slide, side, cut, case, folder)
        with ThreadPoolExecutor(WRITERS) as pool:
            rows = list(pool.map(write, _choose(squares, case, cut)))
        notes = list(slide.info.notes)
    write_json(record, {"mpp": mpp, "notes": notes, "regions": rows})
    return _remembered(record, case, folder)


def tissue_squares(
    mask: np.ndarray, size: tuple[int, int], side: float, least: float
) -> list[tuple[int, int]]:
    """Corners (x, y), level-0 pixels, of the squares of a grid with enough tissue.

    mask: (H, W) bool overview of a slide of ``size`` (width, height) level-0 pixels.
    """
    width, height = size
    across = _edges(math.floor(width / side), side, mask.shape[1] / width)
    down = _edges(math.floor(height / side), side, mask.shape[0] / height)
    return [
        (round(column * side), round(row * side))
        for row, (top, bottom) in enumerate(down)
        for column, (left, right) in enumerate(across)
        if mask[top:bottom, left:right].mean() >= least
    ]


def _edges(count: int, side: float, scale: float) -> list[tuple[int, int]]:
    """First and last overview pixel of each of ``count`` squares in a row, at least one apart."""
    starts = [round(k * side * scale) for k in range(count + 1)]
    return [(a, max(b, a + 1)) for a, b in pairwise(starts)]


def _side(slide: Slide, cut: Cut) -> float:
    """Side of a region in level-0 pixels."""
    if not cut.mpp:
        return float(cut.px)
    if slide.mpp is None:
        why = "".join(f" {note}" for note in slide.info.notes)
        raise InputError(f"{slide.path} has no µm/px; omit --mpp to read it at level 0.{why}")
    return cut.px * cut.mpp / slide.mpp


def _squares(slide: Slide, side: float, least: float) -> list[tuple[int, int]]:
    width, height = slide.dimensions
    longer = max(width, height)
    pixels = int(min(max(longer / side * OVERVIEW_CELLS, 256), OVERVIEW_MOST))
    scale = longer / pixels
    overview = slide.read_window(0, 0, longer, pixels)
    rows, columns = math.ceil(height / scale), math.ceil(width / scale)
    mask = tissue_of_slide(overview[:rows, :columns])
    return tissue_squares(mask, (width, height), side, least)


def _choose(squares: list[Square], case: SlideCase, cut: Cut) -> list[Square]:
    """At most ``per_slide`` squares of each class, drawn by seed and the slide's name."""
    rng = np.random.default_rng([cut.seed, zlib.crc32(case.slide.stem.encode())])
    chosen = []
    for label in sorted({square[2] for square in squares} - {""}):
        own = [square for square in squares if square[2] == label]
        drawn = rng.permutation(len(own))[: cut.per_slide]
        chosen += [own[i] for i in np.sort(drawn)]
    return chosen


def _write(
    slide: Slide, side: float, cut: Cut, case: SlideCase, folder: Path, square: Square
) -> dict[str, str]:
    """Write one region and return its entry in the record."""
    x, y, label = square
    stem = f"{label}/{case.slide.stem}_{x}_{y}_{cut.px}"
    name = write_patch(slide, (x, y, side), cut.px, folder / "images", stem)
    return {"name": name, "label": label}


def write_patch(
    slide: Slide,
    square: tuple[float, float, float],
    px: int,
    folder: Path,
    stem: str,
    keep: bool = False,
) -> str:
    """Write a square of (x, y, side) level-0 pixels as an image of ``px``; its path below
    ``folder``, which is ``stem`` with an ending. keep: an image that is there already stays."""
    ending, format_, options = "png", "PNG", {"compress_level": 3}
    if px > LOSSLESS_PX:
        ending, format_, options = "jpg", "JPEG", {"quality": JPEG_QUALITY, "subsampling": 0}
    name = f"{stem}.{ending}"
    path = folder / name
    if not (keep and path.is_file()):
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(slide.read_window(*square, px))
        with written_whole(path) as partial_file:
            image.save(partial_file, format_, **options)
    return name


def _remembered(record: Path, case: SlideCase, folder: Path) -> CutSlide:
    kept = json.loads(record.read_text(encoding="utf-8"))
    regions = tuple(
        Found(folder / "images" / r["name"], r["label"], r["name"], case.group, case.split)
        for r in kept["regions"]
    )
    notes = list(kept.get("notes", []))  # absent in a folder of an earlier version
    if not regions:
        notes.append("no square has enough tissue of a known class")
    note = f"{case.slide.name}: {' '.join(notes)}" if notes else ""
    return CutSlide(regions, note, kept["mpp"])


def common_scale(slides: Sequence[CutSlide]) -> tuple[float | None, str]:
    """The µm/px of all regions, or None and the reason why there is no common one."""
    known = [s.mpp for s in slides if s.regions and s.mpp is not None]
    without = sum(bool(s.regions) and s.mpp is None for s in slides)
    if without:
        return None, f"{without} slides have no µm/px, so models of these regions know no scale."
    if known and max(known) > SAME_SCALE * min(known):
        return None, (
            f"The slides were read at level 0 and differ in scale ({min(known):.3f} to "
            f"{max(known):.3f} µm/px), so models of these regions know no scale; --mpp reads "
            "all slides at one."
        )
    return (round(float(np.median(known)), 4), "") if known else (None, "")
