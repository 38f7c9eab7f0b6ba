"""Regions grown by colour can be read by models, however ragged they are."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ssmamba.reading.leftovers import READ_ENOUGH
from ssmamba.reading.windows import windows_tiles
from ssmamba.rois.combining import polygons_from
from ssmamba.rois.geometry import area_of
from ssmamba.rois.likeness import Likeness
from ssmamba.rois.roi import Roi


@pytest.mark.parametrize(("seed", "side"), [(1, 200), (6, 256), (12, 128)])
def test_windows_cover_a_region_with_hundreds_of_holes(seed: int, side: int) -> None:
    """Clipping such an outline leaves parts that are not valid; GEOS then gave up on them."""
    noise = np.random.default_rng(seed).normal(size=(400, 500)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    dark = smooth > np.quantile(smooth, 0.35)
    picture = np.where(dark[..., None], 60, 220).astype(np.uint8).repeat(3, axis=2)
    y, x = np.argwhere(dark)[1000]
    roi = Roi(polygons_from(Likeness(picture, int(x), int(y)).area(25, 8.0, 0, 0)))
    cover = windows_tiles(roi, side)
    assert cover.area == pytest.approx(area_of(roi))
    assert READ_ENOUGH <= cover.areas.sum() / cover.area <= 1 + 1e-9
