"""Answers to the windows of a whole slide: what is shown, counted and chosen."""

from dataclasses import replace

import numpy as np
import pytest

from ssmamba.reading.doubts import CODES
from ssmamba.reading.grid import strides_of
from ssmamba.reading.values import PackedArray
from tests.viewer.fakes import CLASSES, square, stamp
from viewer.state.slide_scan import (
    CLEAR,
    FOREIGN,
    STEPS,
    UNSURE,
    VALUES,
    Scale,
    ScanHead,
    ScanLook,
    ScanMap,
)

UNSURE_CODE, FOREIGN_CODE, GLASS_CODE = (CODES.index(d) for d in ("unsure", "foreign", "glass"))


def made(rows=9, columns=12, wanted=None):
    """A map of 10-px windows without answers."""
    bits = np.ones((rows, columns), bool) if wanted is None else wanted
    head = ScanHead(
        "Model", "a" * 64, "m.safetensors", CLASSES, Scale(0.5, None), 10, 10, rows, columns,
        int(bits.sum()), PackedArray.of(np.packbits(bits)), stamp(square(0, 0, 1), "s.tif"),
    )  # fmt: skip
    return ScanMap(head)


def put(found, cells, strides=1, first=0.8, doubts=0):
    cells = np.array(cells, np.int32)
    values = np.full((len(cells), 3), 0.0, np.float16)
    values[:, 0], values[:, 1] = first, 1 - np.asarray(first)
    strides, doubts = (np.broadcast_to(np.uint8(v), len(cells)) for v in (strides, doubts))
    return found.put(cells, strides, values, doubts)


def picture(found, **look):
    return found.picture(ScanLook(**look)).reshape(found.head.rows, found.head.columns)


def test_a_coarse_window_stands_for_its_neighbours_until_they_are_read():
    found = made()
    put(found, [[0, 0], [0, 8]], strides=8)
    shown = picture(found)
    assert (shown[:8] == VALUES).all() and (shown[8] == CLEAR).all()
    put(found, [[4, 4]], strides=4, first=0.1)
    shown = picture(found)
    assert (shown[4:8, 4:8] == VALUES + 1).all() and (shown[:4] == VALUES).all()
    put(found, [[5, 5]], strides=1, first=0.9)
    assert picture(found)[5, 5] == VALUES
    assert found.done == 4


def test_finer_windows_that_were_there_first_stay():
    found = made()
    put(found, [[5, 5]], strides=1, first=0.1)
    changed = put(found, [[0, 0]], strides=8)
    assert picture(found)[5, 5] == VALUES + 1 and picture(found)[5, 6] == VALUES
    assert 5 * 12 + 5 not in changed


def test_windows_without_tissue_are_never_shown():
    wanted = np.ones((9, 12), bool)
    wanted[2, 3] = False
    found = made(wanted=wanted)
    put(found, [[0, 0]], strides=8)
    assert picture(found)[2, 3] == CLEAR and picture(found)[2, 4] == VALUES
    assert found.answer_at(35, 25) is None
    assert found.answer_at(45, 25).values is None  # not read itself


def test_what_changed_is_all_that_changed():
    found, rng = made(17, 23), np.random.default_rng(0)
    look = ScanLook(target="scc", threshold=60)
    numbers = found.picture(look)
    cells = np.stack(np.divmod(rng.permutation(17 * 23), 23), axis=1)
    for part in np.array_split(cells, 9):
        stride = int(rng.choice([1, 2, 4, 8]))
        places = put(found, part, stride, rng.random(len(part)))
        numbers[places] = found.picture(look, places)
        assert (numbers == found.picture(look)).all()
    assert found.complete


def test_doubt_has_its_own_colour_and_what_shows_no_tissue_stays_clear():
    found = made()
    for column, code in enumerate((0, UNSURE_CODE, FOREIGN_CODE, GLASS_CODE)):
        put(found, [[0, column]], doubts=code)
    for look in ({}, {"target": "aca"}):
        assert picture(found, **look)[0, 1:4].tolist() == [UNSURE, FOREIGN, CLEAR]
    colours = found.colours(ScanLook())
    assert colours[CLEAR, 3] == 0 and tuple(colours[VALUES, :3]) == CLASSES[0].color
    assert len({tuple(colours[n]) for n in (UNSURE, FOREIGN, VALUES)}) == 3


def test_the_threshold_shows_and_chooses_the_same_windows():
    found = made(1, 12)
    firsts = np.linspace(0, 1, 12)
    for column, first in enumerate(firsts):
        put(found, [[0, column]], first=first)
    for threshold in range(0, STEPS + 1, 7):
        look = ScanLook(target="aca", threshold=threshold)
        shown = picture(found, target="aca", threshold=threshold)[0] != CLEAR
        ((info, boxes),) = found.chosen(look)
        assert info.key == "aca"
        assert sum(boxes[:, 2] - boxes[:, 0]) == 10 * shown.sum()
        exact = found.probabilities[:, 0].astype(float) * STEPS >= threshold
        assert (shown == exact).all()


