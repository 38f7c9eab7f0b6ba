"""Areas that enclose nothing: corners on one line, loops or holes that leave nothing over."""

from __future__ import annotations

from ssmamba.rois.roi import Ring, Roi

FLAT_PX2 = 1e-6  # what is left of nothing after rounding
SURELY_PX2 = 0.5  # more than this in a part, by its corners alone, needs no closer look


def is_flat(roi: Roi) -> bool:
    """Whether an area encloses nothing; lines and points are none."""
    if not roi.has_area:
        return False
    if any(_at_least(rings) > SURELY_PX2 for rings in roi.polygons if rings):
        return False
    from ssmamba.rois.geometry import area_of  # loads slowly

    return area_of(roi) <= FLAT_PX2


def _at_least(rings: tuple[Ring, ...]) -> float:
    """What a part encloses at the least, squared pixels."""
    return abs(_signed_area(rings[0])) - sum(map(_most, rings[1:]))


def _most(ring: Ring) -> float:
    """The box around a hole, which encloses no more than that."""
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    return (max(xs) - min(xs)) * (max(ys) - min(ys)) if ring else 0.0


def _signed_area(ring: Ring) -> float:
    if not ring:
        return 0.0
    x0, y0 = ring[0]
    places = [(x - x0, y - y0) for x, y in ring]
    pairs = zip(places, (*places[1:], places[0]), strict=True)
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs) / 2
