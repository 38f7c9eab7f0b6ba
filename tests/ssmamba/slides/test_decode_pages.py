"""Images of several pages: composed where they are colours, else refused and said."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.ssmamba.slides.doors import (
    GREYS,
    assert_quarters,
    quarters,
    refusal,
)
from tests.tiffs import (
    ASCII,
    MINISBLACK,
    Kind,
    Page,
    write_tiff,
)


def ome(channels: str, planes: int = 1, count: int = 3) -> tuple[int, int, object]:
    pixels = f'SizeX="96" SizeY="64" SizeC="{count}" SizeZ="{planes}" SizeT="1"'
    body = f"<Image><Pixels {pixels}>{channels}</Pixels></Image>"
    return 270, ASCII, f'<OME xmlns="http://www.openmicroscopy.org/x">{body}</OME>'


def planes_of(values: np.ndarray, tag: tuple[int, int, object], tile: int | None) -> list[Page]:
    first = Kind(MINISBLACK, tile=tile, tags=(tag,))
    kinds = [first] + [replace(first, tags=())] * (values.shape[2] - 1)
    return [Page(values[..., i], kind) for i, kind in enumerate(kinds)]


@pytest.mark.parametrize("tile", [None, 32])
@pytest.mark.parametrize("names", ["RGB", "BGR", ("red", "green", "blue")])
def test_red_green_and_blue_pages_are_one_picture(
    tmp_path: Path, names: tuple[str, ...], tile: int | None
) -> None:
    order = [("r", "g", "b").index(name[0].lower()) for name in names]
    tag = ome("".join(f'<Channel Name="{name}"/>' for name in names))
    path = write_tiff(tmp_path / "a.ome.tif", planes_of(quarters()[..., order], tag, tile))
    assert_quarters(path, within=0)


def test_pages_with_the_colours_of_red_green_and_blue_are_one_picture(tmp_path: Path) -> None:
    tag = ome("".join(f'<Channel Color="{c}"/>' for c in (-16776961, 16711935, 65535)))
    path = write_tiff(tmp_path / "a.ome.tif", planes_of(quarters(), tag, 32))
    assert_quarters(path, within=0)


@pytest.mark.parametrize("tile", [None, 32])
def test_fluorescence_and_stacks_are_refused_and_said(tmp_path: Path, tile: int | None) -> None:
    dyes = ome('<Channel Name="DAPI"/><Channel Name="FITC"/><Channel Name="Cy5"/>')
    path = write_tiff(tmp_path / "f.ome.tif", planes_of(quarters(), dyes, tile))
    assert refusal(path).startswith("it is a TIFF of 3 channels")
    stack = ome("<Channel/>", planes=3, count=1)
    path = write_tiff(tmp_path / "z.ome.tif", planes_of(quarters(), stack, tile))
    assert refusal(path).startswith("it is a TIFF of 3 planes")
    path = write_tiff(tmp_path / "plain.tif", planes_of(quarters(), (305, ASCII, "camera"), tile))
    assert refusal(path).startswith("it is a TIFF of 3 pages of one size")
    path = write_tiff(tmp_path / "two.tif", [Page(quarters(), Kind(tile=tile))] * 2)
    assert "2 pages" in refusal(path)


@pytest.mark.parametrize("planar", [1, 2])
def test_channels_in_one_page_that_are_no_colours_are_refused(tmp_path: Path, planar: int) -> None:
    kind = Kind(MINISBLACK, planar=planar, extra=(0, 0))
    path = write_tiff(tmp_path / "c.tif", [Page(quarters(), kind)])
    assert "3 channels that are no colours" in refusal(path)


def test_a_small_second_page_is_a_thumbnail(tmp_path: Path) -> None:
    pages = [Page(quarters()[::2, ::2] // 2, Kind()), Page(quarters(), Kind())]
    assert_quarters(write_tiff(tmp_path / "t.tif", pages), within=0)


def test_a_mask_page_is_no_picture(tmp_path: Path) -> None:
    mask = replace(Kind(MINISBLACK), tags=())
    path = write_tiff(tmp_path / "m.tif", [Page(quarters(), Kind()), Page(quarters(GREYS), mask)])
    data = bytearray(path.read_bytes())
    entry = data.rindex(struct.pack("<HHI", 254, 4, 1))
    data[entry + 8] = 4
    path.write_bytes(data)
    assert_quarters(path, within=0)
