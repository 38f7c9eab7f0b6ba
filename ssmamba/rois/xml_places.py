"""XML region files: parsed with limits, and numbers as programs of other languages write them."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from ssmamba.errors import RoiError
from ssmamba.rois.region_file import check_size
from ssmamba.rois.roi import Point, Ring

FARTHEST_PX = 1e9  # of a place from the slide's corner; no slide is so large


def parse_xml(path: Path) -> ElementTree.Element:
    """The root of an XML file. Raises RoiError."""
    try:
        check_size(path, path.stat().st_size)
        return ElementTree.parse(path).getroot()
    except FileNotFoundError as error:
        raise RoiError("There is no region file {path}; check the path.", path=path) from error
    except (OSError, ElementTree.ParseError, ValueError, LookupError) as error:  # encodings too
        raise RoiError(
            "{path} is not XML ({error}); export or download it again.", path=path, error=error
        ) from error


def number(text: str) -> float:
    """A finite number, with a decimal comma where the program's language writes one.

    Raises ValueError.
    """
    value = float(text.replace(",", ".")) if text.count(",") == 1 else float(text)
    if not math.isfinite(value) or abs(value) > FARTHEST_PX:
        raise ValueError(f"'{text}'")
    return value


def place(element: ElementTree.Element) -> Point:
    """(x, y) of an element's X and Y. Raises ValueError."""
    return number(element.get("X", "")), number(element.get("Y", ""))


def open_ring(points: list[Point]) -> Ring:
    """A ring whose last corner does not repeat the first."""
    closed = len(points) > 1 and points[0] == points[-1]
    return tuple(points[:-1] if closed else points)


def is_upright(ring: Ring) -> bool:
    """Whether four corners are a rectangle along the axes."""
    xs, ys = sorted(p[0] for p in ring), sorted(p[1] for p in ring)
    upright = len(ring) == 4 and xs[0] == xs[1] < xs[2] == xs[3] and ys[0] == ys[1] < ys[2] == ys[3]
    sides = zip(ring, (*ring[1:], *ring[:1]), strict=True)
    return upright and all(a[0] == b[0] or a[1] == b[1] for a, b in sides)


def hex_color(text: str | None) -> tuple[int, int, int] | None:
    """ "#F4FA58" as RGB."""
    if text is None or not re.fullmatch(r"#[0-9A-Fa-f]{6}", text):
        return None
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
