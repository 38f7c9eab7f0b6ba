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


def test_tiles_are_the_middle_at_the_same_scale() -> None:
    image = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1).repeat(3, axis=3)
    np.testing.assert_array_equal(centre_tiles(image), image[:, 2:6, 2:6])
