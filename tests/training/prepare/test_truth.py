"""Masks and annotations as programs write them: the same area, or one sentence."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from ssmamba.errors import DataError
from tests.slides import SHARED_CASES
from tests.tiffs import (
    CMYK,
    DEFLATE,
    JPEG,
    LZW,
    MINISBLACK,
    MINISWHITE,
    WEBP,
    Kind,
    Page,
    write_tiff,
)
from training.prepare.masks import read_mask
from training.prepare.truth import read_lesions

SIZE = (300, 200)  # width, height; no multiple of a tile


def mask() -> np.ndarray:
    """(200, 300) bool: inside in the left third."""
    inside = np.zeros(SIZE[::-1], bool)
    inside[:, :96] = True
    return inside


GREY, TURNED = mask().astype(np.uint8) * 255, (~mask()).astype(np.uint8) * 255
OPAQUE = np.full_like(GREY, 255)


def palette(white: int) -> np.ndarray:
    """(3, 256) uint16 with one white entry; the others are black."""
    entries = np.zeros((3, 256), np.uint16)
    entries[:, white] = 65535
    return entries


# The options of tifffile, or a kind that it cannot write alone.
KINDS: dict[str, tuple[np.ndarray, dict[str, Any] | Kind]] = {
    "plain": (GREY, {}),
    "ones": (mask().astype(np.uint8), {"compression": "zlib"}),
    "tiled": (GREY, {"tile": (128, 128)}),
    "bilevel": (mask(), {"photometric": "minisblack"}),
    "white is zero": (TURNED, {"photometric": "miniswhite"}),
    "white is zero, tiled": (TURNED, {"photometric": "miniswhite", "tile": (64, 64)}),
    "white is zero, 16 bit": (TURNED.astype(np.uint16) * 257, {"photometric": "miniswhite"}),
    "white is zero, bilevel": (~mask(), {"photometric": "miniswhite"}),
    "white is zero, LZW": (TURNED, Kind(MINISWHITE, compression=LZW)),
    "opaque": (np.dstack([GREY] * 3 + [OPAQUE]), {"extrasamples": ["unassalpha"]}),
    "opaque grey": (
        np.dstack([GREY, OPAQUE]),
        {"photometric": "minisblack", "extrasamples": ["unassalpha"]},
    ),
    "opaque, LZW": (np.dstack([GREY] * 3 + [OPAQUE]), Kind(compression=LZW, extra=(2,))),
    "opaque, planes": (
        np.stack([GREY] * 3 + [OPAQUE]),
        {"photometric": "rgb", "planarconfig": "separate", "extrasamples": ["unassalpha"]},
    ),
    "colour": (np.dstack([GREY, GREY * 0, GREY * 0]), {"photometric": "rgb"}),
    "planes": (
        np.stack([GREY * 0, GREY, GREY]),
        {"photometric": "rgb", "planarconfig": "separate", "tile": (64, 64)},
    ),
    "signed": (GREY.astype(np.int16), {}),
    "float": (GREY.astype(np.float32), {}),
    "JPEG": (np.dstack([GREY] * 3), Kind(compression=JPEG, tile=128)),
    "JPEG, white is zero": (TURNED, Kind(MINISWHITE, compression=JPEG, tile=128)),
    "WebP": (np.dstack([GREY] * 3), Kind(compression=WEBP, tile=128)),
    "white is zero, float": (1 - mask().astype(np.float32), {"photometric": "miniswhite"}),
    "white is zero, 16 bit, LZW": (
        TURNED.astype(np.uint16) * 257,
        Kind(MINISWHITE, 16, compression=LZW),
    ),
    "white is the palette's first": (
        (~mask()).astype(np.uint8),
        {"photometric": "palette", "colormap": palette(0)},
    ),
    "white is the palette's second": (
        mask().astype(np.uint8),
        {"photometric": "palette", "colormap": palette(1), "tile": (64, 64)},
    ),
    "CMYK": (np.dstack([GREY * 0] * 3 + [TURNED]), Kind(CMYK)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_inside_of_a_mask_is_what_it_shows_white(tmp_path: Path, kind: str) -> None:
    samples, options = KINDS[kind]
    path = tmp_path / "mask.tif"
    if isinstance(options, Kind):
        write_tiff(path, [Page(samples, options)])
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            tifffile.imwrite(path, samples, **options)
    grid = read_mask(path, SIZE)
    assert grid.share(0, 0, 96) == 1 and grid.share(128, 0, 160) == 0
    assert grid.shares.mean() == pytest.approx(mask().mean(), abs=0.04)


def test_a_mask_of_another_size_is_refused_with_both(tmp_path: Path) -> None:
    path = tmp_path / "quarter.tif"
    for compression in (DEFLATE, LZW):
        write_tiff(path, [Page(GREY, Kind(MINISBLACK, compression=compression))])
        with pytest.raises(DataError, match="is 300×200 px and its slide 1200×800 px; give the"):
            read_mask(path, (1200, 800))
        assert read_mask(path, SIZE).share(0, 0, 96) == 1


def test_a_mask_that_would_be_read_elsewhere_or_as_empty_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mask.tif"
    for orientation in range(2, 9):
        write_tiff(path, [Page(GREY, Kind(MINISBLACK, orientation=orientation))])
        with pytest.raises(DataError, match="it is stored turned or mirrored; save it upright"):
            read_mask(path, SIZE)
    write_tiff(path, [Page(mask().astype(np.uint8), Kind(MINISBLACK, compression=JPEG))])
    with pytest.raises(DataError, match="with losses, and its brightest value is"):
        read_mask(path, SIZE)
    path.write_bytes(b"no TIFF")
    with pytest.raises(DataError, match="cannot be read as a mask"):
        read_mask(path, SIZE)


def asap(kind: str, corners: list[tuple[str, str]]) -> str:
    places = "".join(
        f'<Coordinate Order="{order}" X="{x}" Y="{y}"/>' for order, (x, y) in enumerate(corners)
    )
    return (
        f'<ASAP_Annotations><Annotations><Annotation Name="A" Type="{kind}" PartOfGroup="_0">'
        f"<Coordinates>{places}</Coordinates></Annotation></Annotations></ASAP_Annotations>"
    )


SQUARE = [("0", "0"), ("50", "0"), ("50", "50"), ("0", "50")]


@pytest.mark.parametrize(
    ("kind", "corners"),
    [
        ("Polygon", SQUARE),
        ("Polygon", [(f"{x},0", f"{y},000") for x, y in SQUARE]),
        ("Polygon", [(f"{x}.0", f"{y}e0") for x, y in SQUARE]),
        ("Rectangle", SQUARE),
        ("Rectangle", [("0.0", "0.0"), ("50.0", "50.0")]),
        ("rectangle", [("50,0", "0,0"), ("0,0", "50,0")]),
    ],
)
def test_corners_as_programs_write_them(
    tmp_path: Path, kind: str, corners: list[tuple[str, str]]
) -> None:
    path = tmp_path / "tumor_001.xml"
    path.write_text(asap(kind, corners))
    assert read_lesions(path).area == pytest.approx(2500)


@pytest.mark.parametrize("bad", ["NaN", "inf", "-inf", "", "1,000,5", "x", "1e999"])
def test_a_corner_that_is_no_place_is_named(tmp_path: Path, bad: str) -> None:
    path = tmp_path / "tumor_001.xml"
    for corners in ([*SQUARE, (bad, "3")], [("3", bad), *SQUARE]):
        path.write_text(asap("Polygon", corners))
        with pytest.raises(DataError, match=r"annotation A has a corner that is no place .* ASAP"):
            read_lesions(path)


def test_xml_in_an_unknown_encoding_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "tumor_001.xml"
    for name in ("klingon", "utf-7"):
        path.write_bytes(f"<?xml version='1.0' encoding='{name}'?><a/>".encode())
        with pytest.raises(DataError):
            read_lesions(path)


def case(name: str) -> Path:
    path = SHARED_CASES / name
    if not path.is_file():
        pytest.skip(f"no {path}")
    return path


@pytest.mark.shared_data
@pytest.mark.parametrize(
    "name",
    ["mask-polarity/bilevel_white", "mask-polarity/eight_white", "mask-polarity/rgba",
     "mask-tiled/mask"],
)  # fmt: skip
def test_foreign_masks_of_one_area(name: str) -> None:
    grid = read_mask(case(f"{name}.tif"), (1500, 1000))
    assert (grid.share(400, 300, 200), grid.share(1100, 700, 200)) == (1, 0)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "read"),
    [("asap-xml/comma.xml", read_lesions), ("asap-xml/rect2.xml", read_lesions)],
)
def test_foreign_annotations(name: str, read: Callable[[Path], Any]) -> None:
    assert read(case(name)).area == pytest.approx(2500)


@pytest.mark.shared_data
def test_a_foreign_mask_at_a_quarter() -> None:
    with pytest.raises(DataError, match="375×250 px and its slide 1500×1000"):
        read_mask(case("mask-size/quarter.tif"), (1500, 1000))
