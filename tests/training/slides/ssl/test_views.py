"""Views of a slide: the share of tissue that they hold, one set of colours, growing crops."""

import numpy as np
import pytest

from tests.training.slides.ssl import plain
from training.slides.bags import mirror
from training.slides.ssl import views


def tissue(rows: int, columns: int, share: float = 0.6, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.argwhere(rng.random((rows, columns)) < share).astype(np.int32)


@pytest.mark.parametrize("share", [views.GLOBAL, views.LOCAL], ids=["global", "local"])
@pytest.mark.parametrize("shape", [(12, 12), (2, 60)], ids=["resection", "biopsy"])
def test_views_hold_their_share_of_the_tissue(shape, share):
    cells, rng = tissue(*shape) + np.array([5, 9]), np.random.default_rng(0)
    found = [views.crop(cells, share, rng) for _ in range(40)]
    sizes = np.array([len(rows) for rows in found]) / len(cells)
    assert share[0] <= sizes.min() and sizes.max() <= share[1]
    assert len({tuple(rows) for rows in found}) > 20
    for rows in found:  # a rectangle of the slide with nothing left out
        own = cells[rows]
        inside = ((cells >= own.min(0)) & (cells <= own.max(0))).all(1)
        assert np.array_equal(np.flatnonzero(inside), rows)


def test_windows_are_counted_as_by_hand_and_lie_within_the_tissue(monkeypatch):
    cells, seen = tissue(7, 9), []
    windows = views._windows

    def kept(*arguments):
        seen.append(windows(*arguments))
        return seen[-1]

    monkeypatch.setattr(views, "_windows", kept)
    rows = views.crop(cells, views.LOCAL, np.random.default_rng(3))
    corner, box = cells.min(0), cells.max(0) - cells.min(0) + 1
    assert (seen[0][:, :2] >= 0).all() and (seen[0][:, 2:] <= box).all()
    held = plain.crop([tuple(c) for c in (cells - corner).tolist()], seen[0])
    low, high = 0.05 * len(cells), 0.4 * len(cells)
    assert next(h for h in held if low <= len(h) <= high) == rows.tolist()


def test_what_cannot_be_cropped_is_taken_whole():
    one, two = np.array([[3, 4]]), np.array([[0, 0], [0, 1]])
    rng = np.random.default_rng(0)
    assert views.crop(one, views.LOCAL, rng).tolist() == [0]
    assert views.crop(two, views.LOCAL, rng).tolist() == [0, 1]  # neither 1 nor 2 is up to 40 %


def test_a_local_view_may_have_a_larger_window_in_the_end():
    """Ten regions in a corner of glass: windows of up to 40 % of the box hold one or ten."""
    far = np.array([[0, 0], *([40, c] for c in range(40, 49)), [20, 20]])
    rows = views.crop(far, views.LOCAL, np.random.default_rng(0))
    assert 1 <= len(rows) <= 4


@pytest.mark.parametrize("most", [1, 7, 30])
def test_a_crop_grows_around_a_region(most):
    cells = tissue(9, 9, share=0.95)
    rows = views.grown(cells, most, np.random.default_rng(1))
    assert len(rows) == most and (np.diff(rows) > 0).all()
    own = {tuple(c) for c in cells[rows].tolist()}
    reached, queue = set(), [next(iter(own))]
    while queue:
        r, c = queue.pop()
        if (r, c) in own - reached:
            reached.add((r, c))
            queue += [(r + i, c + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    assert reached == own


def test_a_crop_goes_on_where_its_piece_of_tissue_ends():
    cells = np.array([[0, 0], [0, 1], [0, 9], [5, 20]])
    found = {tuple(views.grown(cells, 3, np.random.default_rng(s)).tolist()) for s in range(20)}
    assert (0, 1, 2) in found and all(len(rows) == 3 for rows in found)
    assert views.grown(cells, 9, np.random.default_rng(0)).tolist() == [0, 1, 2, 3]


def test_a_view_has_one_set_of_colours():
    """The same region twice, among others, stays the same; and contrast is that of the view."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (4, 16, 16, 3), np.uint8)
    images[2] = images[0]
    changed = 0
    for seed in range(12):
        found = views.coloured(images, views.SECOND, np.random.default_rng(seed))
        assert found.shape == images.shape and found.dtype == np.uint8
        assert np.array_equal(found[0], found[2])
        changed += not np.array_equal(found, images)
    assert changed > 6
    dark, light = (np.full((1, 8, 8, 3), value, np.uint8) for value in (60, 200))
    both = np.concatenate([dark, light])
    gaps = [
        np.ptp(views.coloured(both, views.Colour(0, 0, jitter=1, grey=0),
                              np.random.default_rng(s)).mean((1, 2, 3))) for s in range(20)
    ]  # fmt: skip
    assert min(gaps) > 0  # about its own mean each region would turn as grey as the other
    assert max(gaps) > 145 > 135 > min(gaps)


def test_mirroring_takes_the_places_along():
    cells = np.array([[0, 0], [0, 2], [1, 1], [1, 2]], np.int32)
    images = np.arange(4 * 2 * 2 * 3, dtype=np.uint8).reshape(4, 2, 2, 3)
    found, turned = mirror(images, cells, across=True, down=False)
    assert (turned - turned.min(0)).tolist() == [[0, 0], [0, 2], [1, 0], [1, 1]]
    assert np.array_equal(found[0], images[1][:, ::-1])
    again, back = mirror(found, turned, across=True, down=False)
    assert np.array_equal(again, images) and back.tolist() == cells.tolist()
