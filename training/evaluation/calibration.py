"""Calibration of a trained classifier: temperature, limits of "Not sure", stage of its CAMs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
from torch import Tensor, nn

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Card, read_card, require_features
from ssmamba.errors import CheckpointError
from ssmamba.models import SSMamba
from training.backbones.classifiers import run_model
from training.config import CalibrateConfig
from training.data.aside import held_aside
from training.data.dataset import Dataset
from training.evaluation.background import background_images
from training.evaluation.cams import best_stage, pointing_by_stage, tell_without_cams
from training.evaluation.matching import dataset_for, refuse_another_split
from training.evaluation.rule import Seen, cross_fitted, doubted, fit_rule, fit_statistics
from training.metrics.calibration import softmax, wrong_answers
from training.metrics.classification import score
from training.runs.card import refuse_name

MOST_BACKGROUND = 600  # pictures of nothing, made of as many training images


def recalibrate(config: CalibrateConfig) -> Card:
    """Fit a classifier's calibration again, write it to --out, and return its card.

    Statistics are of the checkpoint's own training images. Temperature and limits are fitted on
    its validation images, on those that were held aside where some were; or with --fit-on test on
    the test images, and the scores of the test split are then cross-fitted. The weights stay as
    they are, and the stage of the CAMs where the card says how it was found.
    Raises CheckpointError for a file that is not a classifier of these classes and images.
    """
    refuse_name(config.out)
    require_features(read_card(config.checkpoint), config.checkpoint)
    found = checkpoint.load(config.checkpoint)
    tell_without_cams(found.model, found.card.input.window_px)
    dataset = dataset_for(found.card, config.data, None, config.dataset_info)
    refuse_another_split(found.card, config.checkpoint, dataset)
    share = float(found.card.training.get("hold_aside", 0.0))
    aside = held_aside(dataset, share)[1]
    card, statistics = calibrated(found.model, found.card, aside, config.fit_on)
    try:
        checkpoint.save(config.out, found.model, card, {**found.extra, **statistics})
    except CheckpointError:
        print(json.dumps(asdict(card.calibration), indent=2))  # the fit is not lost with the disk
        raise
    return card


def calibrated(
    model: nn.Module, card: Card, dataset: Dataset, fit_on: str = "val"
) -> tuple[Card, dict[str, Tensor]]:
    """The card with calibration, CAM stage and test scores, and the tensors to store beside the
    weights.

    fit_on: "val", and the test split is scored with the fitted values; or "test", and each test
    image is scored with values that were fitted without its group.
    """
    statistics = statistics_of(model, card, dataset)
    test = seen(model, card, dataset, "test")
    if fit_on == "test":
        fits = test
        probabilities, doubts = cross_fitted(test, statistics)
        calibration = fit_rule(fits, statistics)
    else:
        fits = seen(model, card, dataset, "val")
        calibration = fit_rule(fits, statistics)
        probabilities = softmax(test.logits, calibration.temperature)
        own = card.with_(calibration=calibration)
        doubts = doubted(own, statistics, test.logits, test.features)
    rests_on: dict[str, Any] = {
        "n": len(fits.labels), "wrong": wrong_answers(fits.logits, fits.labels), "split": fit_on,
    }  # fmt: skip
    cam = card.metrics.get("cam", {})
    if "pointing" not in cam:
        cam = _pointing(model, card, dataset)
    metrics = {
        **card.metrics,
        "test": {
            "n": len(test.labels),
            **score(probabilities, test.labels),
            **shares_of_doubt(doubts, probabilities, test.labels),
        },
        "calibration": rests_on,
        "cam": cam,
    }
    stage = best_stage({int(stage): share for stage, share in cam["pointing"].items()})
    done = card.with_(calibration=calibration, cam_stage=stage, metrics=metrics)
    return done, statistics


def statistics_of(model: nn.Module, card: Card, dataset: Dataset) -> dict[str, Tensor]:
    """What is stored of the training images: see ``training.evaluation.rule.fit_statistics``."""
    images, spec = dataset.images("train", card.input.window_px), card.input
    styles = 2 * sum(model.config.dims[:2]) if isinstance(model, SSMamba) else 0
    features, background = run_model(model, images, spec)[1], None
    if spec.picture == "cell":
        rng = np.random.default_rng(0)
        rows = rng.permutation(len(images))[:MOST_BACKGROUND]
        background = run_model(model, background_images(images[rows], rng), spec)[1]
    return fit_statistics(features, dataset.labels("train"), styles, background)


def seen(model: nn.Module, card: Card, dataset: Dataset, split: str) -> Seen:
    """What the model makes of a split's images."""
    images = dataset.images(split, card.input.window_px)
    logits, features = run_model(model, images, card.input)
    return Seen(logits, features, dataset.labels(split), dataset.groups(split))


def shares_of_doubt(
    doubts: np.ndarray, probabilities: np.ndarray, labels: np.ndarray
) -> dict[str, float]:
    """Of N answers: the share that is "not sure", and of the wrong ones the share that is."""
    wrong = probabilities.argmax(1) != labels
    caught = {"wrong_unsure": float(doubts[wrong].mean())} if wrong.any() else {}
    return {"unsure": float(doubts.mean()), **caught}


def _pointing(model: nn.Module, card: Card, dataset: Dataset) -> dict[str, Any]:
    spec = card.input
    images = dataset.images("val", spec.window_px)
    found = pointing_by_stage(model, spec, images, dataset.labels("val"))
    return {"pointing": {str(stage): share for stage, share in found.items()}}
