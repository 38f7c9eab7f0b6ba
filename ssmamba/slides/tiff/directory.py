"""Which pages of a TIFF are its picture, its smaller levels, and something else."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

from tifffile import TiffFile, TiffPage, TiffPages

from ssmamba.slides.geometry import Shrinkage, shrinkage
from ssmamba.slides.picture import UnreadableImage, scale_of
from ssmamba.slides.pillow_image import DAMAGE, NOT_AN_IMAGE
from ssmamba.slides.tiff.ome import OmePicture, ome_picture
from ssmamba.wording import words

REDUCED, MASK = 1, 4  # bits of the NewSubfileType tag
NUMBERS = (
    "subfiletype", "imagewidth", "imagelength", "samplesperpixel", "photometric", "planarconfig",
    "compression", "predictor", "fillorder", "rowsperstrip", "tilewidth", "tilelength",
)  # fmt: skip
MAX_PAGES = 1_000
ORIENTATION_TAG, PROFILE_TAG = 274, 34675
X_RESOLUTION_TAG, Y_RESOLUTION_TAG = 282, 283
UM_PER_UNIT = {2: 25_400.0, 3: 10_000.0}  # of the ResolutionUnit tag: inch, centimetre
logging.getLogger("tifffile").addHandler(logging.NullHandler())  # we say what is wrong, it does not


@dataclass(frozen=True)
class Resolution:
    """One size of the picture."""

    pages: tuple[TiffPage, ...]  # one, or the red, green and blue one
    width: int  # as stored, pixels; without the padding
    height: int
    downsample: float  # level-0 pixels a pixel
    is_padded: bool = False  # to whole tiles, beyond the picture's own edge


@dataclass(frozen=True)
class Directory:
    """The parts of a file."""

    levels: tuple[Resolution, ...]  # the finest first
    others: dict[str, TiffPage]  # pages of another shape: label, macro
    orientation: int  # 1..8, as EXIF has it
    mpp: float | None
    notes: tuple[str, ...]
    icc_profile: bytes | None
    page_offsets: tuple[int, ...]  # of the pages that are no SubIFDs, in the file's order


@contextmanager
def opened(file: BinaryIO) -> Iterator[TiffFile]:
    """The file's directory. Raises UnreadableImage where it makes no sense."""
    try:
        with TiffFile(file) as tiff:
            tiff.pages.useframes = False
            yield tiff
    except UnreadableImage:
        raise
    except DAMAGE as error:
        raise UnreadableImage(NOT_AN_IMAGE) from error


def directory(tiff: TiffFile) -> Directory:
    """Sort the pages of an open file. Raises UnreadableImage for several pictures in one."""
    top = _listed(tiff.pages)
    pages = [p for page in top for p in (page, *_below(page))]
    pages = [p for p in pages if _makes_sense(p)]
    if not pages:
        raise UnreadableImage(NOT_AN_IMAGE)
    base = max(pages, key=_area)
    ome = ome_picture(top[0].description or "", base.imagewidth, base.imagelength)
    twins = [p for p in pages if _size(p) == _size(base)]
    bases = _composed(twins, ome)
    if bases is None:
        raise UnreadableImage(_several(len(twins), ome))
    stacked = (tiff.imagej_metadata or {}).get("images", 1)
    if stacked > len(twins):
        raise UnreadableImage(_several(stacked, None))
    levels, used = _levels(bases, pages)
    rest = [p for p in pages if p not in used and p not in twins]
    mpp, notes = _scale(base, ome)
    large = [p for p in rest if 4 * _area(p) >= _area(base)]
    if large:
        sizes = ", ".join(f"{p.imagewidth}×{p.imagelength} px" for p in large[:3])
        notes += (
            words(
                "It has further pictures beside the largest, which alone is shown: {sizes}.",
                sizes=sizes,
            ),
        )
    orientation = base.tags.valueof(ORIENTATION_TAG, 1)
    return Directory(
        levels,
        {f"page {pages.index(p) + 1}": p for p in rest},
        orientation if orientation in range(1, 9) else 1,
        mpp,
        notes,
        base.tags.valueof(PROFILE_TAG),
        tuple(page.offset for page in top),
    )


def _listed(pages: TiffPages | None) -> list[TiffPage]:
    """Pages, or SubIFDs of one; the directory of each is read in full."""
    return [] if pages is None else cast(list[TiffPage], [*itertools.islice(pages, MAX_PAGES)])


