"""Blood cells: the CAM of a cell's class lies on the cell, not on the red cells around it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from ssmamba.checkpoints import checkpoint
from ssmamba.explain.methods import STAGES
from tests.acceptance.conftest import MODELS
from training.data.dataset import load_dataset
from training.evaluation.cams import class_maps
from training.metrics.localisation import localisation

pytestmark = [pytest.mark.slow, pytest.mark.shared_data, pytest.mark.timeout(600)]

IMAGES = 160
DARKEST = 130  # of green, 0..255: nuclei and granules absorb it, red cells do not
SEEN_AREA = (0.02, 0.6)  # share of the picture; others are no cell in its middle


def cell(image: np.ndarray) -> np.ndarray:
    """The dark piece nearest to the middle, with its rim, (H, W) bool."""
    green = np.ascontiguousarray(image[..., 1])
    limit = min(cv2.threshold(green, 0, 255, cv2.THRESH_OTSU)[0], DARKEST)
    dark = cv2.morphologyEx((green < limit).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3)))
    count, pieces, stats, centres = cv2.connectedComponentsWithStats(dark)
    if count < 2:
        return np.zeros(green.shape, bool)
    middle = np.array(green.shape) / 2
    far = np.hypot(*(centres[1:] - middle).T)
    best = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA] / (1 + far)))
    return cv2.dilate((pieces == best).astype(np.uint8), np.ones((9, 9))) > 0


def test_the_maps_of_the_models_own_stage_peak_in_the_cell(pbc: Path) -> None:
    found = checkpoint.load(MODELS / "pbc.safetensors")
    spec, own = found.card.input, found.card.cam_stage
    found.model.eval()
    dataset = load_dataset(pbc, int(found.card.dataset["split_seed"]), quiet=True)
    labels = dataset.labels("test")
    rows = np.random.default_rng(0).permutation(len(labels))[:IMAGES]
    images, labels = dataset.images("test", spec.window_px)[rows], labels[rows]
    cells = [cell(image) for image in images]
    low, high = SEEN_AREA
    seen = [i for i, mask in enumerate(cells) if low < mask.mean() < high]
    chance = float(np.mean([cells[i].mean() for i in seen]))
    pointing = {}
    for stage in STAGES:
        hits = []
        for number in np.unique(labels[seen]):
            of_class = [i for i in seen if labels[i] == number]
            maps = class_maps(found.model, images[of_class], spec, "GradCAM", int(number), stage)
            hits += [
                localisation(values, cells[i])["pointing"]
                for values, i in zip(maps, of_class, strict=True)
            ]
        pointing[stage] = float(np.mean(hits))
    told = ", ".join(f"{stage}: {share:.2f}" for stage, share in pointing.items())
    print(f"{len(seen)} cells, peak inside by stage {told}; own {own}, chance {chance:.2f}")
    assert pointing[own] > 0.6 and pointing[own] > pointing[4]
