"""Decodes PNG, JPEG, WebP and the like: all plain images but TIFF."""

from __future__ import annotations

import struct
import warnings
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from ssmamba.slides.depth import on_white, to_eight_bits
from ssmamba.slides.picture import Picture, UnreadableImage, check_size, rgb_profile, scale_of
from ssmamba.wording import words

# Nothing else is tried: formats such as EPS are programs, which Pillow hands to an interpreter.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "JPEG2000", "PPM", "AVIF")
PNG_BIT_DEPTH = 24  # byte of the header that holds it
HEAD_BYTES = 2**20  # of a file, that say how deep it is; a profile can come first
JPEG2000_SIZE, JPEG2000_DEPTH = b"\xff\x4f\xff\x51", 42  # markers; a byte that holds the depth - 1
ORIENTATION = 0x0112  # EXIF tag
APPROXIMATE_CMYK = words(
    "The colours are CMYK and shown without a printer's profile, so they are approximate; save "
    "the image as RGB to be sure."
)
NOT_AN_IMAGE = words(
    "not a readable image; choose a PNG, JPEG, TIFF or slide, or copy the file again"
)
INCOMPLETE = words("the file is incomplete; copy it again")
DAMAGE = (  # what decoders raise for bytes that make no sense
    OSError, SyntaxError, ValueError, LookupError, TypeError, RuntimeError, ArithmeticError,
    AttributeError, AssertionError, EOFError, struct.error,
)  # fmt: skip

Image.MAX_IMAGE_PIXELS = None  # every file that is opened here passes ``check_size`` first


def open_image(file: BinaryIO, formats: tuple[str, ...] = FORMATS) -> Image.Image:
    """The header of an image of one of the given formats. Raises UnreadableImage."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata does not matter when pixels decode
            image = Image.open(file, formats=formats)
    except DAMAGE as error:
        raise UnreadableImage(NOT_AN_IMAGE) from error
    check_size(*image.size)
    return image


def decode_plain(file: BinaryIO) -> Picture:
    """Decode an open file from its beginning. Raises UnreadableImage."""
    with open_image(file) as image:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return _decode(image, file)
        except UnreadableImage:
            raise
        except DAMAGE as error:
            short = "truncated" in str(error)
            raise UnreadableImage(INCOMPLETE if short else NOT_AN_IMAGE) from error


def _decode(image: Image.Image, file: BinaryIO) -> Picture:
    kind = image.format or ""
    mpp, notes = _resolution(image)
    if kind != "JPEG" and kind != "MPO" and getattr(image, "is_animated", False):
        notes += (words("It has several frames; the first is shown."),)
    if image.mode == "CMYK":
        notes += (APPROXIMATE_CMYK,)
    profile = rgb_profile(image.info.get("icc_profile"))
    image.load()
    rgb = _deep(image, file)
    return Picture(_shallow(image) if rgb is None else rgb, kind, mpp, profile, notes)


def _shallow(image: Image.Image) -> np.ndarray:
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        glass = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(glass, image)
    return np.asarray(image.convert("RGB"))


def _deep(image: Image.Image, file: BinaryIO) -> np.ndarray | None:
    """Pixels of an image of more than 8 bits, upright; None if it is none.

    Pillow keeps the high byte of 16-bit colour alone, which turns 12-bit data black.
    """
    if image.mode.startswith(("I", "F")):
        return _turned(_with_clear_value(np.asarray(image), image.info.get("transparency")), image)
    file.seek(0)
    is_deep = {"PNG": is_deep_png, "JPEG2000": is_deep_jpeg2000}.get(image.format or "")
    if is_deep is None or not is_deep(file.read(HEAD_BYTES)):
        return None
    import cv2  # takes 0.1 s to import; needed for such files only

    file.seek(0)
    try:
        array = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        array = None
    if array is None:
        raise UnreadableImage(INCOMPLETE)
    if array.ndim == 2:
        return _turned(_with_clear_value(array, None), image)
    rgb = to_eight_bits(array[..., 2::-1])
    if array.shape[2] == 4:
        rgb = on_white(rgb, to_eight_bits(array[..., 3]))
    return _turned(rgb, image)


def is_deep_png(head: bytes) -> bool:
    """Whether a PNG of which at least 25 bytes are given has 16 bits a channel."""
    return head[PNG_BIT_DEPTH : PNG_BIT_DEPTH + 1] == b"\x10"


def is_deep_jpeg2000(head: bytes) -> bool:
    """Whether the first channel of a JPEG 2000 file has 16 bits; fewer are what the file says."""
    place = head.find(JPEG2000_SIZE)
    return place >= 0 and head[place + JPEG2000_DEPTH : place + JPEG2000_DEPTH + 1] == b"\x0f"


def _with_clear_value(grey: np.ndarray, clear: object) -> np.ndarray:
    """(H, W) of any depth to RGB; pixels of one value can be transparent, as PNG allows."""
    eight = to_eight_bits(grey)
    if isinstance(clear, int):
        eight = np.where(grey == clear, np.uint8(255), eight)
    return np.repeat(eight[..., None], 3, axis=2)


def _turned(rgb: np.ndarray, image: Image.Image) -> np.ndarray:
    return upright(rgb, image.getexif().get(ORIENTATION, 1))


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """(H, W, ...) as stored -> as an Orientation tag of EXIF and TIFF asks it to be shown."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels[::-1] if orientation in (3, 4, 7, 8) else pixels


def _resolution(image: Image.Image) -> tuple[float | None, tuple[str, ...]]:
    """µm/px; Pillow converts resolutions of any unit to dots an inch."""
    try:
        across, down = (25_400.0 / float(v) for v in image.info["dpi"])
    except (LookupError, ZeroDivisionError, TypeError, ValueError):
        return None, ()
    return scale_of(across, down)
