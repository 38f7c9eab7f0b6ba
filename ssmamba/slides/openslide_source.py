"""Slides that OpenSlide reads."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, c_uint32
from pathlib import Path
from typing import Any

import numpy as np
import openslide
from openslide import lowlevel
from PIL import Image

from ssmamba.errors import SlideError
from ssmamba.slides.dicom import explain_dicom, pixel_spacings
from ssmamba.slides.geometry import Shrinkage, shrinkage
from ssmamba.slides.picture import MAX_IMAGE_PIXELS, sane_mpp, scale_of
from ssmamba.slides.pixel_source import (
    Level,
    former_hash,
    read_in_colours,
    sampled_hash,
)
from ssmamba.slides.tiles.own import VENDORS, OwnTiles
from ssmamba.slides.tiles.proof import whole_pixel
from ssmamba.wording import words

DECODED_CACHE_BYTES = 64 * 2**20  # OpenSlide's own cache of decoded file tiles


IMPOSSIBLE_MPP = words(
    "The file says {value:.4g} µm/px, which no scanner writes, so it is not taken; set the right "
    "scale to measure."
)
NO_FULL_RESOLUTION = words(
    "The folder has no full-resolution file of this slide: its finest level is marked as "
    "resampled; copy the missing DICOM file from the archive."
)
Scale = tuple[float | None, tuple[str, ...]]
GENERIC_TIFF = "generic-tiff"
MOST_UNEVEN = 1.05  # ratio of a level's two downsamples; beyond, its places cannot be told


def slide_vendor(path: Path) -> str | None:
    """OpenSlide's name of the format, None if it does not recognise it."""
    try:
        return openslide.OpenSlide.detect_format(path)
    except (OSError, openslide.OpenSlideError):
        return None


def openslide_hash(path: Path) -> str:
    """The quick hash that OpenSlide gives a file; "" if it cannot open it."""
    try:
        with openslide.OpenSlide(path) as handle:
            return handle.properties.get(openslide.PROPERTY_NAME_QUICKHASH1, "")
    except (OSError, openslide.OpenSlideError):
        return ""