def test_all_classes_choose_the_likeliest_that_is_sure():
    found = made(1, 12)
    put(found, [[0, 0], [0, 1]], first=0.9)
    put(found, [[0, 2]], first=0.2)
    put(found, [[0, 3]], first=0.9, doubts=UNSURE_CODE)
    chosen = {info.key: boxes.tolist() for info, boxes in found.chosen(ScanLook())}
    assert chosen == {"aca": [[0, 0, 20, 10]], "scc": [[20, 0, 30, 10]], "n": []}


def test_areas_count_what_is_read_and_doubt_apart():
    found = made()
    put(found, [[0, 0]], strides=8)
    put(found, [[1, 1]], first=0.1)
    put(found, [[1, 2]], doubts=FOREIGN_CODE)
    put(found, [[1, 3]], doubts=GLASS_CODE)
    areas = {area.key: area for area in found.areas()}
    assert [areas[k].windows for k in ("aca", "scc", "n")] == [1, 1, 0]
    assert list(areas)[3:] == ["glass", "foreign"]
    assert areas["aca"].px2 == 100 and areas["aca"].share == 0.25
    assert areas["glass"].color is None and areas["foreign"].is_doubt


def corrected(found, wanted):
    head = replace(
        found.head, windows=int(wanted.sum()), wanted=PackedArray.of(np.packbits(wanted))
    )
    assert found.head.is_on_grid_of(head) and not found.head.is_alike(head)
    return found.under(head)


def test_windows_that_count_no_more_are_remembered_and_neither_shown_nor_counted():
    first = made()
    put(first, [[0, 0]], strides=8)
    put(first, [[1, 1]], first=0.1)
    wanted = np.ones((9, 12), bool)
    wanted[:, :2] = False
    fewer = corrected(first, wanted)
    assert fewer.done == 0 and fewer.head.windows == 9 * 10
    assert (picture(fewer) == CLEAR).all() and fewer.answer_at(5, 5) is None
    assert all(area.windows == 0 for area in fewer.areas())
    assert all(not len(boxes) for _, boxes in fewer.chosen(ScanLook()))
    assert fewer.known().tolist() == first.known().tolist()  # not to be read again
    put(fewer, [[3, 3]])
    again = corrected(fewer, np.ones((9, 12), bool))
    assert again.done == 3 and again.answer_at(15, 15) == first.answer_at(15, 15)
    expected = picture(first)
    expected[3, 3] = VALUES
    assert (picture(again) == expected).all()


def test_other_windows_count_as_if_they_had_from_the_start():
    rng = np.random.default_rng(1)
    first, wanted = made(21, 30), rng.random((21, 30)) < 0.7
    direct = corrected(made(21, 30), wanted)
    cells = np.argwhere(rng.random((21, 30)) < 0.4)
    values, doubts = rng.random(len(cells)), rng.choice([0, UNSURE_CODE, FOREIGN_CODE], len(cells))
    for found in (first, direct):
        put(found, cells, strides_of(cells), values, doubts)
    later = corrected(first, wanted)
    look = ScanLook(target="aca", threshold=40)
    assert (later.picture(look) == direct.picture(look)).all()
    assert later.areas() == direct.areas() and later.done == direct.done
    more = np.argwhere(np.ones((21, 30), bool))
    for found in (later, direct):
        put(found, more, strides_of(more), 0.5)
    assert (later.picture(look) == direct.picture(look)).all() and later.complete


def test_a_window_counts_once_however_often_it_comes():
    found = made()
    put(found, [[0, 0], [0, 0], [99, 0], [0, -1]])
    put(found, [[0, 0]], first=0.1)
    assert found.done == 1 and found.areas()[0].windows == 1
    assert found.known().tolist() == [[0, 0]]
    with pytest.raises(ValueError, match="do not fit"):
        found.put(np.zeros((2, 2), int), np.ones(2), np.zeros((2, 5)), np.zeros(2, np.uint8))


def test_the_raw_values_under_the_cursor():
    found = made()
    put(found, [[2, 3]], first=0.75, doubts=UNSURE_CODE)
    answer = found.answer_at(39.9, 20.0)
    assert answer.doubt == "unsure" and answer.names_class
    assert answer.values == tuple(zip(CLASSES, (0.75, 0.25, 0.0), strict=True))
    assert found.answer_at(-1, 5) is None and found.answer_at(5, 91) is None


def test_memory_of_a_large_slide_is_bounded_by_its_windows():
    rows, columns = 1600, 2500  # 4 million windows
    found = made(rows, columns)
    arrays = [v for v in vars(found).values() if isinstance(v, np.ndarray)]
    assert sum(a.nbytes for a in arrays) < 20 * rows * columns
