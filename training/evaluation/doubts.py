"""What the rule of "not sure" refuses: held-out images, wrong answers, and pictures of no class.

The pictures are made of held-out images, otherwise than those on which the rule's background is
fitted: bare glass, blur, two classes in one window, and for single cells also a cell in a corner
and the corners without any cell.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from rich.table import Table
from torch import nn

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Card, require_classes
from ssmamba.inference.glance import obstacles
from ssmamba.inference.judge import doubts_of_windows
from ssmamba.inference.predictor import Prediction
from ssmamba.reading.doubts import CODES
from ssmamba.reading.preprocess import resize_image
from training.backbones.classifiers import run_model
from training.config import DoubtConfig
from training.data.dataset import Dataset
from training.evaluation.background import bare_glass, corner
from training.evaluation.matching import class_order, dataset_for, refuse_overlap
from training.evaluation.rule import Seen, cross_fitted, doubted
from training.loop.progress import console
from training.metrics.calibration import softmax
from training.metrics.classification import ece, nll

BLUR = 3 / 224  # sigma, of the picture's side
ASIDE = 0.4  # of the side, by which a cell is moved out of the middle both ways
TITLES = {
    "glass": "bare glass",
    "blur": "blurred",
    "two": "two classes in one window",
    "corner": "corners without a cell",
    "aside": "a cell in a corner",
}


def measure_doubts(config: DoubtConfig) -> dict[str, Any]:
    """Measure, print a table, and return what --out writes. Raises CheckpointError or DataError.

    Where temperature and limits were fitted on the test images, those are cross-fitted.
    """
    found = checkpoint.load(config.checkpoint)
    card = require_classes(found.card, config.checkpoint)
    dataset = dataset_for(card, config.data, None, config.dataset_info)
    refuse_overlap(card, dataset, "test")
    labels = class_order(card, dataset)[dataset.labels("test")]
    images = dataset.images("test", card.input.window_px)
    logits, features = run_model(found.model, images, card.input)
    test = Seen(logits, features, labels, dataset.groups("test"))
    crossed = card.metrics.get("calibration", {}).get("split") == "test"
    if crossed:
        probabilities, doubts = cross_fitted(test, found.extra)
    else:
        probabilities = softmax(logits, card.calibration.temperature)
        doubts = doubted(card, found.extra, logits, features)
    wrong = probabilities.argmax(1) != labels
    result: dict[str, Any] = {
        "checkpoint": str(config.checkpoint),
        "n": len(labels),
        "wrong": int(wrong.sum()),
        "cross_fitted": crossed,
        "nll": nll(probabilities, labels),
        "ece": ece(probabilities, labels),
        "refused": float(doubts.mean()),
        "wrong_refused": float(doubts[wrong].mean()) if wrong.any() else None,
    }
    made = made_pictures(dataset, card, labels, config)
    result["pictures"] = {
        kind: _refused(found.model, card, found.extra, pictures) for kind, pictures in made.items()
    }
    console.print(_table(result, card.name))
    return result


def made_pictures(
    dataset: Dataset, card: Card, labels: np.ndarray, config: DoubtConfig
) -> dict[str, np.ndarray]:
    """By kind, (N, S, S, 3) uint8 of the training images' side."""
    rng = np.random.default_rng([config.seed, 7])
    rows = rng.permutation(len(labels))[: config.pictures]
    images = dataset.images("test", card.input.source_px)[rows]
    side, of_class = images.shape[1], labels[rows]
    partner = [int(rng.choice(np.nonzero(of_class != k)[0])) for k in of_class]
    half, start = side // 2, side // 4
    made = {
        "glass": [bare_glass(side, rng) for _ in images],
        "blur": [cv2.GaussianBlur(image, (0, 0), BLUR * side) for image in images],
        "two": [_joined(image, images[at], start, half)
                for image, at in zip(images, partner, strict=True)],
    }  # fmt: skip
    if card.input.picture == "cell":
        made["corner"] = [corner(image, rng) for image in images]
        made["aside"] = [_moved(image, rng) for image in images]
    return {kind: np.stack(pictures) for kind, pictures in made.items()}


def _joined(left: np.ndarray, right: np.ndarray, start: int, half: int) -> np.ndarray:
    """The middles of two pictures beside each other."""
    rest = left.shape[1] - half
    return np.concatenate([left[:, start : start + half], right[:, start : start + rest]], axis=1)


def _moved(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The picture moved until its middle is near a corner, on its own background."""
    side = len(image)
    right, down = (round(ASIDE * side) * rng.choice([-1, 1], 2)).tolist()
    move = np.array([[1, 0, right], [0, 1, down]], np.float32)
    moved = cv2.warpAffine(image, move, (side, side))
    covered = cv2.warpAffine(np.ones((side, side), np.uint8), move, (side, side)) > 0
    return np.where(covered[..., None], moved, corner(image, rng))


def _refused(
    model: nn.Module, card: Card, extra: dict[str, Any], pictures: np.ndarray
) -> dict[str, float]:
    """The share of pictures that is doubted, and the shares by the foremost reason."""
    spec = card.input
    seen = np.stack([resize_image(picture, spec.window_px) for picture in pictures])
    logits, features = run_model(model, seen, spec)
    found = Prediction(softmax(logits, card.calibration.temperature), logits, features)
    codes = doubts_of_windows(card, extra, obstacles(list(pictures), spec.stain), found)
    shares = {str(name): float((codes == at).mean()) for at, name in enumerate(CODES) if at}
    return {"n": len(codes), "refused": float((codes > 0).mean()), **_some(shares)}


def _some(shares: dict[str, float]) -> dict[str, float]:
    return {name: share for name, share in shares.items() if share}


def _table(result: dict[str, Any], name: str) -> Table:
    how = ", cross-fitted by group" if result["cross_fitted"] else ""
    table = Table(title=f"{name}: {result['n']} test images, {result['wrong']} wrong{how}")
    for column in ("pictures", "refused", "by reason"):
        table.add_column(column)
    table.add_row("test images", f"{result['refused']:.3f}", "")
    if result["wrong_refused"] is not None:
        table.add_row("wrong answers", f"{result['wrong_refused']:.2f}", "")
    for kind, shares in result["pictures"].items():
        reasons = {k: v for k, v in shares.items() if k not in ("n", "refused")}
        told = ", ".join(f"{k} {v:.2f}" for k, v in reasons.items())
        table.add_row(f"{TITLES[kind]} ({shares['n']})", f"{shares['refused']:.2f}", told)
    table.caption = f"NLL {result['nll']:.4f}, ECE {result['ece']:.4f}"
    return table
