"""Montage slides of held-out patches: the class of every place is known without annotations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import read_card
from ssmamba.explain.cam import cam_maps
from ssmamba.explain.stitch import stitch
from ssmamba.inference.predictor import Predictor
from ssmamba.reading.plan import plan_region, read_window
from ssmamba.reading.preprocess import to_tensor
from ssmamba.reading.values import CamMap, ReadOptions, Window
from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import Slide
from tests.acceptance.conftest import MODELS
from tests.slides import write_pyramid
from training.evaluation.mosaics import make_mosaics

pytestmark = [pytest.mark.slow, pytest.mark.shared_data, pytest.mark.timeout(600)]

PATCH = 224
MOSAICS = 100


@dataclass(frozen=True)
class HeldOut:
    images: np.ndarray  # (N, 224, 224, 3) uint8
    labels: np.ndarray  # (N,) index into the card's classes
    predictor: Predictor


@pytest.fixture(scope="module")
def held_out(lc25000: Path) -> HeldOut:
    from training.data.dataset import load_dataset

    path = MODELS / "lac.safetensors"
    seed = int(read_card(path).dataset["split_seed"])
    dataset = load_dataset(lc25000, seed, quiet=True)
    rng = np.random.default_rng(0)
    labels = dataset.labels("test")
    rows = rng.permutation(len(labels))[:200]
    items = dataset.items("test")
    paths = [lc25000 / items[i].path for i in rows]
    images = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])
    return HeldOut(images, labels[rows], Predictor(checkpoint.load(path)))


def rectangle(x: float, y: float, side: float) -> Roi:
    ring = ((x, y), (x + side, y), (x + side, y + side), (x, y + side))
    return Roi(((ring,),), kind="rectangle")


def test_a_patch_on_a_slide_answers_as_the_image_does(held_out: HeldOut, tmp_path: Path) -> None:
    """The lasso of one patch gives evaluate's probabilities for that image within 1e-3."""
    side = 4
    chosen = held_out.images[: side * side]
    rows = [np.concatenate(list(chosen[i * side : (i + 1) * side]), axis=1) for i in range(side)]
    montage = np.concatenate(rows, axis=0)
    path = tmp_path / "montage.tif"
    spec = held_out.predictor.card.input
    assert spec.magnification is not None and spec.published_px is not None
    own_mpp = 10 / spec.magnification * spec.published_px / PATCH  # that of the training pictures
    write_pyramid(path, picture=montage, tile=256, mpp=own_mpp)
    direct = held_out.predictor.predict(chosen).probabilities
    with Slide.open(path) as slide:
        for index in range(side * side):
            x, y = index % side * PATCH, index // side * PATCH
            plan = plan_region(rectangle(x, y, PATCH), slide, spec)
            assert len(plan.windows) == 1
            pixels = read_window(slide, Window(*plan.windows[0]), plan.out_px)
            answer = held_out.predictor.predict(pixels).probabilities[0]
            np.testing.assert_allclose(answer, direct[index], atol=1e-3)


def mosaics(held_out: HeldOut) -> list[tuple[np.ndarray, np.ndarray]]:
    """2 x 2 mosaics of four different classes: (448, 448, 3) and the four labels."""
    made = make_mosaics(held_out.images, held_out.labels, MOSAICS, seed=1)
    return list(zip(made.images, made.classes, strict=True))


@pytest.mark.parametrize("method", ["GradCAM", "GradCAM++", "HiResCAM", "LayerCAM"])
def test_cam_of_a_class_peaks_in_its_quadrant(held_out: HeldOut, method: str) -> None:
    """In one look at the whole mosaic (at the model's scale), at least 60 % peak rightly."""
    model, card = held_out.predictor.model, held_out.predictor.card
    spec = card.input
    wide = type(spec)(**{**vars(spec), "window_px": 2 * spec.window_px})
    right = total = 0
    for image, classes in mosaics(held_out):
        batch = to_tensor(image, wide)
        for quadrant, class_index in enumerate(classes):
            grid = cam_maps(model, batch, method, int(class_index), stage=4)[0]
            row, column = np.unravel_index(grid.argmax(), grid.shape)
            place = 2 * int(row >= grid.shape[0] / 2) + int(column >= grid.shape[1] / 2)
            right += place == quadrant
            total += 1
    print(f"{method}: {right / total:.3f} of {total} peaks in the right quadrant")
    assert right / total >= 0.60


def test_stitched_tiles_peak_in_the_quadrant_of_the_class(
    held_out: HeldOut, tmp_path: Path
) -> None:
    """As the viewer reads it: windows at the model's scale, maps laid side by side."""
    model, card = held_out.predictor.model, held_out.predictor.card
    path = tmp_path / "mosaic.tif"
    right = total = 0
    for image, classes in mosaics(held_out)[:25]:
        write_pyramid(path, picture=image, tile=256)
        with Slide.open(path) as slide:
            roi = rectangle(0, 0, 2 * PATCH)
            plan = plan_region(roi, slide, card.input, ReadOptions(field_px=PATCH))
            windows = [Window(*w) for w in plan.windows.tolist()]
            pixels = [read_window(slide, w, plan.out_px) for w in windows]
        batch = to_tensor(pixels, card.input)
        for quadrant, class_index in enumerate(classes):
            maps = cam_maps(model, batch, "GradCAM", int(class_index), stage=4)
            parts = [
                CamMap(window, values.shape, values.astype(np.float32).tobytes())
                for window, values in zip(windows, maps, strict=True)
            ]
            values = stitch(parts).values
            row, column = np.unravel_index(np.nanargmax(values), values.shape)
            place = 2 * int(row >= values.shape[0] / 2) + int(column >= values.shape[1] / 2)
            right += place == quadrant
            total += 1
    print(f"tiles: {right / total:.3f} of {total} peaks in the right quadrant")
    assert right / total >= 0.60
