"""Where a slide's pixels come from: OpenSlide, or one plain image held in memory.

Both sources read BGRA (the memory layout of Qt's RGB32 and of OpenSlide's ARGB32 on little-endian
machines) into a buffer of the caller, on white, so that the viewer's tiles are never copied.
"""

from __future__ import annotations

import hashlib
import math
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, c_uint32
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import openslide
from openslide import lowlevel
from PIL import Image, ImageOps

from ssmamba.errors import SlideError

DECODED_CACHE_BYTES = 64 * 2**20  # OpenSlide's own cache of decoded file tiles
MAX_IMAGE_PIXELS = 500_000_000  # a plain image lies whole in memory, 4 bytes a pixel
SANE_MPP = (0.02, 20.0)  # µm/px beyond which a resolution tag was meant for a printer


@dataclass(frozen=True)
class Level:
    """One resolution of the file."""

    width: int
    height: int
    downsample: float  # level-0 pixels per pixel; seldom an integer (2.0005)
    tile_width: int  # of the file's own tiles, pixels of this level
    tile_height: int


class PixelSource(Protocol):
    """What Slide needs of a file."""

    vendor: str
    levels: tuple[Level, ...]
    properties: dict[str, str]
    mpp: float | None
    icc_profile: bytes | None
    quick_hash: str

    def read_into(self, out: np.ndarray, x: int, y: int, level: int) -> None:
        """Fill ``out`` (H, W, 4) uint8 BGRA, C-contiguous, from (x, y) level-0 pixels."""

    def associated(self) -> dict[str, Image.Image]: ...

    def close(self) -> None: ...


def open_source(path: Path) -> PixelSource:
    """Open a file with OpenSlide if it knows it, else as a plain image. Raises SlideError."""
    if not path.exists():
        raise SlideError(f"There is no file {path}; check the path.")
    if path.is_dir():
        raise SlideError(f"{path} is a folder; choose the slide file inside it.")
    try:
        is_slide = openslide.OpenSlide.detect_format(path) is not None
    except (OSError, openslide.OpenSlideError):
        is_slide = False
    return OpenSlideSource(path) if is_slide else ImageSource(path)


def sane_mpp(value: float) -> float | None:
    """Return a resolution tag's µm/px when a microscope could have written it."""
    low, high = SANE_MPP
    return value if math.isfinite(value) and low <= value <= high else None


def flatten_on_white(bgra: np.ndarray) -> None:
    """Lay premultiplied BGRA (H, W, 4) uint8 on white, in place; alpha becomes 255."""
    alpha = bgra[..., 3]
    if int(alpha.min()) == 255:
        return
    bgra += (255 - alpha)[..., None]


class OpenSlideSource:
    """A slide read by OpenSlide; any number of threads may read at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Condition()
        self._readers = 0
        self._closed = False
        self._handle = self._open()
        handle = self._handle
        self.properties: dict[str, str] = dict(handle.properties)
        self.vendor = self.properties.get(openslide.PROPERTY_NAME_VENDOR, "unknown")
        self.levels = tuple(self._level(i) for i in range(handle.level_count))
        self.mpp = self._read_mpp()
        self.quick_hash = self.properties.get(
            openslide.PROPERTY_NAME_QUICKHASH1
        ) or file_quick_hash(path)
        profile = handle.color_profile
        self.icc_profile: bytes | None = None if profile is None else profile.tobytes()

    def _open(self) -> openslide.OpenSlide:
        try:
            handle = openslide.OpenSlide(self._path)
            handle.set_cache(openslide.OpenSlideCache(DECODED_CACHE_BYTES))
        except (OSError, openslide.OpenSlideError) as error:
            raise SlideError(
                f"{self._path} cannot be opened as a slide ({error}); it may be damaged or cut "
                "short, copy it again from the scanner."
            ) from error
        return handle

    def _level(self, index: int) -> Level:
        width, height = self._handle.level_dimensions[index]
        prefix = f"openslide.level[{index}].tile-"
        return Level(
            width,
            height,
            float(self._handle.level_downsamples[index]),
            int(self.properties.get(prefix + "width", 256)),
            int(self.properties.get(prefix + "height", 256)),
        )

    def _read_mpp(self) -> float | None:
        try:
            x = float(self.properties[openslide.PROPERTY_NAME_MPP_X])
            y = float(self.properties[openslide.PROPERTY_NAME_MPP_Y])
        except (KeyError, ValueError):
            return None
        mpp = math.sqrt(x * y) if x > 0 and y > 0 else math.nan
        if self.vendor == "generic-tiff":
            return sane_mpp(mpp)
        return mpp if math.isfinite(mpp) else None

    @contextmanager
    def _reading(self) -> Iterator[openslide.OpenSlide]:
        """Count a reader, so that nobody closes the handle under it (OpenSlide would crash)."""
        with self._lock:
            if self._closed:
                raise SlideError(f"{self._path} was closed; open it again.")
            self._readers += 1
            handle = self._handle
        try:
            yield handle
        finally:
            with self._lock:
                self._readers -= 1
                self._lock.notify_all()

    def _replace(self, broken: openslide.OpenSlide) -> None:
        """OpenSlide refuses every read after an error; a fresh handle reads the sound parts."""
        with self._lock:
            if self._handle is broken and not self._closed:
                self._handle = self._open()

    def read_into(self, out: np.ndarray, x: int, y: int, level: int) -> None:
        with self._reading() as handle:
            try:
                _read_premultiplied(handle, out, x, y, level)
            except openslide.OpenSlideError:
                self._replace(handle)
                self._read_alone(out, x, y, level)
        flatten_on_white(out)

    def _read_alone(self, out: np.ndarray, x: int, y: int, level: int) -> None:
        """Try once more by a handle of its own: the error may have been another thread's."""
        try:
            with self._open() as handle:
                _read_premultiplied(handle, out, x, y, level)
        except openslide.OpenSlideError as error:
            raise SlideError(
                f"A part of {self._path.name} cannot be read ({error}); the file is damaged or "
                "cut short, copy it again."
            ) from error

    def associated(self) -> dict[str, Image.Image]:
        """Label, macro and thumbnail, RGB; those that cannot be read are left out."""
        images: dict[str, Image.Image] = {}
        with self._reading() as handle:
            for name in handle.associated_images:
                try:
                    images[name] = handle.associated_images[name].convert("RGB")
                except openslide.OpenSlideError:
                    self._replace(handle)
                    break
        return images

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._lock.wait_for(lambda: self._readers == 0)
            self._handle.close()