class OpenSlideSource:
    """A slide read by OpenSlide; any number of threads may read at once.

    OpenSlide says what the slide is. Levels whose tiles can be decoded straight from the file, and
    then are OpenSlide's pixels bit by bit, are read so (``tiles.own``).
    """

    held_bytes = DECODED_CACHE_BYTES

    def __init__(self, path: Path, scale: Scale | None = None) -> None:
        """scale: µm/px and notes, where the file's own directory was read for it."""
        self._path = path
        self._lock = threading.Condition()
        self._readers = 0
        self._closed = False
        self._handle = self._open()
        self._own_tiles: OwnTiles | None = None
        handle = self._handle
        self.properties: dict[str, str] = dict(handle.properties)
        self.vendor = self.properties.get(openslide.PROPERTY_NAME_VENDOR, "unknown")
        self._averaged = handle.level_downsamples
        self._numbers, self.levels = self._levels()
        self._refuse_gigantic_tiles()
        self.mpp, self.notes = scale if scale is not None else self._read_scale()
        if self.properties.get("dicom.ImageType[3]") == "RESAMPLED":
            self.notes += (NO_FULL_RESOLUTION,)
        own_hash = self.properties.get(openslide.PROPERTY_NAME_QUICKHASH1)
        self.quick_hash = own_hash or sampled_hash(path)
        self.former_hash = "" if own_hash else former_hash(path)
        profile = handle.color_profile
        self.icc_profile: bytes | None = None if profile is None else profile.tobytes()
        if self.vendor in VENDORS:
            as_stored = [
                Level(*handle.level_dimensions[n], self._averaged[n], *self._tile(n))
                for n in self._numbers
            ]
            self._own_tiles = OwnTiles(path, as_stored, self._read_by_openslide)

    def _open(self) -> openslide.OpenSlide:
        try:
            handle = openslide.OpenSlide(self._path)
            handle.set_cache(openslide.OpenSlideCache(DECODED_CACHE_BYTES))
        except (OSError, openslide.OpenSlideError) as error:
            reason = explain_dicom(self._path, str(error)) or words(
                "({error}); it may be damaged or truncated; copy it again from the scanner",
                error=error,
            )
            raise SlideError(
                "{path} cannot be opened as a slide {reason}.", path=self._path, reason=reason
            ) from error
        return handle

    def _levels(self) -> tuple[tuple[int, ...], tuple[Level, ...]]:
        """OpenSlide's numbers of the levels that are read, and their geometry."""
        handle = self._handle
        base, *others = handle.level_dimensions
        spacings = pixel_spacings(self._path) if self.vendor == "dicom" else {}
        numbers, levels = [0], [self._level(0, base, 1.0)]
        for number, size in enumerate(others, 1):
            averaged = self._averaged[number]
            ratios = base[0] / size[0], base[1] / size[1]
            if not math.isclose(averaged, sum(ratios) / 2):  # the format says more than the sides
                how: Shrinkage | None = Shrinkage(averaged)
            else:
                told = spacings[size] / spacings[base] if {size, base} <= spacings.keys() else None
                how = shrinkage(base, size, self._tile(number), told)
                if how is None and max(ratios) < min(ratios) * MOST_UNEVEN:
                    how = Shrinkage(averaged)
            if how is not None and how.downsample > levels[-1].downsample:
                numbers.append(number)
                levels.append(self._level(number, how.size(base, size), how.downsample))
        return tuple(numbers), tuple(levels)

    def _level(self, number: int, size: tuple[int, int], downsample: float) -> Level:
        return Level(*size, downsample, *self._tile(number))

    def _tile(self, number: int) -> tuple[int, int]:
        prefix = f"openslide.level[{number}].tile-"
        width, height = (self.properties.get(prefix + side, 256) for side in ("width", "height"))
        return int(width), int(height)

    def _refuse_gigantic_tiles(self) -> None:
        """Raise SlideError for tiles that nobody could hold: OpenSlide would end the process."""
        for level in self.levels:
            if level.tile_width * level.tile_height > MAX_IMAGE_PIXELS:
                self._handle.close()
                raise SlideError(
                    "{path} has tiles of {tile_width}×{tile_height} px, too "
                    "large to hold in memory; convert it to a TIFF with tiles of 256 px.",
                    path=self._path,
                    tile_width=level.tile_width,
                    tile_height=level.tile_height,
                )

    def _read_scale(self) -> Scale:
        try:
            x = float(self.properties[openslide.PROPERTY_NAME_MPP_X])
            y = float(self.properties[openslide.PROPERTY_NAME_MPP_Y])
        except (KeyError, ValueError):
            return None, ()
        if sane_mpp(x) is None or sane_mpp(y) is None:
            return None, (words(IMPOSSIBLE_MPP, value=x),)
        return scale_of(x, y)

    @contextmanager
    def _reading(self) -> Iterator[openslide.OpenSlide]:
        """Count a reader, so that the handle stays open during the read (OpenSlide would crash)."""
        with self._lock:
            if self._closed:
                raise SlideError("{path} has been closed; open it again.", path=self._path)
            self._readers += 1
            handle = self._handle
        try:
            yield handle
        finally:
            with self._lock:
                self._readers -= 1
                if self._closed:
                    self._lock.notify_all()

    def _replace(self, broken: openslide.OpenSlide) -> None:
        """OpenSlide refuses all reads after an error; a new handle still reads the sound parts."""
        with self._lock:
            if self._handle is broken and not self._closed:
                self._handle = self._open()

    def read_into(self, out: np.ndarray, x: int, y: int, level: int) -> None:
        """Places between two pixels of a level are what OpenSlide makes of them."""
        left, top = self._whole_pixel(x, level), self._whole_pixel(y, level)
        with self._reading():
            if left is None or top is None or not self._read_own(out, left, top, level):
                place = self._openslide_place(x, level), self._openslide_place(y, level)
                read_in_colours(self._read_by_openslide, out, *place, level)

    def read_level_into(self, out: np.ndarray, left: int, top: int, level: int) -> None:
        """The level's own pixels; from OpenSlide, they are interpolated between level-0 places."""
        with self._reading():
            if not self._read_own(out, left, top, level):
                averaged = self._averaged[self._numbers[level]]
                x, y = (math.floor(v * averaged + 0.5) for v in (left, top))
                read_in_colours(self._read_by_openslide, out, x, y, level)

    def read_by_openslide(self, out: np.ndarray, x: int, y: int, level: int) -> None:
        """Fill ``out`` ((H, W, 4) uint8 BGRA) without a look at the file's own tiles."""
        with self._reading():
            place = self._openslide_place(x, level), self._openslide_place(y, level)
            self._read_by_openslide(out, *place, level)

    def _read_own(self, out: np.ndarray, left: int, top: int, level: int) -> bool:
        return self._own_tiles is not None and self._own_tiles.read_into(out, left, top, level)

    def _read_by_openslide(self, out: np.ndarray, x: int, y: int, level: int) -> None:
        """By a place as OpenSlide counts it."""
        handle, number = self._handle, self._numbers[level]
        try:
            _read_premultiplied(handle, out, x, y, number)
        except openslide.OpenSlideError:
            self._replace(handle)
            self._read_alone(out, x, y, number)
        flatten_on_white(out)

    def _whole_pixel(self, place: int, level: int) -> int | None:
        """The pixel of a level that a level-0 place means; None for one between two pixels."""
        downsample = self.levels[level].downsample
        if self._averaged[self._numbers[level]] == downsample:
            return whole_pixel(place, downsample)
        return math.floor(place / downsample + 0.5)

    def _openslide_place(self, place: int, level: int) -> int:
        """A level-0 place as OpenSlide, which knows averages alone, finds the same pixel by it."""
        downsample = self.levels[level].downsample
        averaged = self._averaged[self._numbers[level]]
        if averaged == downsample:
            return place
        return math.floor(math.floor(place / downsample + 0.5) * averaged + 0.5)

    def _read_alone(self, out: np.ndarray, x: int, y: int, level: int) -> None:
        """Try again with a separate handle: the error may have come from another thread's read."""
        try:
            with self._open() as handle:
                _read_premultiplied(handle, out, x, y, level)
        except openslide.OpenSlideError as error:
            raise SlideError(
                "A part of {name} cannot be read ({error}); the file is damaged or "
                "truncated; copy it again.",
                name=self._path.name,
                error=error,
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
            if self._own_tiles is not None:
                self._own_tiles.close()


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


def flatten_on_white(bgra: np.ndarray) -> None:
    """Composite premultiplied BGRA (H, W, 4) uint8 onto white, in place; alpha becomes 255."""
    alpha = bgra[..., 3]
    if int(alpha.min()) == 255:
        return
    rgb = bgra[..., :3]
    # saturates: not every file's colours are premultiplied, though its alpha says so
    rgb += np.minimum((255 - alpha)[..., None], 255 - rgb)
    bgra[..., 3] = 255
