"""Mosaics: the truth is where the tiles of a class were laid."""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluation.mosaics import centre_tiles, make_mosaics


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_the_truth_is_where_the_class_is(classes: int) -> None:
    labels = np.repeat(np.arange(classes), 3)
    tiles = np.broadcast_to(labels[:, None, None, None], (len(labels), 4, 4, 3)).astype(np.uint8)
    mosaics = make_mosaics(tiles, labels, 20, seed=1)
    for index, image in enumerate(mosaics.images):
        assert len(set(mosaics.classes[index])) == min(classes, 4)
        for number in np.unique(mosaics.classes[index]):
            np.testing.assert_array_equal(mosaics.truth(index, number), image[..., 0] == number)
            assert not mosaics.truth(index, number).all()
    again = make_mosaics(tiles, labels, 20, seed=1)
    np.testing.assert_array_equal(again.images, mosaics.images)


def test_truths_are_listed_by_the_models_class_numbers() -> None:
    """A model with the classes in another order finds each class under its own number."""
    labels = np.repeat(np.arange(5), 3)
    mosaics = make_mosaics(np.zeros((15, 4, 4, 3), np.uint8), labels, 20, seed=1)
    order = np.array([3, 1, 4, 0, 2])
    truths = mosaics.truths(order)
    assert sum(len(found) for found in truths.values()) == 4 * 20  # four classes a mosaic
    for number in range(5):
        rows = np.flatnonzero((mosaics.classes == number).any(axis=1)).tolist()
        assert list(truths[order[number]]) == rows
        for row, truth in truths[order[number]].items():
            np.testing.assert_array_equal(truth, mosaics.truth(row, number))


def test_tiles_are_the_middle_at_the_same_scale() -> None:
    image = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1).repeat(3, axis=3)
    np.testing.assert_array_equal(centre_tiles(image), image[:, 2:6, 2:6])
