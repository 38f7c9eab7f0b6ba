"""Accuracy of classifiers on changed images; every model reads the same ones."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from ssmamba.checkpoints.card import Card
from ssmamba.reading.preprocess import resize_image
from training.backbones.classifiers import run_model
from training.metrics.classification import macro_f1, mean_interval
from training.robustness.changes import CHANGES, Surroundings
from training.robustness.config import RobustnessConfig

CHUNK = 128  # images changed at once


@dataclass(frozen=True)
class Subject:
    """A classifier to be measured."""

    label: str  # unique among the subjects
    card: Card
    model: nn.Module
    order: np.ndarray  # number in the checkpoint of each of the data's classes


@dataclass(frozen=True)
class Pictures:
    """Full images with their classes and groups."""

    images: np.ndarray  # (N, S, S, 3) uint8
    labels: np.ndarray  # (N,) class numbers of the data
    groups: np.ndarray  # (N,)
    stain_basis: str


@dataclass(frozen=True)
class Measured:
    """Scores of one classifier under one change at one level; level None = unchanged images."""

    label: str
    change: str  # of CHANGES, or "none"
    level: float | None
    accuracy: float
    accuracy_ci: tuple[float, float]
    macro_f1: float
    agreement: float  # share of answers equal to those on the unchanged images


def measure(
    subjects: Sequence[Subject],
    pictures: Pictures,
    kinds: Sequence[str],
    config: RobustnessConfig,
    on_done: Callable[[int], None],
) -> list[Measured]:
    """Measure on unchanged images and at each level of each kind of change.

    on_done: called with the number of results so far, one a model and level.
    """
    points: list[tuple[str, float | None]] = [("none", None)]
    points += [(kind, level) for kind in kinds for level in CHANGES[kind].levels]
    clean: dict[str, np.ndarray] = {}
    results: list[Measured] = []
    for kind, level in points:
        for window in sorted({s.card.input.window_px for s in subjects}):
            changed = changed_pictures(pictures, kind, level, window, config.seed)
            for subject in (s for s in subjects if s.card.input.window_px == window):
                spec = subject.card.input
                logits, _ = run_model(subject.model, changed, spec, config.batch_size)
                first = clean.setdefault(subject.label, logits.argmax(1))
                scores = _scores(logits, subject.order[pictures.labels], first, pictures, config)
                results.append(Measured(subject.label, kind, level, *scores))
                on_done(len(results))
    return results


def changed_pictures(
    pictures: Pictures, kind: str, level: float | None, window: int, seed: int
) -> np.ndarray:
    """(N, window, window, 3) uint8; the same for the same seed, whatever the model."""
    parts = []
    for start in range(0, len(pictures.images), CHUNK):
        part = pictures.images[start : start + CHUNK]
        if level is not None:
            rng = np.random.default_rng([seed, zlib.crc32(kind.encode()), start])
            around = Surroundings(window, pictures.stain_basis, rng)
            part = CHANGES[kind].apply(part, level, around)
        parts += [resize_image(image, window) for image in part]
    return np.stack(parts)


def _scores(
    logits: np.ndarray,
    labels: np.ndarray,
    clean: np.ndarray,
    pictures: Pictures,
    config: RobustnessConfig,
) -> tuple[float, tuple[float, float], float, float]:
    """Accuracy, its interval, macro-F1, and agreement with the answers on unchanged images."""
    predicted = logits.argmax(1)
    hits = predicted == labels
    low, high = mean_interval(hits, pictures.groups, config.resamples, config.seed)
    agreement = float((predicted == clean).mean())
    return float(hits.mean()), (low, high), macro_f1(logits, labels), agreement
