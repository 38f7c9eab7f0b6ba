"""Numbers that compare evidence maps, against other people's arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from ssmamba.explain import compared
from ssmamba.explain.compared import Lattice, Share
from ssmamba.reading.values import CamMap, Window
from training.metrics.localisation import localisation

RNG = np.random.default_rng(20)


def cam(values: np.ndarray, x: float = 0.0, y: float = 0.0, side: float = 448.0) -> CamMap:
    array = np.asarray(values, np.float32)
    return CamMap(Window(x, y, side), array.shape, array.tobytes())


def quadrant(row: int, column: int, side: float = 448.0) -> shapely.Polygon:
    half = side / 2
    return shapely.box(column * half, row * half, (column + 1) * half, (row + 1) * half)


def by_script(values: np.ndarray, mask: np.ndarray) -> float:
    """Energy in truth as a script has it: torch's bilinear picture of the raw array."""
    raw = torch.from_numpy(np.asarray(values, np.float32))[None, None]
    size = mask.shape
    picture = torch.nn.functional.interpolate(raw, size, mode="bilinear", align_corners=False)
    positive = picture[0, 0].clamp(min=0).double()
    return float(positive[torch.from_numpy(mask)].sum() / positive.sum())


@pytest.mark.parametrize("cells", [7, 14, 28, 56])
@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_energy_in_a_quarter_of_a_mosaic_is_that_of_a_script(
    cells: int, row: int, column: int
) -> None:
    values = RNG.normal(0.2, 1.0, (cells, cells))
    mask = np.zeros((448, 448), bool)
    mask[row * 224 : row * 224 + 224, column * 224 : column * 224 + 224] = True
    found = compared.energy_inside([cam(values)], quadrant(row, column))
    assert found.energy == pytest.approx(by_script(values, mask), abs=1e-4)
    assert found.area == pytest.approx(0.25)


def test_energy_is_that_of_the_training_metrics() -> None:
    values = RNG.normal(0.0, 1.0, (9, 9))
    lattice = compared.measuring_lattice([cam(values)])
    picture, mask = compared.sample([cam(values)], lattice), lattice.inside(quadrant(1, 0))
    score = localisation(picture, mask)["energy"]
    assert compared.share_inside(picture, mask).energy == pytest.approx(score, abs=1e-12)


def test_a_map_without_evidence_has_no_energy_anywhere() -> None:
    found = compared.energy_inside([cam(-np.ones((7, 7)))], quadrant(0, 0))
    assert found == Share(0.0, 0.25)


def test_a_flat_map_has_as_much_energy_as_area_also_where_windows_overlap() -> None:
    maps = [cam(np.ones((7, 7)), 0, 0, 300), cam(np.ones((7, 7)), 148, 148, 300)]
    found = compared.energy_inside(maps, shapely.box(0, 0, 224, 448))
    assert found.energy == pytest.approx(found.area, abs=1e-12)


def test_a_large_region_is_measured_on_fewer_places_and_a_tiny_one_on_more() -> None:
    large, tiny = (compared.measuring_lattice([cam(np.ones((7, 7)), side=s)]) for s in (1e5, 40))
    assert (large.rows, large.columns) == (2048, 2048)
    assert tiny.columns >= 128 and tiny.step < 1
    assert compared.measuring_lattice([cam(np.ones((7, 7)))]).step == 1.0


def test_the_value_at_a_place_is_the_raw_one_of_its_cell() -> None:
    values = RNG.normal(0, 1, (7, 5)).astype(np.float32)
    one = cam(values, 100, 200, 70)
    for row in range(7):
        for column in range(5):
            x, y = 100 + (column + 0.99) * 14, 200 + (row + 0.01) * 10
            assert compared.value_at([one], x, y) == values[row, column]
    assert math.isnan(compared.value_at([one], 99.9, 210))
    assert math.isnan(compared.value_at([one], 170, 210))


def test_where_windows_overlap_the_value_is_their_mean() -> None:
    maps = [cam(np.full((2, 2), 1.0), 0, 0, 10), cam(np.full((2, 2), 4.0), 5, 0, 10)]
    assert compared.value_at(maps, 7, 5) == 2.5 and compared.value_at(maps, 2, 5) == 1.0


