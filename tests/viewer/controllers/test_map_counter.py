"""The numbers of the matrix on mosaics of test images, against a script from raw arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import read_card
from ssmamba.engine.messages import ExplainResult
from ssmamba.explain.cam import cam_maps
from ssmamba.inference.predictor import Predictor
from ssmamba.reading.preprocess import to_tensor
from ssmamba.reading.values import CamMap, Window
from tests.acceptance.conftest import MODELS, lc25000  # noqa: F401  (a fixture)
from tests.viewer.fakes import square, stamp
from training.data.dataset import load_dataset
from training.evaluation.mosaics import Mosaics, centre_tiles, make_mosaics
from viewer.controllers.map_counter import CountJob, MapCounter
from viewer.state.settings import MapSpec

SIDE, MOSAICS, SEED = 224, 6, 20


def mosaics_of(data: Path, seed: int) -> Mosaics:
    """2×2 mosaics of images that the model was not trained on."""
    dataset = load_dataset(data, seed, quiet=True)
    labels, items = dataset.labels("test"), dataset.items("test")
    rows = np.random.default_rng(SEED).permutation(len(labels))[:60]
    pictures = [Image.open(data / items[row].path).convert("RGB") for row in rows]
    images = np.stack([np.asarray(p.resize((SIDE, SIDE))) for p in pictures])
    return make_mosaics(centre_tiles(images), labels[rows], MOSAICS, SEED)


def result_of(raw: np.ndarray, target: str) -> ExplainResult:
    """A map (h, w) float32 as the engine sends it."""
    cam = CamMap(Window(0, 0, SIDE), (raw.shape[0], raw.shape[1]), raw.tobytes())
    roi = square(0, 0, SIDE, "Mosaic", "mosaic")
    low, high = float(raw.min()), float(raw.max())
    return ExplainResult(
        1, roi.id, "m", "GradCAM", 3, target, (cam,), low, high, stamp=stamp(roi, "m.png"),
        seconds=0.0,
    )  # fmt: skip


def energy_by_script(raw: np.ndarray, truth: np.ndarray) -> float:
    picture = torch.nn.functional.interpolate(
        torch.from_numpy(raw)[None, None], truth.shape, mode="bilinear", align_corners=False
    )[0, 0].numpy()
    positive = np.clip(picture.astype(np.float64), 0, None)
    return float(positive[truth].sum() / positive.sum())


@pytest.mark.shared_data
@pytest.mark.parametrize("stage", [pytest.param(2, marks=pytest.mark.slow), 4])
def test_energy_in_truth_on_mosaics_of_test_images_is_that_of_a_script(
    lc25000: Path,  # noqa: F811
    stage: int,
) -> None:
    path = MODELS / "lac.safetensors"
    card = read_card(path)
    mosaics = mosaics_of(lc25000, int(card.dataset["split_seed"]))
    predictor = Predictor(checkpoint.load(path))
    keys = [info.key for info in card.classes]
    counter, roi, compared = MapCounter(), square(0, 0, SIDE, "Mosaic", "mosaic"), 0
    for number, image in enumerate(mosaics.images):
        for target in np.unique(mosaics.classes[number]).tolist():
            batch = to_tensor(image[None], card.input)
            raw = cam_maps(predictor.model, batch, "GradCAM", target, stage)[0]
            if raw.max() <= 0:
                continue
            tiles = np.flatnonzero(mosaics.classes[number] == target).tolist()
            half = SIDE / 2
            truth = tuple(square(at % 2 * half, at // 2 * half, half, str(at)) for at in tiles)
            made = result_of(raw, keys[target])
            spec = MapSpec("m", "GradCAM", stage, keys[target])
            share = counter.count([CountJob(spec, made, roi, truth, None)])[spec].share
            assert share is not None
            wanted = energy_by_script(raw, mosaics.truth(number, target))
            assert share.energy == pytest.approx(wanted, abs=1e-4)
            assert share.area == pytest.approx(len(tiles) / 4)
            compared += 1
    assert compared >= 10
