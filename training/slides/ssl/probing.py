"""What frozen features of slides are worth: pooled in four ways, probed in folds (thesis §4.2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.metrics import cohen_kappa_score
from torch import Tensor

from ssmamba.models.slides.encoder import RegionEncoder
from ssmamba.models.slides.serialise import split_class
from training.metrics.classification import balanced_accuracy, group_resamples, interval
from training.probe.features import least_groups, linear_probe, neighbours
from training.slides.cohort import Cohort
from training.slides.questions import quadratic_kappa

CLASS, SPATIAL = "class", "spatial"  # means of class tokens, and of spatial ones
POOLS = (f"{CLASS}, fused", f"{CLASS}, not fused", f"{SPATIAL}, fused", f"{SPATIAL}, not fused")
PROBES = {"linear": "linear", "knn": "neighbours"}


@dataclass(frozen=True)
class Labels:
    """The labels of slides."""

    names: tuple[str, ...]
    labels: np.ndarray  # (N,) int64, numbers of the names
    patients: np.ndarray  # (N,) int64, numbers of the patients
    ordered: bool  # grades, by number: kappa has quadratic weights

    def kappa(self, answers: np.ndarray, rows: np.ndarray | slice = slice(None)) -> float:
        """Cohen's kappa of answers (N,), of some rows; NaN where all is one class."""
        mine, truth = answers[rows], self.labels[rows]
        if self.ordered:
            return quadratic_kappa(mine, truth, len(self.names))
        if len(np.unique(np.concatenate([mine, truth]))) < 2:
            return float("nan")
        return float(cohen_kappa_score(truth, mine))


def labels_of(cohort: Cohort, rows: np.ndarray) -> Labels:
    """Of some of the cohort's slides; "" is a name as any other."""
    given = [cohort.slides[row].label for row in rows]
    names, ordered = sorted(set(given)), True
    try:
        names.sort(key=float)
    except ValueError:
        ordered = False
    patients = np.unique([cohort.slides[row].patient for row in rows], return_inverse=True)[1]
    return Labels(tuple(names), np.array([names.index(n) for n in given], int), patients, ordered)


def useless(found: Labels, folds: int) -> str:
    """Why labels cannot be probed in so many folds, "" where they can."""
    if "" in found.names:
        return "some of these slides have no label" if len(found.names) > 1 else "there are none"
    if len(found.names) < 2:
        return f"all slides are {found.names[0]}"
    least = least_groups(folds)
    counts = [len(np.unique(found.patients[found.labels == n])) for n in range(len(found.names))]
    fewest = int(np.argmin(counts))
    if counts[fewest] >= least:
        return ""
    return f"{found.names[fewest]} has {counts[fewest]} patients, and {folds} folds need {least}"


@contextmanager
def fusion(encoder: RegionEncoder, fused: bool) -> Iterator[None]:
    """The encoder as it is, or with region fusion turned off meanwhile."""
    before = encoder.alpha
    encoder.alpha = before if fused else 0.0
    try:
        yield
    finally:
        encoder.alpha = before


@torch.no_grad()
def pooled(
    encoder: RegionEncoder, count: int, pixels: Callable[[int], Tensor]
) -> dict[str, np.ndarray]:
    """{pool: (N, C) float32} of slides 0 to N - 1, whose regions ``pixels`` gives."""
    found: dict[str, list[np.ndarray]] = defaultdict(list)
    encoder.eval()
    for number in range(count):
        regions = pixels(number)
        for fused in (True, False):
            with fusion(encoder, fused):
                slide = encoder.forward_slide(regions)
            means = {CLASS: slide.cls, SPATIAL: split_class(slide.tokens)[0].flatten(0, 1)}
            for kind, tokens in means.items():
                name = f"{kind}, {'fused' if fused else 'not fused'}"
                found[name].append(tokens.float().mean(0).cpu().numpy())
    return {name: np.stack(found[name]) for name in POOLS}


def probe_scores(
    features: np.ndarray, known: Labels, folds: int, near: int, resamples: int, seed: int
) -> dict[str, Any]:
    """{linear, knn}: kappa and balanced accuracy with intervals, of held-out slides (N, C)."""
    given = (features, known.labels, known.patients, folds, seed)
    each = {"linear": linear_probe(*given), "knn": neighbours(*given, near)}
    return {name: _scored(p, known, resamples, seed) for name, p in each.items()}


def _scored(
    probabilities: np.ndarray, known: Labels, resamples: int, seed: int
) -> dict[str, float | list[float]]:
    """Intervals are bootstrapped by patient."""
    answers = probabilities.argmax(1)
    metrics: dict[str, Callable[[np.ndarray], float]] = {
        "kappa": lambda rows: known.kappa(answers, rows),
        "balanced_accuracy": lambda rows: balanced_accuracy(
            probabilities[rows], known.labels[rows]
        ),
    }
    every = np.arange(len(answers))
    drawn = list(group_resamples(known.patients, resamples, seed)) or [every]
    found: dict[str, float | list[float]] = {}
    for name, metric in metrics.items():
        found[name] = metric(every)
        found[f"{name}_ci"] = interval([metric(rows) for rows in drawn])
    return found


def probe_rows(found: dict[str, dict[str, Any]]) -> list[tuple[str, ...]]:
    """Rows of a table: features, probe, kappa and balanced accuracy with their intervals."""
    return [
        (pool, title, *(_with_ends(entry[probe], name) for name in ("kappa", "balanced_accuracy")))
        for pool, entry in found.items()
        for probe, title in PROBES.items()
    ]


def _with_ends(entry: dict[str, Any], name: str) -> str:
    low, high = entry[f"{name}_ci"]
    return f"{entry[name]:.3f} [{low:.3f}, {high:.3f}]"