def test_a_padded_map_is_read_where_the_image_is() -> None:
    padded = CamMap(Window(0, 0, 75), (8, 8), np.arange(64, dtype=np.float32).tobytes(), (7.5, 7.5))
    assert compared.value_at([padded], 74.9, 5) == 7.0
    assert compared.value_at([padded], 65, 5) == 6.0


def test_samples_at_the_cells_are_the_raw_values() -> None:
    values = RNG.normal(0, 1, (6, 6)).astype(np.float32)
    found = compared.sample([cam(values, 3, 4, 60)], Lattice(3, 4, 10, 6, 6))
    assert np.array_equal(found, values)
    beside = compared.sample([cam(values, 3, 4, 60)], Lattice(-97, 4, 10, 6, 10))
    assert np.isnan(beside).all()


@given(
    st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=3, max_size=60).filter(
        lambda pairs: all(len(set(side)) > 1 for side in zip(*pairs, strict=True))
    )
)
def test_rank_correlation_is_that_of_scipy_with_ties(pairs: list[tuple[int, int]]) -> None:
    a, b = np.array(pairs, float).T
    assert compared.rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic, abs=1e-12)


def test_rank_correlation_of_a_flat_map_or_of_two_places_is_not_defined() -> None:
    assert compared.rank_correlation(np.ones(9), np.arange(9.0)) is None
    assert compared.rank_correlation(np.arange(2.0), np.arange(2.0)) is None


def test_maps_of_one_grid_are_ranked_cell_by_cell() -> None:
    a, b = RNG.normal(0, 1, (2, 7, 7)).astype(np.float32)
    wanted = spearmanr(a.ravel(), b.ravel()).statistic
    assert compared.rank_agreement([cam(a)], [cam(b)]) == pytest.approx(wanted, abs=1e-12)
    left = shapely.box(0, 0, 192, 448)  # three columns of seven
    wanted = spearmanr(a[:, :3].ravel(), b[:, :3].ravel()).statistic
    assert compared.rank_agreement([cam(a)], [cam(b)], left) == pytest.approx(wanted, abs=1e-12)


def test_maps_of_different_detail_are_ranked_at_the_finer_ones_cells() -> None:
    a, b = RNG.normal(0, 1, (14, 14)), RNG.normal(0, 1, (7, 7))
    raw = torch.from_numpy(b.astype(np.float32))[None, None]
    fine = torch.nn.functional.interpolate(raw, (14, 14), mode="bilinear", align_corners=False)
    wanted = spearmanr(a.astype(np.float32).ravel(), fine.numpy().ravel()).statistic
    assert compared.rank_agreement([cam(a)], [cam(b)]) == pytest.approx(wanted, abs=1e-6)


def test_windows_that_share_no_place_have_neither_correlation_nor_difference() -> None:
    a, b = cam(np.eye(4)), cam(np.eye(4), x=1000)
    assert compared.rank_agreement([a], [b]) is None
    assert compared.difference([a], [b]) is None


def test_a_difference_is_signed_and_zero_between_equals() -> None:
    a, b = RNG.normal(0, 1, (2, 7, 7)).astype(np.float32)
    found = compared.difference([cam(a)], [cam(b)], 2.0, 4.0)
    other = compared.difference([cam(b)], [cam(a)], 4.0, 2.0)
    assert found is not None and other is not None
    values, lattice = found
    assert np.allclose(values, -other[0]) and (values > 0).any() and (values < 0).any()
    assert (lattice.rows, lattice.columns, lattice.step) == (28, 28, 16.0)
    same = compared.difference([cam(a)], [cam(a)])
    assert same is not None and not same[0].any()


def test_a_difference_has_nothing_where_one_map_has_nothing() -> None:
    wide = [cam(np.ones((2, 2)), 0, 0, 100), cam(np.ones((2, 2)), 200, 0, 100)]
    found = compared.difference(wide, [cam(np.zeros((2, 2)), 0, 0, 300)])
    assert found is not None
    values, lattice = found
    gap = (lattice.xs > 100) & (lattice.xs < 200)
    assert np.isnan(values[:4, gap]).all() and (values[:4, ~gap] == 1).all()
