"""The grid over a slide and the map of what lies on it."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmamba.reading.grid import Grid, block_order, grid_on
from ssmamba.reading.tissue_map import BLACK, GLASS, PEN, TISSUE, TissueMap, tissue_map
from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import Slide
from tests.slides import SHARED_SLIDES, write_pyramid

sides = st.floats(0.4, 500)
lengths = st.integers(1, 3000)


def box(x0, y0, x1, y1):
    return Roi(((((x0, y0), (x1, y0), (x1, y1), (x0, y1)),),))


@given(lengths, lengths, sides)
def test_windows_lie_side_by_side_and_cover_all_but_half_a_window_at_two_edges(w, h, side):
    grid = grid_on((w, h), side)
    assert grid.side == grid.step == max(1, int(side + 0.5))
    assert abs(grid.side - grid.exact_side) <= 0.5 or grid.side == 1
    for length, count in ((w, grid.columns), (h, grid.rows)):
        last = (count - 1) * grid.side
        assert last + grid.side / 2 <= length or count == 1
        assert length - (last + grid.side) < grid.side / 2


def test_the_rounding_is_told():
    grid = grid_on((10_000, 10_000), 224 * 1.0 / 0.499)
    assert grid.side == 449
    assert grid.rounding == pytest.approx(449 / (224 / 0.499) - 1)


@given(st.floats(0, 0.95), st.floats(2, 300))
def test_neighbours_overlap_as_asked(overlap, side):
    grid = grid_on((2000, 900), side, overlap)
    assert abs(grid.step - grid.side * (1 - overlap)) <= 0.5 or grid.step == 1


def test_a_window_is_x_y_side_of_its_row_and_column():
    grid = Grid(100, 50, 4, 6, 100.0)
    assert grid.windows(np.array([[2, 5]])).tolist() == [[250.0, 100.0, 100.0]]
    assert len(grid.all_cells()) == 24
    assert grid.all_cells()[:7].tolist()[-2:] == [[0, 5], [1, 0]]


@pytest.mark.parametrize(("side", "overlap"), [(0, 0), (float("nan"), 0), (10, 1), (10, -0.1)])
def test_impossible_grids_are_refused(side, overlap):
    with pytest.raises(ValueError, match="side_px"):
        grid_on((100, 100), side, overlap)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_shares_are_those_counted_pixel_by_pixel(x, y, side, seed):
    kinds = np.full((50, 70), GLASS, np.uint8)
    top, left = np.random.default_rng(seed).integers(0, 40, 2)
    kinds[top : top + 9, left : left + 20] = TISSUE
    found = TissueMap(kinds, 4.0).shares(np.array([[4 * x, 4 * y, 4 * side]], float))
    held = (kinds[y : y + side, x : x + side] == TISSUE).sum() / side**2
    assert found[0] == pytest.approx(held)


def test_shares_count_parts_of_pixels_and_leave_specks_out():
    kinds = np.full((20, 20), GLASS, np.uint8)
    kinds[:, 10:] = TISSUE
    kinds[3:5, 3:5] = TISSUE  # a speck
    shares = TissueMap(kinds, 2.0).shares(np.array([[19.5, 4, 4], [4, 4, 8.0]]))
    assert shares.tolist() == [0.875, 0.0]


def test_a_person_adds_tissue_and_removes_some():
    found = TissueMap(np.full((30, 40), GLASS, np.uint8), 10.0)
    found = found.corrected([box(100, 50, 300, 250)], [box(200, 0, 400, 300)])
    assert (found.kinds == TISSUE).sum() == 10 * 20
    assert found.shares(np.array([[100, 50, 100.0], [200, 50, 100]])).tolist() == [1, 0]


def test_glass_pen_and_black_are_told_from_tissue(tmp_path):
    draw = np.random.default_rng(0)
    picture = draw.normal(243, 1.2, (600, 900, 1)).repeat(3, 2)
    picture[200:400, 300:500] = draw.normal((180, 90, 150), 25, (200, 200, 3))
    picture[:, :80] = 0
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    cv2.line(picture, (700, 80), (760, 520), (30, 160, 140), 30)
    write_pyramid(tmp_path / "slide.tif", picture=picture)
    with Slide.open(tmp_path / "slide.tif") as slide:
        found = tissue_map(slide)
    places = {TISSUE: (300, 400), PEN: (300, 730), BLACK: (300, 40), GLASS: (50, 400)}
    assert {kind: found.kinds[at] for kind, at in places.items()} == {k: k for k in places}
    assert found.share_of_slide(TISSUE) == pytest.approx(200 * 200 / 540_000, rel=0.05)
    grid = grid_on((900, 600), 100)
    cells = grid.cells_with(found, 0.5)
    assert cells.tolist() == [[2, 3], [2, 4], [3, 3], [3, 4]]


def test_blocks_come_one_after_another():
    cells = Grid(1, 1, 4, 4, 1.0).all_cells()
    ordered = cells[block_order(cells, 2)]
    assert ordered[:5].tolist() == [[0, 0], [0, 1], [1, 0], [1, 1], [0, 2]]
    assert sorted(map(tuple, ordered.tolist())) == sorted(map(tuple, cells.tolist()))


@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED_SLIDES.is_dir(), reason="needs ../shared/data")
def test_fluorescence_is_known_and_a_smear_is_little_tissue():
    with Slide.open(SHARED_SLIDES / "dapi-387.ndpi") as slide:
        assert tissue_map(slide).fluorescent
    with Slide.open(SHARED_SLIDES / "icc-1065626.svs") as slide:
        found = tissue_map(slide)
    assert not found.fluorescent
    assert 0 < found.share_of_slide(TISSUE) < 0.05
