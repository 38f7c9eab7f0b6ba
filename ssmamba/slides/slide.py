"""A slide as the model and the viewer see it: levels, µm/px, and RGB pixels of any region."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from PIL import Image

from ssmamba.errors import SlideError, SlideReplaced
from ssmamba.slides.decode import is_tiff
from ssmamba.slides.file_state import FileState, file_state
from ssmamba.slides.image_source import ImageSource
from ssmamba.slides.openslide_source import (
    GENERIC_TIFF,
    OpenSlideSource,
    openslide_hash,
    slide_vendor,
)
from ssmamba.slides.picture import UnreadableImage
from ssmamba.slides.pixel_source import Level, PixelSource
from ssmamba.slides.tiff.choice import fits_in_memory, read_directory, shown_by_openslide
from ssmamba.slides.tiff.source import TiffSource

__all__ = ["Level", "Slide", "SlideInfo"]

BAND_PIXELS = 16_000_000  # a region is reduced in bands of at most this many pixels


@dataclass(frozen=True)
class SlideInfo:
    """A slide's metadata."""

    path: str
    name: str  # file name
    vendor: str  # OpenSlide's name ("aperio", "generic-tiff"), or "image"
    width: int  # level-0 pixels
    height: int
    levels: tuple[Level, ...]
    mpp: float | None  # µm per level-0 pixel; None when the file does not say
    objective_power: float | None
    bounds: tuple[int, int, int, int] | None  # x, y, width, height of the scanned part
    has_icc: bool
    quick_hash: str
    properties: dict[str, str]
    former_hash: str = ""  # the quick hash that earlier versions used, if different
    notes: tuple[str, ...] = ()  # what is not shown as it is stored, a sentence each
    file: FileState | None = None  # as it was opened; another one in its place is not read
    content_hash: str = ""  # of its pixels (``slides.identity``), where that has been computed

    @property
    def bounds_offset(self) -> tuple[int, int]:
        """Origin of QuPath's coordinates in level-0 pixels: (x, y) of the slide's bounds."""
        return (0, 0) if self.bounds is None else self.bounds[:2]


