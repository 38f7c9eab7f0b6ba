"""Tiled TIFFs read piece by piece, for what OpenSlide would show wrongly or not at all."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np
from PIL import Image

from ssmamba.errors import SlideError
from ssmamba.slides.picture import UnreadableImage, rgb_profile
from ssmamba.slides.pillow_image import upright
from ssmamba.slides.pixel_source import (
    Level,
    former_hash,
    nearest_place,
    read_in_colours,
    sampled_hash,
)
from ssmamba.slides.tiff.directory import Directory, Resolution, directory, opened
from ssmamba.slides.tiff.whole import Raster, decode_raster
from ssmamba.wording import words

CACHE_BYTES = 64 * 2**20  # decoded tiles
MAX_ASSOCIATED, MAX_ASSOCIATED_PIXELS = 4, 10_000_000
PLACES, PLACE_PX, PLACE_CELLS = 6, 32, 4  # compared a direction, pixels and averages a side of each
ALIKE = 24.0  # grey levels by which averages of two levels may differ, at most a pixel apart
SWAPPED, FLIPPED_ACROSS, FLIPPED_DOWN = (5, 6, 7, 8), (2, 3, 6, 7), (3, 4, 7, 8)
WHITE_FROM_OVERVIEW = words(
    "Its file does not say how many bits a value has, so white was found from its smallest level "
    "(value {white:.0f}); brighter parts are shown white."
)


class TiffSource:
    """A TIFF's levels; any number of threads may read at once."""

    held_bytes = CACHE_BYTES

    def __init__(self, path: Path, earlier_hash: str = "") -> None:
        """earlier_hash: the quick hash that OpenSlide gave the file.

        Raises UnreadableImage, or OSError.
        """
        self._name = path.name
        self._lock = threading.Lock()
        self._closed = False
        self._pieces: OrderedDict[tuple[int, int, int], np.ndarray | None] = OrderedDict()
        self._held = 0
        self._file = path.open("rb")
        try:
            self._open()
        except BaseException:
            self._file.close()
            raise
        self.vendor = "generic-tiff"
        self.properties = {"image.format": "tiff"}
        self.quick_hash = sampled_hash(path)
        self.former_hash = earlier_hash or former_hash(path)

    def _open(self) -> None:
        with opened(self._file) as tiff:
            self._found = directory(tiff)
            self._rasters = self._readable(self._found)
        base = self._rasters[0][0]
        self.notes = self._found.notes + base.colours.notes
        white = base.colours.white
        if white is None:
            white, alpha, _ = self._rasters[-1][0].whites()
            self.notes += (words(WHITE_FROM_OVERVIEW, white=white),)
        self._whites = (white, white if base.colours.white is not None else alpha)
        self._orientation = self._found.orientation
        self.levels = tuple(self._level(*pair) for pair in self._rasters)
        self._leave_out_strangers()
        self.mpp = self._found.mpp
        self.icc_profile = rgb_profile(self._found.icc_profile)

    def _readable(self, found: Directory) -> list[tuple[Raster, Resolution]]:
        rasters: list[tuple[Raster, Resolution]] = []
        for level in found.levels:
            try:
                raster = Raster(level.pages, self._file, self._lock)
            except UnreadableImage:
                if not rasters:
                    raise
                continue  # a smaller level that is stored in another way
            rasters.append((raster, level))
        return rasters

    def _level(self, raster: Raster, found: Resolution) -> Level:
        sides = [found.width, found.height, raster.tile_width, raster.tile_height]
        if self._orientation in SWAPPED:
            sides = [sides[i] for i in (1, 0, 3, 2)]
        return Level(sides[0], sides[1], found.downsample, sides[2], sides[3])

    def _leave_out_strangers(self) -> None:
        """Drop levels that were taken for padded by their shape alone, and show something else."""
        strangers = [
            number
            for number, (_, found) in enumerate(self._rasters)
            if found.is_padded and not self._shows_the_same(number)
        ]
        for number in reversed(strangers):
            _, found = self._rasters.pop(number)
            self._found.others[f"page of {found.pages[0].offset}"] = found.pages[0]
        self.levels = tuple(self._level(*pair) for pair in self._rasters)
        self._pieces.clear()  # by the levels' former numbers
        self._held = 0

    def _shows_the_same(self, number: int) -> bool:
        """Whether places of a level look as those of the finer one before it."""
        width, height = self.levels[0].width, self.levels[0].height
        steps = (np.arange(PLACES) + 0.5) / PLACES
        finer, level = self.levels[number - 1], self.levels[number]
        sides = [round(PLACE_PX * level.downsample / lv.downsample) for lv in (finer, level)]
        off = []
        for x, y in itertools.product(np.rint(steps * width), np.rint(steps * height)):
            seen = []
            for which, side in zip((number - 1, number), sides, strict=True):
                part = np.empty((side, side, 4), np.uint8)
                try:
                    self.read_into(part, int(x), int(y), which)
                except SlideError:
                    return False
                image = Image.fromarray(part[..., :3])
                seen.append(np.asarray(image.reduce(max(1, side // PLACE_CELLS)), float))
            rows, columns = (min(a.shape[i] for a in seen) for i in (0, 1))
            off.append(np.abs(seen[0][:rows, :columns] - seen[1][:rows, :columns]).mean())
        return bool(np.mean(off) < ALIKE)

    def read_into(self, out: np.ndarray, x: int, y: int, level: int) -> None:
        read_in_colours(self._read_bgra, out, x, y, level)

    def read_level_into(self, out: np.ndarray, left: int, top: int, level: int) -> None:
        self.read_into(out, *nearest_place(self.levels[level], left, top), level)

    def _read_bgra(self, out: np.ndarray, x: int, y: int, level: int) -> None:
        place = self.levels[level]
        left, top = (int(np.floor(v / place.downsample + 0.5)) for v in (x, y))
        x0, y0 = max(left, 0), max(top, 0)
        x1, y1 = min(left + out.shape[1], place.width), min(top + out.shape[0], place.height)
        out[...] = 255
        if x0 >= x1 or y0 >= y1:
            return
        try:
            rgb = self._upright_part(level, x0, y0, x1, y1)
        except ValueError as error:  # UnreadableImage, or the file was closed meanwhile
            if self._closed:
                raise SlideError(
                    "{name} has been closed; open it again.", name=self._name
                ) from error
            raise SlideError(
                "A part of {name} cannot be read: {error}.", name=self._name, error=error
            ) from error
        out[y0 - top : y1 - top, x0 - left : x1 - left, :3] = rgb[..., ::-1]

    def _upright_part(self, level: int, x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
        """A part of a level as it is shown, from the rectangle where it is stored."""
        width, height = self.levels[level].width, self.levels[level].height
        if self._orientation in FLIPPED_ACROSS:
            x0, x1 = width - x1, width - x0
        if self._orientation in FLIPPED_DOWN:
            y0, y1 = height - y1, height - y0
        if self._orientation in SWAPPED:
            x0, x1, y0, y1 = y0, y1, x0, x1
        return upright(self._stored_part(level, x0, y0, x1, y1), self._orientation)

    def _stored_part(self, level: int, x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
        raster = self._rasters[level][0]
        wide, tall = raster.tile_width, raster.tile_height
        out = np.full((y1 - y0, x1 - x0, 3), 255, np.uint8)
        for row in range(y0 // tall, -(-y1 // tall)):
            for column in range(x0 // wide, -(-x1 // wide)):
                piece = self._piece(level, row, column)
                if piece is None:
                    continue
                top, left = row * tall, column * wide
                a, b = max(y0, top), min(y1, top + piece.shape[0])
                c, d = max(x0, left), min(x1, left + piece.shape[1])
                out[a - y0 : b - y0, c - x0 : d - x0] = piece[
                    a - top : b - top, c - left : d - left
                ]
        return out

    def _piece(self, level: int, row: int, column: int) -> np.ndarray | None:
        key = (level, row, column)
        with self._lock:
            if self._closed:
                raise ValueError("closed")
            if key in self._pieces:
                self._pieces.move_to_end(key)
                return self._pieces[key]
        piece = self._rasters[level][0].rgb(row, column, self._whites)
        with self._lock:
            if key not in self._pieces:
                self._pieces[key] = piece
                self._held += 0 if piece is None else piece.nbytes
            while self._held > CACHE_BYTES and len(self._pieces) > 1:
                old = self._pieces.popitem(last=False)[1]
                self._held -= 0 if old is None else old.nbytes
        return piece

    def associated(self) -> dict[str, Image.Image]:
        """Pages of another shape (label, macro), RGB; those that cannot be read are left out."""
        images = {}
        for name, page in itertools.islice(self._found.others.items(), MAX_ASSOCIATED):
            if page.imagewidth * page.imagelength > MAX_ASSOCIATED_PIXELS:
                continue
            try:
                rgb, _ = decode_raster(Raster((page,), self._file, self._lock))
            except ValueError:
                continue
            images[name] = Image.fromarray(rgb)
        return images

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._pieces.clear()
            self._file.close()
