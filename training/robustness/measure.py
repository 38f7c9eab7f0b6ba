"""Accuracy of classifiers on changed pictures; every model sees the very same ones."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import nn

from ssmamba.checkpoints.card import Card
from ssmamba.reading.preprocess import resize_image
from training.backbones.classifiers import run_model
from training.metrics.calibration import softmax
from training.metrics.classification import accuracy, group_resamples, interval, macro_f1
from training.robustness.changes import CHANGES, Surroundings

CHUNK = 128  # pictures changed at once


@dataclass(frozen=True)
class Subject:
    """A classifier to be measured."""

    label: str  # unlike any other's
    path: Path
    card: Card
    model: nn.Module
    order: np.ndarray  # number in the checkpoint of each of the data's classes


@dataclass(frozen=True)
class Pictures:
    """Full pictures with their truth."""

    images: np.ndarray  # (N, S, S, 3) uint8
    labels: np.ndarray  # (N,) class numbers of the data
    groups: np.ndarray  # (N,)
    stain_basis: str


@dataclass(frozen=True)
class Measured:
    """One classifier under one change at one level; level None = the pictures as they are."""

    label: str
    change: str  # of CHANGES, or "none"
    level: float | None
    accuracy: float
    accuracy_ci: tuple[float, float]
    macro_f1: float
    agreement: float  # share of answers that are those on the unchanged picture


def measure(
    subjects: Sequence[Subject],
    pictures: Pictures,
    kinds: Sequence[str],
    seed: int,
    resamples: int,
    batch: int,
    on_done: Callable[[int], None],
) -> list[Measured]:
    """Measure on unchanged pictures and at each level of each kind of change.

    on_done: is told how many (picture set, model) pairs are behind.
    """
    points: list[tuple[str, float | None]] = [("none", None)]
    points += [(kind, level) for kind in kinds for level in CHANGES[kind].levels]
    clean: dict[str, np.ndarray] = {}
    results, done = [], 0
    for kind, level in points:
        for window in sorted({s.card.input.window_px for s in subjects}):
            changed = changed_pictures(pictures, kind, level, window, seed)
            for subject in (s for s in subjects if s.card.input.window_px == window):
                logits, _ = run_model(subject.model, changed, subject.card.input, batch)
                answers = softmax(logits)
                clean.setdefault(subject.label, answers.argmax(1))
                results.append(
                    _score(subject, kind, level, answers, clean, pictures, seed, resamples)
                )
                done += 1
                on_done(done)
    return results


def changed_pictures(
    pictures: Pictures, kind: str, level: float | None, window: int, seed: int
) -> np.ndarray:
    """(N, window, window, 3) uint8; the same for the same seed, whatever the model."""
    parts = []
    around = Surroundings(window, pictures.stain_basis)
    for start in range(0, len(pictures.images), CHUNK):
        part = pictures.images[start : start + CHUNK]
        if level is not None:
            rng = np.random.default_rng([seed, zlib.crc32(kind.encode()), start])
            part = CHANGES[kind].apply(part, level, around, rng)
        parts += [resize_image(image, window) for image in part]
    return np.stack(parts)


def _score(
    subject: Subject,
    kind: str,
    level: float | None,
    answers: np.ndarray,
    clean: dict[str, np.ndarray],
    pictures: Pictures,
    seed: int,
    resamples: int,
) -> Measured:
    labels = subject.order[pictures.labels]
    found = accuracy(answers, labels)
    hits = answers.argmax(1) == labels
    draws = [float(hits[r].mean()) for r in group_resamples(pictures.groups, resamples, seed)]
    low, high = interval(draws) if draws else [found, found]
    agreement = float((answers.argmax(1) == clean[subject.label]).mean())
    return Measured(
        subject.label, kind, level, found, (low, high), macro_f1(answers, labels), agreement
    )
