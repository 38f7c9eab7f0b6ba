"""A region of interest: one geometry on a slide with its name, class and measurements."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

Point = tuple[float, float]  # (x, y), level-0 pixels
Ring = tuple[Point, ...]  # open (first point not repeated)
Rings = tuple[Ring, ...]  # one outer ring, then holes

# In the metadata, which other programs keep: the class that a model gave to a region without one.
MODEL_CLASS = "class given by a model"

Kind = Literal["polygon", "rectangle", "ellipse", "point", "line", "ruler", "angle"]
LINES: tuple[Kind, ...] = ("line", "ruler", "angle")  # kinds with a length
NOTE = "ANNOTATION_DESCRIPTION"  # in the metadata: where QuPath keeps an annotation's description


@dataclass(frozen=True)
class Roi:
    """An annotation in level-0 pixels, (x, y) from the top left, y down."""

    # areas; points, lines, rulers (two ends) and angles (end, corner, end) have their vertices in
    # the first ring of each part
    polygons: tuple[Rings, ...]
    kind: Kind = "polygon"
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    name: str = ""
    class_name: str = ""
    color: tuple[int, int, int] | None = None  # RGB; None = the default
    locked: bool = False
    hidden: bool = False  # neither painted nor clicked, unless it is selected
    measurements: dict[str, float] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)  # other GeoJSON members, preserved as read

    def classified(self, name: str, color: tuple[int, int, int] | None) -> Roi:
        """The ROI with a class and colour of the user's; what is known of the old class goes."""
        metadata = {k: v for k, v in self.metadata.items() if k != MODEL_CLASS}
        if (name, color) == (self.class_name, self.color):
            return replace(self, metadata=metadata)
        extra = {k: v for k, v in self.extra.items() if k != "classification"}
        return replace(self, class_name=name, color=color, extra=extra, metadata=metadata)

    @property
    def user_class(self) -> str:
        """The class that a person gave; empty where there is none or a model gave it."""
        return "" if self.metadata.get(MODEL_CLASS) == self.class_name else self.class_name

    @property
    def has_area(self) -> bool:
        """Whether it encloses anything; points, lines, rulers and angles do not."""
        return self.kind != "point" and self.kind not in LINES

    @property
    def note(self) -> str:
        """What a person wrote about it."""
        return self.metadata.get(NOTE, "")

    def noted(self, text: str) -> Roi:
        """The ROI with another note; empty = none."""
        others = {key: value for key, value in self.metadata.items() if key != NOTE}
        return replace(self, metadata={**others, NOTE: text} if text else others)

    def bare(self) -> Roi:
        """The ROI as the engine needs it, without what other programs say of it."""
        return replace(self, measurements={}, metadata={}, extra={})

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom), level-0 pixels."""
        points = [p for rings in self.polygons for ring in rings[:1] for p in ring]
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        return min(xs), min(ys), max(xs), max(ys)


def rounded(rings: Rings) -> Rings:
    """Two decimals, as regions are drawn and as QuPath writes them."""
    return tuple(tuple((round(x, 2), round(y, 2)) for x, y in ring) for ring in rings)


def geometry_hash(roi: Roi) -> str:
    """sha256 of a region's kind and coordinates (1/100 px); tells a result that is outdated."""
    rounded = [
        [[[round(float(x), 2), round(float(y), 2)] for x, y in ring] for ring in rings]
        for rings in roi.polygons
    ]
    return hashlib.sha256(json.dumps([roi.kind, rounded]).encode()).hexdigest()