def _below(page: TiffPage) -> list[TiffPage]:
    return _listed(page.pages)


def _makes_sense(page: TiffPage) -> bool:
    """Whether a page has pixels, is no mask, and its tags hold one number each."""
    return (
        all(isinstance(getattr(page, name), int) for name in NUMBERS)
        and not page.subfiletype & MASK
        and page.imagewidth > 0
        and page.imagelength > 0
    )


def _size(page: TiffPage) -> tuple[int, int]:
    return page.imagewidth, page.imagelength


def _area(page: TiffPage) -> int:
    return int(page.imagewidth * page.imagelength)


def _composed(twins: list[TiffPage], ome: OmePicture | None) -> tuple[TiffPage, ...] | None:
    """Pages of full size that make the picture: one, or three that are red, green and blue."""
    if len(twins) == 1:
        return None if ome is not None and ome.planes > 1 else (twins[0],)
    is_grey = all(p.samplesperpixel == 1 for p in twins)
    if len(twins) == 3 and is_grey and ome is not None and ome.planes == 1 and ome.rgb_order:
        return tuple(twins[i] for i in ome.rgb_order)
    return None


def _several(count: int, ome: OmePicture | None) -> str:
    parts = (ome.in_words if ome else "") or words("{count} pages of one size", count=count)
    return words(
        "it is a TIFF of {parts}, of which no single one is the picture; export it as RGB, or "
        "save the plane that you want as a file of its own",
        parts=parts,
    )


def _levels(
    bases: tuple[TiffPage, ...], pages: list[TiffPage]
) -> tuple[tuple[Resolution, ...], list[TiffPage]]:
    """The picture in all its sizes, and the pages that they are made of."""
    width, height = _size(bases[0])
    found = [Resolution(bases, width, height, 1.0)]
    below = [_below(page) for page in bases]
    smaller: list[tuple[TiffPage, ...]] = []
    if len({len(b) for b in below}) == 1:
        smaller += zip(*below, strict=True)
    if len(bases) == 1:
        offsets = {p.offset for p in below[0]}
        reduced = (p for p in pages if p.subfiletype & REDUCED and p.offset not in offsets)
        smaller += [(p,) for p in reduced]
    used = {p.offset for p in bases}
    for parts in smaller:
        how = _shrinkage(bases[0], parts[0])
        if how is None or len({_size(p) for p in parts}) > 1 or not _alike(bases[0], parts[0]):
            continue
        size = how.size((width, height), _size(parts[0]))
        if any(level.width == size[0] for level in found):
            continue
        used |= {p.offset for p in parts}
        found.append(Resolution(parts, *size, how.downsample, how.is_padded))
    found.sort(key=lambda level: level.downsample)
    return tuple(found), [p for p in pages if p.offset in used]


def _alike(base: TiffPage, page: TiffPage) -> bool:
    """Whether a page has the base's channels: a grey label is no level of a coloured slide.

    Nor is a page that is to be turned in another way.
    """
    turn = base.tags.valueof(ORIENTATION_TAG, 1)
    return bool(
        page.tags.valueof(ORIENTATION_TAG, turn) == turn
        and page.samplesperpixel == base.samplesperpixel
        and page.bitspersample == base.bitspersample
        and page.sampleformat == base.sampleformat
    )


def _shrinkage(base: TiffPage, page: TiffPage) -> Shrinkage | None:
    """None for a page whose shape is another than the base's, but for rounding and padding."""
    tile = (page.tilewidth, page.tilelength) if page.is_tiled else None
    finest, own = _um_across(base), _um_across(page)
    told = own / finest if own and finest else None
    return shrinkage(_size(base), _size(page), tile, told)


def _scale(base: TiffPage, ome: OmePicture | None) -> tuple[float | None, tuple[str, ...]]:
    if ome is not None and ome.um_across is not None and ome.um_down is not None:
        return scale_of(ome.um_across, ome.um_down)
    across, down = _um_across(base), _um_across(base, Y_RESOLUTION_TAG)
    return scale_of(across, down) if across and down else (None, ())


def _um_across(page: TiffPage, tag: int = X_RESOLUTION_TAG) -> float | None:
    """µm/px by the page's resolution tag."""
    try:
        unit = UM_PER_UNIT.get(int(page.tags.valueof(296, 2)))
        dots, units = page.tags.valueof(tag)
        return unit * units / dots if unit else None
    except (TypeError, ValueError, ZeroDivisionError):
        return None