class Slide:
    """An open slide or plain image. Any number of threads may read at once.

    Positions are (x, y) in level-0 pixels; images are HWC uint8 RGB, white off the slide.
    """

    def __init__(self, path: Path, source: PixelSource, file: FileState | None = None) -> None:
        """file: of the file when it was opened; None = as it is now."""
        self.path = path
        self._source = source
        self.info = _info(path, source, file or file_state(path))

    @classmethod
    def open(cls, path: Path | str) -> Slide:
        """Open a file. Raises SlideError, which says what is wrong and what to do."""
        resolved = Path(path)
        file = file_state(resolved)
        try:
            return cls(resolved, open_source(resolved), file)
        except PermissionError as error:
            raise SlideError(
                "No permission to read {resolved}; change its permissions.", resolved=resolved
            ) from error
        except OSError as error:
            raise SlideError(
                "{resolved} cannot be read ({error}); check its disk.",
                resolved=resolved,
                error=error,
            ) from error

    @property
    def dimensions(self) -> tuple[int, int]:
        """(width, height), level-0 pixels."""
        return self.info.width, self.info.height

    @property
    def levels(self) -> tuple[Level, ...]:
        return self.info.levels

    @property
    def mpp(self) -> float | None:
        """µm per level-0 pixel; None when the file does not say."""
        return self.info.mpp

    @property
    def quick_hash(self) -> str:
        return self.info.quick_hash

    @property
    def held_bytes(self) -> int:
        """Memory used while the slide is open."""
        return self._source.held_bytes

    @property
    def icc_profile(self) -> bytes | None:
        return self._source.icc_profile

    def associated_images(self) -> dict[str, Image.Image]:
        """Label, macro and thumbnail images, those that the file has, RGB."""
        return dict(self._source.associated())

    def best_level(self, downsample: float) -> int:
        """The coarsest level that is not coarser than ``downsample``."""
        fitting = [i for i, lv in enumerate(self.levels) if lv.downsample <= downsample * 1.005]
        return max(fitting, default=0)

    def read_bgra_into(self, out: np.ndarray, x: int, y: int, level: int) -> None:
        """Fill ``out`` ((H, W, 4) uint8, contiguous) with opaque BGRA from (x, y), level-0 px.

        A place between two pixels of the level is what OpenSlide makes of it.
        Raises SlideError where that fails, and where the file is no longer the one that was opened.
        """
        if out.shape[2:] != (4,):
            raise ValueError("out must be an (H, W, 4) array")
        self._fill(self._source.read_into, out, x, y, level)

    def read_level_into(self, out: np.ndarray, left: int, top: int, level: int) -> None:
        """Fill ``out`` with the level's own pixels from (left, top), pixels of that level.

        out: (H, W, 3) uint8 RGB or (H, W, 4) uint8 opaque BGRA, C-contiguous; white off the slide.
        This is the quickest way to a slide's pixels. A part of a file's tile that was asked for
        keeps the whole tile in memory (64 MB of them a slide), so a grid of windows is best read
        row by row, or block by block where a row is more than 64 MB; from several threads, which
        decode side by side. Raises SlideError as ``read_bgra_into`` does.
        """
        self._fill(self._source.read_level_into, out, left, top, level)

    def _fill(
        self, read: Callable[[np.ndarray, int, int, int], None],
        out: np.ndarray, x: int, y: int, level: int,
    ) -> None:  # fmt: skip
        if not out.flags.c_contiguous or out.dtype != np.uint8 or out.shape[2:] not in ((3,), (4,)):
            raise ValueError("out must be a contiguous (H, W, 3) or (H, W, 4) uint8 array")
        with self._guarded():
            read(out, x, y, level)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Refuse what was read from another file than the one that was opened."""
        try:
            yield
        except SlideError:
            self._refuse_replaced()
            raise
        self._refuse_replaced()  # after the read: pixels from before a change are the slide's own

    def _refuse_replaced(self) -> None:
        now = file_state(self.path)  # None: moved away, and still open
        if now is not None and now != self.info.file:
            raise SlideReplaced(self.path)

    def read_region(self, x: int, y: int, level: int, width: int, height: int) -> np.ndarray:
        """Read ``width`` × ``height`` pixels of ``level``; (x, y) is level-0. HWC uint8 RGB."""
        rgb = np.empty((height, width, 3), np.uint8)
        self._fill(self._source.read_into, rgb, x, y, level)
        return rgb

    def read_reference(self, x: int, y: int, level: int, width: int, height: int) -> np.ndarray:
        """As ``read_region``, and never from the file's own tiles: what a slide's hash is made of.

        So it is the same whichever libraries are installed.
        """
        bgra = np.empty((height, width, 4), np.uint8)
        source = self._source
        if isinstance(source, OpenSlideSource):
            self._fill(source.read_by_openslide, bgra, x, y, level)
        else:
            self._fill(source.read_into, bgra, x, y, level)
        return np.ascontiguousarray(bgra[..., 2::-1])

    def read_window(self, x: float, y: float, side: float, out_px: int) -> np.ndarray:
        """Read a square of ``side`` level-0 pixels as (out_px, out_px, 3) uint8 RGB.

        The finest needed level is read and averaged down by area. The square is moved to whole
        pixels of that level (by at most half of one); with ``side == out_px`` the result is the
        slide's own level-0 pixels.
        """
        return self.read_windows([(x, y, side)], out_px)[0]

    def read_windows(
        self, windows: Iterable[tuple[float, float, float]], out_px: int
    ) -> list[np.ndarray]:
        """``read_window`` of each (x, y, side); whether the file is still the one that was opened
        is asked once.
        """
        with self._guarded():
            return [self._read_window(x, y, side, out_px) for x, y, side in windows]

    def read_block(self, scale: float, x: int, y: int, columns: int, rows: int) -> np.ndarray:
        """Read a part of the picture that the whole slide is at a scale; HWC uint8 RGB.

        scale: level-0 pixels per pixel of the picture, whose first begins at (0, 0). (x, y): the
        part's first pixel, of the picture. Parts that touch have no pixel of the file in common.
        """
        level = self.best_level(scale)
        step = scale / self.levels[level].downsample
        left, top = _half_up(x * step), _half_up(y * step)
        wide = max(1, _half_up((x + columns) * step) - left)
        high = max(1, _half_up((y + rows) * step) - top)
        with self._guarded():
            return self._read_reduced(level, left, top, (wide, high), (columns, rows))

    def _read_window(self, x: float, y: float, side: float, out_px: int) -> np.ndarray:
        if side <= 0 or out_px <= 0:
            raise ValueError(f"side and out_px must be positive, not {side} and {out_px}")
        level = self.best_level(side / out_px)
        downsample = self.levels[level].downsample
        side_px = max(1, round(side / downsample))
        left, top = _half_up(x / downsample), _half_up(y / downsample)
        return self._read_reduced(level, left, top, (side_px, side_px), (out_px, out_px))

    def _read_reduced(
        self, level: int, left: int, top: int, size: tuple[int, int], out: tuple[int, int]
    ) -> np.ndarray:
        """Read a rectangle of a level, in bands of rows when it is too large to hold.

        size, out: (width, height) of the rectangle, and of what is made of it.
        """
        (wide, high), (columns, rows) = size, out
        rows_per_band = max(1, int(BAND_PIXELS * rows / (wide * high)))
        if rows_per_band >= rows:
            return _resized(self._read_level(level, left, top, wide, high), columns, rows)
        bands = []
        for row in range(0, rows, rows_per_band):
            count = min(rows_per_band, rows - row)
            # band edges fall on whole pixels; a result pixel spans many of them here
            y0, y1 = (round(r * high / rows) for r in (row, row + count))
            band = self._read_level(level, left, top + y0, wide, y1 - y0)
            bands.append(_resized(band, columns, count))
        return np.concatenate(bands)

    def _read_level(self, level: int, left: int, top: int, w: int, h: int) -> np.ndarray:
        rgb = np.empty((h, w, 3), np.uint8)
        self._source.read_level_into(rgb, left, top, level)
        return rgb

    def close(self) -> None:
        """Wait for running reads, then free the file; later reads raise SlideError."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_source(path: Path) -> PixelSource:
    """Open a file with the reader that shows it truthfully. Raises SlideError."""
    if not path.exists():
        raise SlideError("There is no file {path}; check the path.", path=path)
    if path.is_dir():
        raise SlideError("{path} is a folder; choose the slide file inside it.", path=path)
    vendor = slide_vendor(path)
    if vendor not in (None, GENERIC_TIFF):
        return OpenSlideSource(path)
    try:
        return _open_tiff(path, vendor) if is_tiff(path) else ImageSource(path)
    except UnreadableImage as error:
        raise SlideError("{path} cannot be shown: {error}.", path=path, error=error) from error
    except MemoryError as error:
        raise SlideError(
            "{path} does not fit in memory; convert it to a tiled TIFF.", path=path
        ) from error


