"""Areas that parts, holes and strokes can make, with their size in squared pixels."""

from __future__ import annotations

from ssmamba.rois.roi import Ring, Rings, Roi


def box(left: float, top: float, right: float, bottom: float) -> Ring:
    return ((left, top), (right, top), (right, bottom), (left, bottom))


WHOLE = box(0, 0, 400, 400)
STROKE: Ring = (
    (0, 0), (320, 0), (320, 320), (80, 320), (80, 80), (400, 80), (400, 400), (0, 400),
)  # fmt: skip
AREAS: dict[str, tuple[tuple[Rings, ...], int]] = {
    "parts overlap": (((box(0, 0, 300, 300),), (box(100, 100, 400, 400),)), 140_000),
    "a part twice": (((WHOLE,), (WHOLE,)), 160_000),
    "hole shares an edge": (((WHOLE, box(300, 100, 400, 300)),), 140_000),
    "hole crosses the outline": (((WHOLE, box(300, 100, 600, 300)),), 140_000),
    "hole off the outline": (((WHOLE, box(500, 100, 600, 300)),), 160_000),
    "holes overlap": (((WHOLE, box(100, 100, 260, 260), box(200, 200, 340, 340)),), 118_400),
    "hole half filled": (((WHOLE, box(100, 100, 300, 300)), (box(100, 100, 300, 200),)), 140_000),
    "island in a hole": (((WHOLE, box(100, 100, 300, 300)), (box(160, 160, 240, 240),)), 126_400),
    "stroke over itself": (((STROKE,),), 153_600),
    "figure of eight": ((((((0, 0), (400, 400), (400, 0), (0, 400))),),), 80_000),
    "hole of a stroke": ((((box(-50, -50, 450, 450)), STROKE),), 96_400),
}  # fmt: skip


def area(name: str) -> Roi:
    return Roi(AREAS[name][0], name=name)
