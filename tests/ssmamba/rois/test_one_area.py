"""An area means the same wherever it is read, drawn, measured, covered by windows or painted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from ssmamba.explain.figure import PANEL_PX, _inside
from ssmamba.reading.windows import windows_tiles
from ssmamba.rois.geojson import rois_from_geojson, rois_to_geojson
from ssmamba.rois.geometry import area_of, path_to_polygons, resolved, roi_shape
from ssmamba.rois.roi import Ring, Roi
from tests.ssmamba.rois.areas import AREAS, STROKE, area, box

CELL = 20  # px; all of the areas but the figure of eight are made of such squares


@pytest.mark.parametrize("name", AREAS)
def test_its_size_is_that_of_its_parts_without_holes(name: str) -> None:
    (read,) = rois_from_geojson(rois_to_geojson([area(name)]))
    assert area_of(read) == pytest.approx(AREAS[name][1])
    assert roi_shape(read).is_valid
    assert area_of(resolved(read)) == pytest.approx(AREAS[name][1])


@pytest.mark.parametrize("name", sorted(set(AREAS) - {"figure of eight", "hole of a stroke"}))
def test_windows_cover_it_and_nothing_else(name: str) -> None:
    windows = windows_tiles(area(name), CELL).windows
    assert len(windows) * CELL**2 == AREAS[name][1]
    boxes = shapely.box(*windows[:, :2].T, *(windows[:, :2] + CELL).T)
    assert shapely.covers(roi_shape(area(name)).buffer(1e-6), boxes).all()


@pytest.mark.parametrize("name", AREAS)
def test_a_figure_paints_as_much(name: str) -> None:
    mask = _inside(area(name), (-50.0, -50.0, 500.0))
    assert mask.mean() * 500**2 == pytest.approx(AREAS[name][1], rel=0.02)
    assert mask.shape == (PANEL_PX, PANEL_PX)


@pytest.mark.parametrize("stroke", [STROKE, AREAS["figure of eight"][0][0][0]])
def test_a_stroke_is_the_same_drawn_and_imported(stroke: Ring) -> None:
    drawn = Roi(path_to_polygons(stroke, 0.0))
    assert shapely.equals(roi_shape(drawn), roi_shape(Roi(((stroke,),))))


def around(ring: Ring, x: float, y: float) -> float:
    """How often a ring winds around a point: the sum of the angles under which it is seen."""
    places = np.asarray(ring) - (x, y)
    turned = np.roll(places, -1, axis=0)
    cross = places[:, 0] * turned[:, 1] - places[:, 1] * turned[:, 0]
    return float(np.arctan2(cross, (places * turned).sum(axis=1)).sum() / (2 * np.pi))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1 << 32), st.booleans())
def test_a_place_is_inside_where_a_part_winds_around_it_and_none_of_its_holes(
    seed: int, whole: bool
) -> None:
    draw = np.random.default_rng(seed)

    def ring() -> Ring:
        points = draw.uniform(0, 20, (draw.integers(3, 14), 2))
        return tuple(map(tuple, (points.round() if whole else points).tolist()))

    polygons = tuple(tuple(ring() for _ in range(draw.integers(1, 4)))
                     for _ in range(draw.integers(1, 4)))  # fmt: skip
    shape = roi_shape(Roi(polygons))
    assert shape.is_valid
    for x, y in draw.uniform(0, 20, (20, 2)).tolist():
        rings = [r for rings in polygons for r in rings]
        near = min(shapely.LinearRing(r).distance(shapely.Point(x, y)) for r in rings)
        if near < 1e-6:
            continue
        inside = any(
            round(around(part[0], x, y)) and not any(round(around(h, x, y)) for h in part[1:])
            for part in polygons
        )
        assert shape.contains(shapely.Point(x, y)) == bool(inside)


def test_a_region_without_overlaps_is_measured_as_it_is() -> None:
    plain = Roi(((box(0, 0, 10, 10), box(2, 2, 4, 4)),), name="A", class_name="B")
    assert resolved(plain) == plain
    line = replace(plain, polygons=(((((0.0, 0.0), (5.0, 5.0))),),), kind="line")
    assert resolved(line) is line