def _open_tiff(path: Path, vendor: str | None) -> PixelSource:
    """A TIFF of no scanner's own format. Raises UnreadableImage."""
    found = read_directory(path)
    if vendor == GENERIC_TIFF and shown_by_openslide(found):
        with suppress(SlideError):
            return _proved(OpenSlideSource(path, (found.mpp, found.notes)))
    # regions that were drawn on the same pixels stay with the file
    earlier = openslide_hash(path) if vendor is not None and found.orientation == 1 else ""
    source = ImageSource if fits_in_memory(found) else TiffSource
    return source(path, earlier)


def _proved(source: OpenSlideSource) -> OpenSlideSource:
    """A source of which a pixel of every level can be read. Raises SlideError."""
    try:
        for level in range(len(source.levels)):
            source.read_by_openslide(np.empty((1, 1, 4), np.uint8), 0, 0, level)
    except SlideError:
        source.close()
        raise
    return source


def _half_up(value: float) -> int:
    """Round to the nearest whole number; unlike round(), x.5 always goes the same way."""
    return math.floor(value + 0.5)


def _resized(image: np.ndarray, width: int, height: int) -> np.ndarray:
    if image.shape[:2] == (height, width):
        return image
    # OpenCV takes 0.1 s to import; the viewer's process never gets here
    from ssmamba.slides.resizing import resized

    return resized(image, width, height)


def _info(path: Path, source: PixelSource, file: FileState | None) -> SlideInfo:
    return SlideInfo(
        path=str(path),
        name=path.name,
        vendor=source.vendor,
        width=source.levels[0].width,
        height=source.levels[0].height,
        levels=source.levels,
        mpp=source.mpp,
        objective_power=_number(source, "openslide.objective-power"),
        bounds=_bounds(source),
        has_icc=source.icc_profile is not None,
        quick_hash=source.quick_hash,
        properties=dict(source.properties),
        former_hash=source.former_hash,
        notes=source.notes,
        file=file,
    )


def _number(source: PixelSource, key: str) -> float | None:
    try:
        value = float(source.properties[key])
    except (KeyError, ValueError):
        return None
    return value if math.isfinite(value) and value > 0 else None


def _bounds(source: PixelSource) -> tuple[int, int, int, int] | None:
    try:
        x, y, width, height = (
            int(source.properties[f"openslide.bounds-{key}"])
            for key in ("x", "y", "width", "height")
        )
    except (KeyError, ValueError):
        return None
    return x, y, width, height
