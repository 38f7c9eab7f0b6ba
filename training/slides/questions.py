"""What is asked of a slide: a class, a grade or a stage, or how long its patient lives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from sklearn.metrics import cohen_kappa_score
from torch import Tensor
from torch.nn.functional import cross_entropy

from ssmamba.errors import DataError
from training.loop.task import Score
from training.metrics.calibration import softmax
from training.metrics.classification import accuracy, auc, balanced_accuracy, macro_f1, nll
from training.slides.cohort import Cohort
from training.slides.folds import Fold
from training.slides.survival import (
    bin_edges,
    bin_of,
    c_index,
    kaplan_meier,
    likelihood_loss,
    log_rank,
    outliving,
    risk,
)


class SlideQuestion(Protocol):
    """Loss and measures of one question; rows are those of the cohort's slides."""

    @property
    def outputs(self) -> int:
        """Logits of the head."""
        ...

    def loss(self, logits: Tensor, row: int) -> Tensor:
        """Of one slide; logits (outputs,)."""
        ...

    def score(self, logits: np.ndarray, rows: np.ndarray) -> dict[str, float]:
        """Measures over patients whose logits (n, outputs) are means over their slides."""
        ...

    def tests(self, logits: np.ndarray, rows: np.ndarray) -> dict[str, float]:
        """Further numbers over the same patients, which have no interval."""
        ...

    def better(self, metrics: dict[str, float]) -> Score:
        """Larger is better; chooses the epoch."""
        ...

    def columns(self, logits: np.ndarray) -> dict[str, np.ndarray]:
        """The answers as columns (n,) of a table."""
        ...

    def card_entry(self) -> dict[str, Any]:
        """What the card says of the question."""
        ...


@dataclass(frozen=True)
class Classes:
    """Classes without order, or grades and stages with one (quadratic kappa)."""

    names: tuple[str, ...]
    labels: np.ndarray  # (N,) int64, of the cohort's slides
    ordered: bool

    @property
    def outputs(self) -> int:
        return len(self.names)

    def loss(self, logits: Tensor, row: int) -> Tensor:
        label = torch.tensor(self.labels[row], device=logits.device)
        return cross_entropy(logits.float(), label)

    def score(self, logits: np.ndarray, rows: np.ndarray) -> dict[str, float]:
        probabilities, labels = softmax(logits), self.labels[rows]
        found = {
            "macro_f1": macro_f1(probabilities, labels),
            "accuracy": accuracy(probabilities, labels),
            "balanced_accuracy": balanced_accuracy(probabilities, labels),
            "auc": auc(probabilities, labels),
            "nll": nll(probabilities, labels),
        }
        if self.ordered:
            kappa = quadratic_kappa(probabilities.argmax(1), labels, self.outputs)
            return {"kappa": kappa, **found}
        return found

    def tests(self, logits: np.ndarray, rows: np.ndarray) -> dict[str, float]:
        return {}

    def better(self, metrics: dict[str, float]) -> Score:
        first = metrics["kappa"] if self.ordered else metrics["macro_f1"]
        return (_ranked(first, -2.0), -metrics["nll"])

    def columns(self, logits: np.ndarray) -> dict[str, np.ndarray]:
        probabilities = softmax(logits)
        answers = np.array(self.names)[probabilities.argmax(1)]
        each = zip(self.names, probabilities.T, strict=True)
        return {"answer": answers, **{f"p_{name}": column for name, column in each}}

    def card_entry(self) -> dict[str, Any]:
        return {"question": "grades" if self.ordered else "classes"}


