"""Which regions a list shows, and in which order; no Qt."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from ssmamba.rois.measures import length_of, point_count
from ssmamba.rois.roi import LINES, Ring, Roi

Sort = Literal["drawn", "name", "class", "size"]
Show = Literal["all", "areas", "points", "lines", "unclassed", "noted", "locked", "hidden"]

SHOWN: dict[Show, Callable[[Roi], bool]] = {
    "all": lambda roi: True,
    "areas": lambda roi: roi.has_area,
    "points": lambda roi: roi.kind == "point",
    "lines": lambda roi: roi.kind in LINES,
    "unclassed": lambda roi: not roi.user_class,
    "noted": lambda roi: bool(roi.note),
    "locked": lambda roi: roi.locked,
    "hidden": lambda roi: roi.hidden,
}


@dataclass(frozen=True)
class RegionOrder:
    """The arrangement of the list of regions."""

    sort: Sort = "drawn"
    descending: bool = False
    show: Show = "all"
    search: str = ""  # in names, classes and notes; every word must be there

    @property
    def is_filter(self) -> bool:
        """Whether regions may be left out."""
        return self.show != "all" or bool(self.search.strip())


def arranged(rois: Iterable[Roi], order: RegionOrder) -> list[Roi]:
    """The regions that are shown, in their order; given in the order of drawing."""
    words = order.search.casefold().split()
    found = list(rois)
    if order.show != "all":
        found = list(filter(SHOWN[order.show], found))
    if words:
        found = [roi for roi in found if _matches(roi, words)]
    if order.sort != "drawn":
        found.sort(key=KEYS[order.sort])
    if order.descending:
        found.reverse()
    return found


def size_of(roi: Roi) -> tuple[int, float]:
    """Points by number, before lines by length, before areas by what their corners enclose."""
    if roi.has_area:
        parts = (abs(_signed(r[0])) - sum(abs(_signed(h)) for h in r[1:]) for r in roi.polygons)
        return 2, sum(parts)
    return (0, float(point_count(roi))) if roi.kind == "point" else (1, length_of(roi))


def _matches(roi: Roi, words: list[str]) -> bool:
    text = f"{roi.name}\n{roi.class_name}\n{roi.note}".casefold()
    return all(word in text for word in words)


def natural(text: str) -> list[tuple[int, int, str]]:
    """A key that has "Region 2" before "Region 10"."""
    parts = re.findall(r"\d+|\D+", text.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _signed(ring: Ring) -> float:
    pairs = zip(ring, (*ring[1:], *ring[:1]), strict=True)
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs) / 2


KEYS: dict[Sort, Callable[[Roi], Any]] = {
    "name": lambda roi: natural(roi.name),
    "class": lambda roi: (not roi.user_class, natural(roi.user_class), natural(roi.name)),
    "size": size_of,
}
