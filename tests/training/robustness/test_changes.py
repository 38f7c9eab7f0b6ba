"""Each change does what it says, at the strength that it says."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.pictures import picture
from training.robustness.changes import CHANGES, Surroundings

IMAGES = np.stack([picture("round", seed) for seed in range(6)])


def change(kind: str, level: float, images: np.ndarray = IMAGES, window: int = 48) -> np.ndarray:
    around = Surroundings(window, "he", np.random.default_rng(0))
    return CHANGES[kind].apply(images, level, around)


@pytest.mark.parametrize("kind", [k for k in CHANGES if k != "magnification"])
def test_a_stronger_level_changes_more(kind: str) -> None:
    gaps = []
    for level in CHANGES[kind].levels:
        changed = change(kind, level)
        assert changed.shape == IMAGES.shape and changed.dtype == np.uint8
        gaps.append(np.abs(changed.astype(float) - IMAGES).mean())
    assert gaps[0] > 0 and gaps == sorted(gaps)


def test_a_shift_moves_by_its_length_in_network_pixels() -> None:
    """A dot, in a picture of twice the window, lands two picture pixels away for each one."""
    dot = np.zeros((3, 96, 96, 3), np.uint8)
    dot[:, 46:50, 46:50] = 255
    for image in change("shift", 8.0, dot):
        weight = image[..., 0].astype(float)
        rows, columns = np.indices(weight.shape)
        place = np.array([(weight * rows).sum(), (weight * columns).sum()]) / weight.sum()
        assert np.linalg.norm(place - 47.5) == pytest.approx(16, abs=0.3)


def test_a_quarter_turn_is_a_quarter_turn() -> None:
    for before, after in zip(IMAGES, change("rotation", 90.0), strict=True):
        gaps = [np.abs(np.rot90(before, k).astype(int) - after).mean() for k in (1, 3)]
        assert min(gaps) < 1


def test_magnification_shows_the_centre_or_a_wider_field() -> None:
    np.testing.assert_array_equal(change("magnification", 2.0), IMAGES[:, 12:36, 12:36])
    wide = change("magnification", 0.5)
    assert wide.shape[1:3] == (96, 96)
    np.testing.assert_array_equal(wide[:, 24:72, 24:72], IMAGES)
    np.testing.assert_array_equal(wide[:, 23, 24:72], IMAGES[:, 0])  # mirrored rim


def test_a_shuffle_moves_tiles_and_leaves_what_is_in_them() -> None:
    """Each tile of the changed picture is one of the picture's; what is left over stays."""
    image = np.random.default_rng(1).integers(0, 256, (50, 50, 3), np.uint8)
    changed = change("shuffle", 8.0, image[None])[0]

    def tiles(picture: np.ndarray) -> list[bytes]:
        starts = range(1, 49, 6)
        return [picture[y : y + 6, x : x + 6].tobytes() for y in starts for x in starts]

    assert sorted(tiles(changed)) == sorted(tiles(image)) and tiles(changed) != tiles(image)
    rim = np.ones((50, 50), bool)
    rim[1:49, 1:49] = False
    np.testing.assert_array_equal(changed[rim], image[rim])


def test_a_stain_change_keeps_white_white() -> None:
    """Glass has no stain; a scanner's change moves it too."""
    white = np.full((4, 8, 8, 3), 255, np.uint8)
    np.testing.assert_array_equal(change("stain", 0.4, white), white)
    assert (change("scanner", 0.3, white) != white).any()