@dataclass(frozen=True)
class Survival:
    """Time to an event, in bins whose edges are the training slides' (Pixel-Mamba Eq. 2)."""

    times: np.ndarray  # (N,) float64, of the cohort's slides
    events: np.ndarray  # (N,) bool
    edges: np.ndarray  # (bins - 1,)
    curve: dict[str, list[float]]  # Kaplan-Meier's, of the training slides' patients

    @property
    def outputs(self) -> int:
        return len(self.edges) + 1

    def loss(self, logits: Tensor, row: int) -> Tensor:
        at = int(bin_of(self.times[row : row + 1], self.edges)[0])
        return likelihood_loss(logits, at, bool(self.events[row]))

    def score(self, logits: np.ndarray, rows: np.ndarray) -> dict[str, float]:
        times, events = self.times[rows], self.events[rows]
        losses = [
            float(likelihood_loss(torch.from_numpy(own), int(at), bool(event)))
            for own, at, event in zip(logits, bin_of(times, self.edges), events, strict=True)
        ]
        return {
            "c_index": c_index(times, risk(logits), events),
            "nll": float(np.mean(losses)),
        }

    def tests(self, logits: np.ndarray, rows: np.ndarray) -> dict[str, float]:
        return {"log_rank_p": log_rank(self.times[rows], risk(logits), self.events[rows])}

    def better(self, metrics: dict[str, float]) -> Score:
        return (_ranked(metrics["c_index"], 0.5), -metrics["nll"])

    def columns(self, logits: np.ndarray) -> dict[str, np.ndarray]:
        bins = {f"alive_after_bin_{n}": p for n, p in enumerate(outliving(logits).T, start=1)}
        return {"risk": risk(logits), **bins}

    def card_entry(self) -> dict[str, Any]:
        edges = [float(edge) for edge in self.edges]
        return {"question": "survival", "edges": edges, "kaplan_meier": self.curve}


def _ranked(value: float, unknown: float) -> float:
    """A measure as it decides between epochs: hairs apart are equal, and NaN is ``unknown``."""
    return unknown if math.isnan(value) else round(float(value), 6)


def make_question(cohort: Cohort, kind: str, fold: Fold, bins: int) -> SlideQuestion:
    """The question to a cohort, its bins from the fold's training slides. Raises DataError."""
    if kind == "survival":
        times = np.array([slide.time for slide in cohort.slides], float)
        events = np.array([slide.event for slide in cohort.slides], bool)
        rows = one_a_patient(cohort, fold.train)
        edges = bin_edges(times[rows], events[rows], bins)
        return Survival(times, events, edges, kaplan_meier(times[rows], events[rows]))
    names = class_names(cohort, ordered=kind == "grades")
    labels = np.array([names.index(slide.label) for slide in cohort.slides])
    absent = [n for at, n in enumerate(names) if at not in labels[fold.train]]
    if absent:
        raise DataError(
            f"No training slide is of class {', '.join(absent)}; give fewer --folds, or more "
            "patients of it."
        )
    return Classes(names, labels, kind == "grades")


def class_names(cohort: Cohort, ordered: bool) -> tuple[str, ...]:
    """The labels in order: by number where all grades are numbers, else by name."""
    names = {slide.label for slide in cohort.slides}
    if len(names) < 2:
        raise DataError(f"All slides have the label {', '.join(names)}; two classes are needed.")
    try:
        return tuple(sorted(names, key=float)) if ordered else tuple(sorted(names))
    except ValueError:
        return tuple(sorted(names))


def strata_of(cohort: Cohort, kind: str) -> np.ndarray:
    """(N,) int64: what folds have the same shares of."""
    if kind == "survival":
        return np.array([bool(slide.event) for slide in cohort.slides], int)
    names = class_names(cohort, ordered=kind == "grades")
    return np.array([names.index(slide.label) for slide in cohort.slides])


def one_a_patient(cohort: Cohort, rows: np.ndarray) -> np.ndarray:
    """The first of each patient's rows, in order."""
    patients = [cohort.slides[row].patient for row in rows]
    return np.array([row for at, row in enumerate(rows) if patients.index(patients[at]) == at], int)


def by_patient(
    cohort: Cohort, rows: np.ndarray, logits: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Rows (p,), one a patient, and the means (p, K) of the logits (n, K) of its slides."""
    patients = np.array([cohort.slides[row].patient for row in rows])
    firsts = one_a_patient(cohort, rows)
    means = [logits[patients == cohort.slides[row].patient].mean(0) for row in firsts]
    return firsts, np.stack(means)


def quadratic_kappa(answers: np.ndarray, labels: np.ndarray, grades: int) -> float:
    """Cohen's kappa with quadratic weights; NaN where all answers and labels are one grade."""
    if len(np.unique(np.concatenate([answers, labels]))) < 2:
        return float("nan")
    weighted = cohen_kappa_score(labels, answers, labels=range(grades), weights="quadratic")
    return float(weighted)
