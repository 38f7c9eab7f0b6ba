"""Plain images at every door: the same pixels, or the same refusal in one sentence."""

from __future__ import annotations

import os
import random
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ssmamba.errors import DataError, SlideError
from ssmamba.slides.slide import Slide
from tests.tiffs import (
    ASCII,
    CMYK,
    DEFLATE,
    MINISBLACK,
    MINISWHITE,
    RGB,
    SHORT,
    YCBCR,
    Kind,
    Page,
    declare_compression,
    write_tiff,
)
from training.data.images import UnreadableImage, read_rgb
from training.prepare.truth import read_mask

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


@pytest.mark.parametrize("tile", [None, 32])
def test_colours_brighter_than_their_alpha_end_at_white(tmp_path: Path, tile: int | None) -> None:
    """An alpha marked as associated over colours that are not premultiplied."""
    samples = np.dstack([quarters(), np.full((64, 96), 128, np.uint8)])
    path = write_tiff(tmp_path / "a.tif", [Page(samples, Kind(tile=tile, extra=(1,)))])
    expected = (((255, 187, 187), (187, 255, 187)), ((187, 187, 255), (255, 255, 255)))
    assert_quarters(path, expected, within=0)


@pytest.mark.parametrize("tile", [None, 32])
@pytest.mark.parametrize("extra", [(), (0,), (0, 0), (0, 0, 0)])
def test_channels_beside_the_colours_are_left_out_and_said(
    tmp_path: Path, extra: tuple[int, ...], tile: int | None
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 96, len(extra) or 1), np.uint8)
    samples = np.dstack([quarters(), noise])
    path = write_tiff(tmp_path / "five.tif", [Page(samples, Kind(tile=tile, extra=extra))])
    assert_quarters(path, within=0)
    assert "not shown" in notes(path)


def test_an_alpha_after_another_channel_is_found(tmp_path: Path) -> None:
    clear = np.zeros((64, 96), np.uint8)
    samples = np.dstack([quarters(), clear + 7, clear])
    path = write_tiff(tmp_path / "a.tif", [Page(samples, Kind(extra=(0, 2)))])
    assert (seen(path) == 255).all()


