"""Tumour areas of slides: ASAP's polygons (CAMELYON16) and pixel masks (PAIP2019)."""

from __future__ import annotations

import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
import tifffile
from PIL import Image
from shapely.geometry.base import BaseGeometry

from ssmamba.errors import DataError
from ssmamba.slides.pillow_image import FORMATS

LESION_GROUPS = ("_0", "_1", "tumor", "tumour", "metastases")
EXCLUDED_GROUPS = ("_2", "exclusion", "normal")  # cut out of the lesions
CELL = 32  # pixels; shares of a mask are stored for squares of this side

Share = Callable[[float, float, float], float]  # (x, y, side) in level-0 pixels -> 0..1


def read_lesions(path: Path) -> BaseGeometry:
    """The lesion area of an ASAP XML, level-0 pixels: groups _0 and _1 without group _2.

    Raises DataError for a file of another format, or for unknown groups.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise DataError(f"{path} is not XML ({error}); download it again.") from error
    if root.tag != "ASAP_Annotations":
        raise DataError(
            f"{path} is not an ASAP annotation (its root is {root.tag}); use ASAP's XML."
        )
    inside: list[BaseGeometry] = []
    outside: list[BaseGeometry] = []
    for annotation in root.iter("Annotation"):
        group = (annotation.get("PartOfGroup") or "").lower()
        if group not in (*LESION_GROUPS, *EXCLUDED_GROUPS):
            raise DataError(
                f"{path}: unknown group {annotation.get('PartOfGroup')} (known: "
                f"{', '.join((*LESION_GROUPS, *EXCLUDED_GROUPS))}); correct it in ASAP."
            )
        points = _points(annotation)
        if len(points) >= 3:
            shape = shapely.make_valid(shapely.Polygon(points), method="structure")
            (inside if group in LESION_GROUPS else outside).append(shape)
    return shapely.difference(shapely.union_all(inside), shapely.union_all(outside))


def polygon_share(area: BaseGeometry) -> Share:
    """The share of a square that is inside an area."""
    shapely.prepare(area)

    def share(x: float, y: float, side: float) -> float:
        square = shapely.box(x, y, x + side, y + side)
        return float(shapely.intersection(area, square).area) / side**2

    return share


@dataclass(frozen=True)
class MaskGrid:
    """Shares of a mask in squares of CELL pixels."""

    shares: np.ndarray  # (rows, columns) float32, 0..1

    def share(self, x: float, y: float, side: float) -> float:
        """Mean share in the cells whose centres are in a square, level-0 pixels."""
        edges = [(v / CELL, (v + side) / CELL) for v in (y, x)]
        rows, columns = (slice(*(max(0, round(e)) for e in edge)) for edge in edges)
        cells = self.shares[rows, columns]
        return float(cells.mean()) if cells.size else 0.0


def read_mask(path: Path) -> MaskGrid:
    """Read a TIFF mask (0 = outside) of level-0 size piece by piece, so that it fits in memory.

    Raises DataError when it cannot be decoded.
    """
    try:
        with tifffile.TiffFile(path) as file:
            return MaskGrid(_shares(file.pages.first))
    except (ValueError, OSError, RuntimeError, tifffile.TiffFileError):
        return MaskGrid(_shares_of_whole(path))  # a compression that only libtiff knows (LZW)


def _shares(page: tifffile.TiffPage) -> np.ndarray:
    height, width = page.imagelength, page.imagewidth
    sums = np.zeros((-(-height // CELL), -(-width // CELL)), np.float32)
    for decoded, index, shape in page.segments():
        if decoded is None:
            continue
        piece = np.asarray(decoded[0, : shape[1], : shape[2]] != 0).max(-1)
        _add(sums, piece, index[2], index[3])
    return _normalised(sums, width, height)


def _shares_of_whole(path: Path) -> np.ndarray:
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a broken file raises below
            with Image.open(path, formats=[*FORMATS, "TIFF"]) as image:
                pixels = np.asarray(image)
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{path} cannot be read as a mask ({error}); unpack it again.") from error
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    height, width = pixels.shape[:2]
    sums = np.zeros((-(-height // CELL), -(-width // CELL)), np.float32)
    for top in range(0, height, CELL):
        band = pixels[top : top + CELL] != 0
        _add(sums, band.any(-1) if band.ndim == 3 else band, top, 0)
    return _normalised(sums, width, height)


def _add(sums: np.ndarray, piece: np.ndarray, top: int, left: int) -> None:
    """Add the pixels of a piece of the mask to their cells."""
    rows = (top + np.arange(piece.shape[0])) // CELL
    columns = (left + np.arange(piece.shape[1])) // CELL
    starts = [np.flatnonzero(np.diff(cells, prepend=-1)) for cells in (rows, columns)]
    by_row = np.add.reduceat(piece.astype(np.float32), starts[0], axis=0)
    cells = np.add.reduceat(by_row, starts[1], axis=1)
    sums[np.ix_(rows[starts[0]], columns[starts[1]])] += cells


def _normalised(sums: np.ndarray, width: int, height: int) -> np.ndarray:
    """Sums to shares; cells at the right and lower edge are smaller."""
    tall = np.minimum(CELL, height - CELL * np.arange(sums.shape[0]))
    wide = np.minimum(CELL, width - CELL * np.arange(sums.shape[1]))
    return sums / np.outer(tall, wide).astype(np.float32)


def _points(annotation: ElementTree.Element) -> list[tuple[float, float]]:
    corners = sorted(annotation.iter("Coordinate"), key=lambda c: float(c.get("Order", 0)))
    return [(float(c.get("X", "nan")), float(c.get("Y", "nan"))) for c in corners]