def _read_premultiplied(handle: Any, out: np.ndarray, x: int, y: int, level: int) -> None:
    """Read straight into ``out`` where this build of openslide-python allows it."""
    height, width = out.shape[:2]
    raw = getattr(lowlevel, "_read_region", None)
    if raw is not None and sys.byteorder == "little" and hasattr(handle, "_osr"):
        raw(handle._osr, out.ctypes.data_as(POINTER(c_uint32)), x, y, level, width, height)
        return
    image = handle.read_region((x, y), level, (width, height))
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    white.alpha_composite(image)
    out[...] = np.asarray(white)[..., [2, 1, 0, 3]]


class ImageSource:
    """A plain image (PNG, JPEG, TIFF …) as a slide of one level, decoded when opened."""

    def __init__(self, path: Path) -> None:
        image, mpp, self.icc_profile = _decode(path)
        rgb = np.asarray(image)  # (H, W, 3)
        height, width = rgb.shape[:2]
        self._bgra = np.full((height, width, 4), 255, np.uint8)
        self._bgra[..., :3] = rgb[..., ::-1]
        self.vendor = "image"
        self.levels: tuple[Level, ...] = (Level(width, height, 1.0, 256, 256),)
        self.properties: dict[str, str] = {"image.format": path.suffix.lstrip(".").lower()}
        self.mpp = mpp
        self.quick_hash = file_quick_hash(path)

    def read_into(self, out: np.ndarray, x: int, y: int, level: int) -> None:
        height, width = out.shape[:2]
        full_height, full_width = self._bgra.shape[:2]
        x0, x1 = max(x, 0), min(x + width, full_width)
        y0, y1 = max(y, 0), min(y + height, full_height)
        if x1 - x0 < width or y1 - y0 < height:
            out[...] = 255
        if x0 < x1 and y0 < y1:
            out[y0 - y : y1 - y, x0 - x : x1 - x] = self._bgra[y0:y1, x0:x1]

    def associated(self) -> dict[str, Image.Image]:
        return {}

    def close(self) -> None:
        """Nothing is held open."""


def _decode(path: Path) -> tuple[Image.Image, float | None, bytes | None]:
    try:
        with warnings.catch_warnings():
            # the size is checked below, and odd tags do not matter
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                _check_size(path, image.size)
                mpp = _resolution_mpp(image)
                profile = image.info.get("icc_profile")
                upright = ImageOps.exif_transpose(image)
                return _to_rgb(upright), mpp, profile
    except SlideError:
        raise
    except (OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError) as error:
        raise SlideError(
            f"{path} is neither a slide that OpenSlide reads nor a readable image; choose a slide "
            "(SVS, NDPI, MRXS, SCN, TIFF …) or a PNG or JPEG, and copy it again if it is cut short."
        ) from error


def _check_size(path: Path, size: tuple[int, int]) -> None:
    if size[0] * size[1] > MAX_IMAGE_PIXELS:
        raise SlideError(
            f"{path} is a plain image of {size[0]}×{size[1]} px, too large to hold in memory; "
            "convert it to a pyramidal TIFF."
        )


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):  # 16 or 32 bits: spread over 0..255
        values = np.asarray(image, np.float32)
        top = 65535.0 if values.max(initial=0) > 255 else 255.0
        return Image.fromarray((values * (255.0 / top)).clip(0, 255).astype(np.uint8)).convert(
            "RGB"
        )
    if "A" in image.mode or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _resolution_mpp(image: Image.Image) -> float | None:
    dpi = image.info.get("dpi")  # Pillow has turned resolution tags of any unit into this
    if not dpi or image.info.get("resolution_unit", 2) == 1:
        return None
    try:
        return sane_mpp(25_400.0 / float(dpi[0]))
    except (ZeroDivisionError, TypeError, ValueError):
        return None


def file_quick_hash(path: Path, chunk: int = 65_536) -> str:
    """sha256 of a file's size, head and tail, as 64 hex digits: quick, and enough to tell files."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(chunk))
        file.seek(max(0, size - chunk))
        digest.update(file.read(chunk))
    return digest.hexdigest()