def test_the_alpha_of_twelve_bit_colours_is_scaled_by_itself(tmp_path: Path) -> None:
    """Colours end at 4095 and their opacity at 65535, in TIFF and in PNG."""
    deep = (quarters().astype(int) * 4095 // 255).astype(np.uint16)
    deep[0, 0] = 4095
    samples = np.dstack([deep, np.full((64, 96), 65535, np.uint16)])
    tiff = write_tiff(tmp_path / "a.tif", [Page(samples, Kind(bits=16, extra=(2,)))])
    png = tmp_path / "a.png"
    cv2.imwrite(str(png), samples[..., [2, 1, 0, 3]])
    for path in (tiff, png):
        assert np.abs(seen(path)[1:].astype(int) - quarters()[1:]).max() <= 1


def test_twelve_bits_are_as_bright_in_tiles_as_in_strips(tmp_path: Path) -> None:
    deep = (quarters().astype(np.uint16) * 16).clip(0, 4095)
    for name, tile in (("strip.tif", None), ("tile.tif", 32)):
        path = write_tiff(tmp_path / name, [Page(deep, Kind(bits=16, tile=tile))])
        assert_quarters(path)


@pytest.mark.parametrize("tile", [None, 32])
def test_deep_grey_whose_white_is_zero_is_no_negative(tmp_path: Path, tile: int | None) -> None:
    stored = 65535 - quarters(GREYS).astype(np.uint16) * 257
    path = write_tiff(tmp_path / "w.tif", [Page(stored, Kind(MINISWHITE, 16, tile=tile))])
    assert_quarters(path, np.repeat(np.array(GREYS)[..., None], 3, axis=2))


@pytest.mark.parametrize(("order", "tile"), [("<", None), (">", 32)])
def test_deep_planes_of_colour_are_put_together(
    tmp_path: Path, order: str, tile: int | None
) -> None:
    kind = Kind(bits=16, planar=2, tile=tile, order=order)
    path = write_tiff(tmp_path / "p.tif", [Page(quarters().astype(np.uint16) * 257, kind)])
    assert_quarters(path)


@pytest.mark.parametrize("high", [1.0, 1.02, 1.4])
@pytest.mark.parametrize("order", ["<", ">"])
def test_fractions_that_end_a_little_above_one_are_not_black(
    tmp_path: Path, order: str, high: float
) -> None:
    values = quarters(GREYS).astype(np.float32) / 255
    values[0, 0] = high
    kind = Kind(MINISBLACK, 32, 3, compression=DEFLATE, order=order)
    path = write_tiff(tmp_path / "f.tif", [Page(values, kind)])
    shown = seen(path)
    assert shown[0, 0, 0] == 255
    assert np.abs(shown[1:, :, 0].astype(int) - quarters(GREYS)[1:]).max() <= 1


@pytest.mark.parametrize("bits", [16, 32, 64])
def test_colour_in_floats_is_shown(tmp_path: Path, bits: int) -> None:
    path = write_tiff(
        tmp_path / "f.tif", [Page(quarters() / 255, Kind(bits=bits, sample_format=3))]
    )
    assert_quarters(path)


def test_very_large_floats_are_no_warning(tmp_path: Path) -> None:
    values = quarters(GREYS).astype(np.float64)
    values[0, 0] = 1e300
    path = write_tiff(tmp_path / "f.tif", [Page(values, Kind(MINISBLACK, 64, 3))])
    assert seen(path)[0, 0, 0] == 255


def test_numbers_that_are_none_are_shown_black_and_said_but_not_trained_on(tmp_path: Path) -> None:
    values = quarters(GREYS).astype(np.float32) / 255
    values[0, :2] = np.nan, np.inf
    path = write_tiff(tmp_path / "nan.tif", [Page(values, Kind(MINISBLACK, 32, 3))])
    with Slide.open(path) as slide:
        assert slide.read_region(0, 0, 0, 1, 1).tolist() == [[[0, 0, 0]]]
        assert "2 of its values are no numbers" in slide.info.notes[0]
    with pytest.raises(UnreadableImage, match="not finite"):
        read_rgb(path)


def test_negative_whole_numbers_are_refused(tmp_path: Path) -> None:
    values = quarters(GREYS).astype(np.int16) - 100
    path = write_tiff(tmp_path / "n.tif", [Page(values, Kind(MINISBLACK, 16, 2))])
    assert "negative" in refusal(path)


def test_a_cmyk_image_is_said_to_be_approximate(tmp_path: Path) -> None:
    samples = np.dstack([255 - quarters(), np.zeros((64, 96), np.uint8)])
    tiff = write_tiff(tmp_path / "c.tif", [Page(samples, Kind(CMYK))])
    jpeg = tmp_path / "c.jpg"
    Image.new("CMYK", (96, 64), (0, 255, 255, 0)).save(jpeg)
    for path in (tiff, jpeg):
        assert "CMYK" in notes(path)
        assert seen(path)[0, 0, 0] > 150 > seen(path)[0, 0, 1]


@pytest.mark.parametrize("photometric", [8, 32803, 34892, 32845, 999])
def test_colours_that_are_not_shown_are_named(tmp_path: Path, photometric: int) -> None:
    path = write_tiff(tmp_path / "l.tif", [Page(quarters(), Kind(photometric))])
    assert "whose colours are" in refusal(path)


def test_complex_numbers_are_refused(tmp_path: Path) -> None:
    kind = Kind(MINISBLACK, 32, 1, tags=((339, SHORT, 6),))
    page = Page(quarters(GREYS).astype(np.uint32), replace(kind))
    assert "sample format" in refusal(_with_format(write_tiff(tmp_path / "c.tif", [page]), 6))


def _with_format(path: Path, value: int) -> Path:
    """The SampleFormat tag of a one-sample TIFF written over."""
    data = bytearray(path.read_bytes())
    entry = data.index(struct.pack("<HHI", 339, SHORT, 1))
    data[entry + 8 : entry + 10] = struct.pack("<H", value)
    path.write_bytes(data)
    return path


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


@pytest.mark.parametrize("compression", [2, 4])
def test_fax_compression_is_read(tmp_path: Path, compression: int) -> None:
    black = (quarters(GREYS) < 100).astype(np.uint8)
    kind = Kind(MINISWHITE, 1, compression=compression)
    shown = seen(write_tiff(tmp_path / "fax.tif", [Page(black, kind)]))
    np.testing.assert_array_equal(shown[..., 0], np.where(black, 0, 255))


def test_bits_in_the_other_order_are_turned(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "f.tif", [Page(quarters(), Kind(fill_order=2))])
    assert_quarters(path, within=0)


def test_a_bigtiff_is_read(tmp_path: Path) -> None:
    for order in "<>":
        page = Page(quarters().astype(np.uint16) * 257, Kind(bits=16, order=order))
        assert_quarters(write_tiff(tmp_path / "big.tif", [page], big=True))


@pytest.mark.parametrize(
    ("compression", "name"), [(34887, "LERC"), (50002, "JPEG XL"), (6, "old-style JPEG")]
)
@pytest.mark.parametrize("tile", [None, 32])
def test_a_compression_that_is_not_read_is_named(
    tmp_path: Path, compression: int, name: str, tile: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is never called damage; with imagecodecs the first two would be read."""
    monkeypatch.setattr("ssmamba.slides.tiff.codecs.has_imagecodecs", lambda: False)
    path = write_tiff(tmp_path / "c.tif", [Page(quarters(), Kind(tile=tile))])
    declare_compression(path, compression)
    why = refusal(path)
    assert f"with {name} compression" in why and "convert it" in why
    assert "damaged" not in why and "incomplete" not in why


@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
@pytest.mark.parametrize("compression", [1, 5, DEFLATE, 7])
def test_a_tiff_cut_short_is_refused(tmp_path: Path, compression: int, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    path = write_tiff(tmp_path / "cut.tif", [Page(noise, Kind(compression=compression))])
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert "copy" in refusal(path)


def test_a_grey_value_that_a_deep_png_calls_clear_is_white(tmp_path: Path) -> None:
    deep = quarters(GREYS).astype(np.uint16) * 257
    data = cv2.imencode(".png", deep)[1].tobytes()
    body = b"tRNS" + struct.pack(">H", 60 * 257)
    chunk = struct.pack(">I", 2) + body + struct.pack(">I", zlib.crc32(body))
    place = data.index(b"IDAT") - 4
    path = tmp_path / "clear.png"
    path.write_bytes(data[:place] + chunk + data[place:])
    np.testing.assert_array_equal(seen(path)[..., 0], quarters(((200, 255), (255, 230))))


def test_an_animation_shows_its_first_frame_and_says_so(tmp_path: Path) -> None:
    frames = [Image.fromarray(quarters() // step) for step in (1, 2)]
    path = tmp_path / "moving.webp"
    frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
    assert_quarters(path, within=0)
    assert "several frames" in notes(path)


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


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".webp"])
def test_one_limit_holds_for_every_format(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(quarters()).save(path)
    read_rgb(path)
    monkeypatch.setattr("ssmamba.slides.picture.MAX_IMAGE_PIXELS", 64 * 96 - 1)
    assert "too large to hold" in refusal(path)


def test_luma_and_chroma_of_odd_sizes(tmp_path: Path) -> None:
    """Blocks of two by two beyond the edge are cut off."""
    ycbcr = np.asarray(Image.fromarray(quarters()).convert("YCbCr"))
    kind = Kind(YCBCR, tags=((530, SHORT, [2, 2]),))
    path = write_tiff(tmp_path / "y.tif", [Page(ycbcr, kind)])
    data = path.read_bytes()
    for tag, side in ((256, 96), (257, 64)):
        entry = struct.pack("<HHI", tag, 4, 1)
        data = data.replace(entry + struct.pack("<I", side), entry + struct.pack("<I", side - 1))
    path.write_bytes(data)
    difference = np.abs(seen(path).astype(int) - quarters()[:63, :95])
    assert difference.max() <= 3


def test_a_palette_of_eight_bit_entries_is_as_bright(tmp_path: Path) -> None:
    table = np.zeros((3, 256), int)
    table[:, :4] = np.array(CORNERS).reshape(4, 3).T
    index = quarters(((0, 1), (2, 3)))
    for factor in (1, 256, 257):
        kind = Kind(3, tags=((320, SHORT, table * factor),))
        assert_quarters(write_tiff(tmp_path / "p.tif", [Page(index, kind)]), within=0)


def test_a_tiff_that_does_not_say_its_colours_is_taken_for_what_it_looks_like(
    tmp_path: Path,
) -> None:
    for picture in (quarters(), quarters(GREYS)):
        path = write_tiff(tmp_path / "a.tif", [Page(picture, Kind(RGB))])
        data = path.read_bytes()
        tag = struct.pack("<HHI", 262, SHORT, 1)
        # another number in its place: a tag that nobody reads, in the same order
        path.write_bytes(data.replace(tag, struct.pack("<HHI", 263, SHORT, 1)))
        np.testing.assert_array_equal(seen(path), quarters_rgb(picture))


def quarters_rgb(picture: np.ndarray) -> np.ndarray:
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)


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
