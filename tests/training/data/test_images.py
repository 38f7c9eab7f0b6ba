"""Every image mode becomes RGB as a person would see it."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from training.data.images import UnreadableImage, centre_square, decode_rgb

RAMP = np.linspace(0, 255, 16 * 16).astype(np.uint8).reshape(16, 16)
NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))


def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)  # type: ignore[arg-type]
    return file.getvalue()


def test_grey_is_repeated() -> None:
    rgb = decode_rgb(encode(Image.fromarray(RAMP)))
    assert rgb.shape == (16, 16, 3) and rgb.dtype == np.uint8
    assert (rgb == RAMP[..., None]).all()


def test_transparent_pixels_become_glass() -> None:
    rgba = np.zeros((16, 16, 4), np.uint8)
    rgba[:, :8] = (10, 20, 30, 255)
    rgb = decode_rgb(encode(Image.fromarray(rgba, "RGBA")))
    assert (rgb[:, :8] == (10, 20, 30)).all()
    assert (rgb[:, 8:] == 255).all()


@pytest.mark.parametrize("extension", [".png", ".tif"])
@pytest.mark.parametrize(("bits", "white"), [(12, 4095), (16, 65535)])
@pytest.mark.parametrize("channels", [1, 3])
def test_deep_values_are_scaled(extension: str, bits: int, white: int, channels: int) -> None:
    deep = (RAMP.astype(np.float64) / 255 * white).round().astype(np.uint16)
    picture = deep if channels == 1 else np.dstack([deep] * 3)
    rgb = decode_rgb(cv2.imencode(extension, picture)[1].tobytes())
    assert np.abs(rgb.astype(int) - RAMP[..., None]).max() <= 1


def test_sixteen_bit_channels_keep_their_order() -> None:
    red = np.zeros((8, 8, 3), np.uint16)
    red[..., 2] = 65535  # OpenCV writes BGR
    assert (decode_rgb(cv2.imencode(".png", red)[1].tobytes()) == (255, 0, 0)).all()


def test_cmyk_is_converted() -> None:
    cyan = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    red, green, blue = decode_rgb(encode(cyan, "JPEG", quality=100))[8, 8].astype(int)
    assert red < 60 < 140 < min(green, blue)


def test_palette_is_converted() -> None:
    rgb = Image.fromarray(np.dstack([RAMP, RAMP, RAMP]))
    assert decode_rgb(encode(rgb.quantize(16))).std() > 50


def test_exif_rotation_is_applied() -> None:
    tall = Image.new("RGB", (8, 16), "white")
    tall.paste((255, 0, 0), (0, 0, 8, 4))
    exif = Image.Exif()
    exif[274] = 6  # shown turned clockwise
    rgb = decode_rgb(encode(tall, exif=exif.tobytes()))
    assert rgb.shape == (8, 16, 3)
    assert tuple(rgb[4, 14]) == (255, 0, 0)


@pytest.mark.parametrize("data", [b"", b"not an image", b"\x89PNG\r\n\x1a\n"])
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableImage):
        decode_rgb(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.5, 0.97])
def test_a_cut_file_is_refused(kind: str, share: float, capfd: pytest.CaptureFixture[str]) -> None:
    """And told in one sentence: decoders write nothing of their own."""
    data = encode(NOISE, kind)
    with pytest.raises(UnreadableImage):
        decode_rgb(data[: int(len(data) * share)])
    assert capfd.readouterr().err == ""


def test_a_cut_jpeg_is_not_filled_up_with_grey(monkeypatch: pytest.MonkeyPatch) -> None:
    """As OpenCV would where it is lenient."""
    grey = np.full((64, 64, 3), 128, np.uint8)
    monkeypatch.setattr(cv2, "imdecode", lambda *_: grey)
    with pytest.raises(UnreadableImage, match="the file is incomplete"):
        decode_rgb(encode(NOISE, "JPEG")[:-200])


def test_centre_square_never_squashes() -> None:
    wide = np.dstack([np.tile(np.arange(20, dtype=np.uint8), (10, 1))] * 3)
    square = centre_square(wide)
    assert square.shape == (10, 10, 3)
    assert (square[0, :, 0] == np.arange(5, 15)).all()
