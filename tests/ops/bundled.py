"""The bundled models' answers to fixed pictures, to hold one scan backend against another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import read_card
from ssmamba.explain.cam import cam_maps
from ssmamba.inference.predictor import Predictor
from ssmamba.models import MAMIM, random_unit_mask
from ssmamba.reading.preprocess import to_tensor

MODELS = Path(__file__).resolve().parents[2] / "resources" / "models"
CAMS = (("GradCAM", 4), ("LayerCAM", 2))  # method, stage

PROBABILITY = 1e-5  # largest difference that float32 rounding may make, absolute
PART = 1e-4  # and of a map or a picture, relative to its largest value


def classifiers() -> list[str]:
    files = sorted(MODELS.glob("*.safetensors"))
    return [p.stem for p in files if read_card(p).classifies]


def pictures(count: int, side: int) -> np.ndarray:
    """Stained-looking pictures: pale pink with dark blue spots of several sizes, NHWC uint8."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side] / side
    images = []
    for _ in range(count):
        spots = np.zeros((side, side))
        for cx, cy, radius in zip(
            rng.random(40), rng.random(40), rng.uniform(0.01, 0.07, 40), strict=True
        ):
            spots = np.maximum(spots, np.exp(-((((x - cx) ** 2 + (y - cy) ** 2) / radius**2) ** 2)))
        pale, dark = np.array([232, 178, 205]), np.array([88, 52, 132])
        colour = pale + spots[..., None] * (dark - pale) + rng.normal(0, 9, (side, side, 3))
        images.append(colour.clip(0, 255).astype(np.uint8))
    return np.stack(images)


@dataclass(frozen=True)
class Answers:
    """What a classifier says of the pictures; every array begins with the picture."""

    probabilities: np.ndarray
    cams: tuple[np.ndarray, ...]


def answers(name: str, device: str = "cpu") -> Answers:
    """Run one bundled classifier on two pictures of its own size."""
    predictor = Predictor(MODELS / f"{name}.safetensors", device)
    spec = predictor.card.input
    batch = to_tensor(pictures(2, spec.window_px), spec).to(predictor.device.name)
    logits, _ = predictor.predict_tensor(batch)
    found = predictor.probabilities(logits.numpy())
    best = int(found[0].argmax())
    cams = tuple(cam_maps(predictor.model, batch, m, best, stage) for m, stage in CAMS)
    return Answers(found, cams)


def reconstruction(name: str, device: str = "cpu") -> np.ndarray:
    """A bundled MAMIM checkpoint's picture of a half-hidden one."""
    loaded = checkpoint.load(MODELS / f"{name}.safetensors")
    model = loaded.model.to(device).eval()
    assert isinstance(model, MAMIM)
    batch = to_tensor(pictures(1, loaded.card.input.window_px), loaded.card.input).to(device)
    unit = model.config.mask_unit
    mask = random_unit_mask(1, *batch.shape[2:], 0.5, unit, torch.Generator().manual_seed(0))
    with torch.inference_mode():
        return model.reconstruct(batch, mask.to(device)).cpu().numpy()


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def assert_same(found: Answers, expected: Answers) -> None:
    """Same classes in the same order of likelihood, probabilities and CAMs within tolerance."""
    for one, other in zip(found.probabilities, expected.probabilities, strict=True):
        assert one.argmax() == other.argmax()
    assert np.abs(found.probabilities - expected.probabilities).max() < PROBABILITY
    for one, other in zip(found.cams, expected.cams, strict=True):
        assert relative(one, other) < PART
        assert all(a.argmax() == b.argmax() for a, b in zip(one, other, strict=True))
