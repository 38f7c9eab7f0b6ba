"""Plain images at every door: the same pixels, or the same refusal in one sentence."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ssmamba.slides.slide import Slide
from tests.ssmamba.slides.doors import (
    CORNERS,
    GREYS,
    assert_quarters,
    notes,
    quarters,
    refusal,
    seen,
)
from tests.tiffs import (
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


@pytest.mark.parametrize(("bits", "most"), [(8, 127), (16, 32767), (32, 2**31 - 1)])
def test_the_white_of_numbers_with_a_sign_is_their_largest(
    tmp_path: Path, bits: int, most: int
) -> None:
    values = np.rint(quarters(GREYS) / 255.0 * most)
    values[0, 0] = most
    page = Page(values.astype(f"i{bits // 8}"), Kind(MINISBLACK, bits, 2))
    difference = np.abs(seen(write_tiff(tmp_path / "a.tif", [page])).astype(int)[..., 0] - (
        quarters(GREYS)
    ))  # fmt: skip
    assert difference[1:].max() <= 1


@pytest.mark.parametrize("most", [4095, 65535])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_deep_jpeg_2000_keeps_its_depth(tmp_path: Path, most: int, channels: int) -> None:
    """Pillow keeps the high byte of 16 bits alone, which turns a 12-bit camera's black."""
    values = quarters().astype(int)[..., :1] if channels == 1 else quarters().astype(int)
    if channels == 4:
        values = np.dstack([values, np.full_like(values[..., :1], 255)])
    deep = np.rint(values / 255 * most).astype(np.uint16)
    stored = deep[..., 0] if channels == 1 else deep[..., [2, 1, 0, 3][:channels]]
    path = tmp_path / "a.jp2"
    options = [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000]  # without loss
    path.write_bytes(cv2.imencode(".jp2", stored, options)[1].tobytes())
    expected = np.repeat(quarters()[..., :1], 3, axis=2) if channels == 1 else quarters()
    assert np.abs(seen(path).astype(int) - expected).max() <= 3


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
