"""Glass and tissue are told apart in several stains."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from ssmamba.slides.tissue import tissue_fraction, tissue_mask
from tests.slides import SHARED_SLIDES

LAC = SHARED_SLIDES.parent / "lc25000"
PBC = SHARED_SLIDES.parent / "pbc"


def glass(level: int = 242, noise: float = 2.0) -> np.ndarray:
    rng = np.random.default_rng(0)
    image = rng.normal(level, noise, (128, 128, 3))
    return np.clip(image, 0, 255).astype(np.uint8)


def with_blob(color: tuple[int, int, int]) -> np.ndarray:
    image = glass()
    cv2.circle(image, (64, 64), 40, color, -1)
    return image


@pytest.mark.parametrize(
    "color",
    [(190, 90, 150), (225, 190, 215), (120, 60, 140), (150, 110, 90), (90, 90, 90)],
    ids=["H&E", "pale eosin", "nuclei", "DAB", "pigment"],
)
def test_a_stained_blob_is_found(color: tuple[int, int, int]) -> None:
    mask = tissue_mask(with_blob(color))
    assert mask[64, 64]
    assert mask.mean() == pytest.approx(np.pi * 40**2 / 128**2, abs=0.04)


@pytest.mark.parametrize("level", [255, 242, 225])
def test_glass_has_no_tissue(level: int) -> None:
    assert tissue_fraction(glass(level)) < 0.05


def test_a_picture_full_of_tissue_has_no_glass() -> None:
    rng = np.random.default_rng(1)
    image = np.clip(rng.normal((180, 90, 150), 25, (96, 96, 3)), 0, 255).astype(np.uint8)
    assert tissue_fraction(image) > 0.95


@pytest.mark.shared_data
@pytest.mark.parametrize("folder", [LAC, PBC])
def test_real_images_are_tissue_and_their_glass_is_not(folder: Path) -> None:
    if not folder.exists():
        pytest.skip("../shared/data is absent")
    paths = sorted(folder.glob("*/*.jpg"))[::60][:40]
    shares = [tissue_fraction(cv2.imread(str(path))[..., ::-1]) for path in paths]
    assert np.mean(shares) > 0.25
    assert min(shares) > 0.02
