"""The guard of a pre-training: are its frozen features worth more than what needs no training?

Two probes with few labels read the encoder's features, those of the same network before the first
step, and colour histograms. A loss that falls says nothing about that: an encoder that learns to
fill in colours can lose what random weights already tell apart.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from rich.table import Table
from torch import nn

from ssmamba.files import read_json, write_json
from ssmamba.models.batchnorm import reestimate_bn
from training.data.dataset import Dataset, load_images
from training.data.few import draw
from training.evaluation.forest import colour_histograms
from training.evaluation.tables import terminal_table
from training.loop.progress import console
from training.methods.base import Material
from training.probe.features import rank_me
from training.probe.few_labels import (
    DRAWS,
    LABELS,
    NEIGHBOURS,
    PROBES,
    Features,
    Images,
    answers,
    difference,
    score,
)
from training.probe.measure import frozen_features
from training.probe.picture import draw_guard

FILE, PICTURE = "probe.json", "probe.png"
POOL = 64  # images a class that may lend their labels
MOST = 512  # of them over all classes, unless a draw needs more; as many are asked
CLEAN_BATCHES = 8  # over which BatchNorm's statistics of clean images are averaged
CHUNK = 128  # images at full size at once
OWN, RANDOM, COLOUR = "encoder", "random", "colour"
TITLES = {OWN: "this encoder", RANDOM: "random weights", COLOUR: "colour histograms"}
PROBE_TITLES = {"linear": "logistic regression", "knn": f"{NEIGHBOURS} nearest neighbours"}


@dataclass(frozen=True)
class Sample:
    """Images of a split, chosen."""

    dataset: Dataset
    split: str
    rows: np.ndarray

    @property
    def images(self) -> Images:
        every = Images(self.dataset.labels(self.split), self.dataset.groups(self.split))
        return every.some(self.rows)

    def pixels(self, side: int, rows: slice = slice(None)) -> np.ndarray:
        """(N, side, side, 3) uint8."""
        items = self.dataset.items(self.split)
        files = [self.dataset.catalog.file(items[row]) for row in self.rows[rows]]
        return load_images(files, side)

    def histograms(self) -> np.ndarray:
        """(N, F) colour histograms at full size."""
        side, starts = self.dataset.full_side(), range(0, len(self.rows), CHUNK)
        parts = [self.pixels(side, slice(start, start + CHUNK)) for start in starts]
        return np.concatenate([colour_histograms(part) for part in parts])


def open_guard(
    material: Material, labelled: Dataset, encoder: nn.Module, device: torch.device
) -> Guard | None:
    """The guard of a run, with the scores of the untrained ``encoder`` and of colour.

    None, with a line that says why, where there are no labels to probe with.
    """
    if why := _useless(labelled):
        console.print(f"The frozen features are not probed: {why}.")
        return None
    return Guard(material, labelled, encoder, device)


def _useless(dataset: Dataset) -> str:
    """Why the labels of a data set cannot tell features apart; "" where they can."""
    if len(dataset.classes) < 2:
        return "the images have no labels (one class)"
    for split in ("train", "val"):
        if len(np.unique(dataset.labels(split))) < 2:
            return f"the {split} split has images of fewer than two classes"
    return ""


class Guard:
    """Probes of a run's encoder against its own random start and against colour.

    Labels are lent by images of the training split and asked of the validation split, so no group
    is on both sides and the test split stays unopened.
    """

    def __init__(
        self, material: Material, dataset: Dataset, encoder: nn.Module, device: torch.device
    ) -> None:
        self.material, self.dataset, self.device = material, dataset, device
        self.folder = material.config.out
        before = read_json(self.folder / FILE) if material.config.resume else None
        self.history: list[dict[str, Any]] = (before or {}).get("probes", [])
        self._known, self._asked = _samples(dataset)
        side = material.spec.window_px
        self._pixels = self._known.pixels(side), self._asked.pixels(side)
        console.print("Probing the features of random weights and of colour")
        start = self._features(encoder)
        colour = Features(self._known.histograms(), self._asked.histograms())
        self._start_rank = _rank(start)
        self._others = {RANDOM: self._answers(start), COLOUR: self._answers(colour)}

    def look(self, encoder: nn.Module, epoch: int) -> None:
        """Probe the encoder after an epoch, where one is due."""
        every = self.material.config.probe_every
        self.history = [found for found in self.history if found["epoch"] < epoch]
        last = self.history[-1]["epoch"] if self.history else 0
        if every and epoch // every > last // every:
            self._probe(encoder, epoch)

    def final(self, encoder: nn.Module, epoch: int) -> dict[str, Any]:
        """The card's entry about the chosen weights, those of ``epoch``: printed, with a warning
        where they are worth less than no training."""
        known = [found for found in self.history if found["epoch"] == epoch]
        found = known[-1] if known else self._probe(encoder, epoch)
        console.print(_table(found, self._title()))
        if told := warning(found):
            console.print(told)
        console.print(f"Wrote {self.folder / PICTURE}")
        return found

    def _probe(self, encoder: nn.Module, epoch: int) -> dict[str, Any]:
        features = self._features(encoder)
        given = {OWN: self._answers(features), **self._others}
        groups = self._asked.images.groups
        found: dict[str, Any] = {
            "dataset": self.dataset.info.name,
            "epoch": epoch,
            "labels_a_class": LABELS,
            "draws": DRAWS,
            "neighbours": NEIGHBOURS,
            "n": len(groups),
            "groups": len(np.unique(groups)),
            "rank_me": {OWN: _rank(features), RANDOM: self._start_rank},
        }
        for probe in PROBES:
            found[probe] = {name: score(each[probe], groups) for name, each in given.items()}
            for name in self._others:
                gap = difference(given[OWN][probe], given[name][probe], groups)
                found[probe][name] |= gap
        self.history = sorted([*self.history, found], key=lambda each: each["epoch"])
        write_json(self.folder / FILE, {"probes": self.history})
        draw_guard(self.history, TITLES, PROBE_TITLES, self._title()).savefig(
            self.folder / PICTURE, dpi=150
        )
        _tell(found)
        return found

    def _features(self, encoder: nn.Module) -> Features:
        """Features of a copy, whose BatchNorm has the statistics of clean, whole images."""
        own = deepcopy(encoder).to(self.device)
        batches = self.material.clean_batches(CLEAN_BATCHES)
        reestimate_bn(own, (batch.to(self.device) for batch in batches))
        known, asked = (frozen_features(own, each, self.material.spec) for each in self._pixels)
        return Features(known, asked)

    def _answers(self, features: Features) -> dict[str, np.ndarray]:
        return answers(features, self._known.images, self._asked.images, LABELS, DRAWS, seed=0)

    def _title(self) -> str:
        return f"{self.dataset.info.name}: frozen features, {LABELS} labels a class"


def _samples(dataset: Dataset) -> tuple[Sample, Sample]:
    """Images that lend labels, and images that are asked; the same for the same split."""
    rng = np.random.default_rng(0)
    a_class = max(LABELS, min(POOL, MOST // len(dataset.classes)))
    asked = rng.permutation(len(dataset.indices("val")))[:MOST]
    known = draw(dataset.labels("train"), dataset.groups("train"), a_class, rng)
    return Sample(dataset, "train", np.sort(known)), Sample(dataset, "val", np.sort(asked))


def _rank(features: Features) -> float:
    return rank_me(np.concatenate([features.known, features.asked]))


def warning(found: dict[str, Any]) -> str:
    """A line for features that are worth less than random weights or colour; "" for others.

    found: an entry of the card, as ``Guard.final`` returns it.
    """
    worse = [
        f"{PROBE_TITLES[probe]} {_gap(found[probe][name])} against {TITLES[name]}"
        for probe in PROBES
        for name in (RANDOM, COLOUR)
        if found[probe][name]["difference"] < 0
    ]
    if not worse:
        return ""
    return (
        "Warning: these frozen features separate the classes less well than what needs no "
        f"pre-training ({'; '.join(worse)}). Compare a classifier that starts from them with one "
        "trained from scratch before you rely on them."
    )


def _gap(entry: dict[str, Any]) -> str:
    """ "−5.8 points [−8.1, −3.4]"."""
    low, high = (f"{100 * end:+.1f}" for end in entry["difference_ci"])
    return f"{100 * entry['difference']:+.1f} points [{low}, {high}]".replace("-", "−")


def _tell(found: dict[str, Any]) -> None:
    parts = [
        f"{PROBE_TITLES[probe]} "
        + ", ".join(f"{TITLES[n]} {e['balanced_accuracy']:.3f}" for n, e in found[probe].items())
        for probe in PROBES
    ]
    console.print(f"Frozen features after epoch {found['epoch']}: {'; '.join(parts)}")


def _table(found: dict[str, Any], title: str) -> Table:
    """Balanced accuracies and differences with intervals, for the terminal."""
    rows = []
    for probe, shown in PROBE_TITLES.items():
        for name, entry in found[probe].items():
            gap = _gap(entry) if "difference" in entry else ""
            rows.append((shown, TITLES[name], _accuracy(entry), gap))
    ranks = ", ".join(f"{TITLES[name]} {rank:.0f}" for name, rank in found["rank_me"].items())
    caption = (
        f"{found['n']} validation images, mean of {found['draws']} draws of the labels, 95 % "
        f"intervals; RankMe: {ranks}"
    )
    head = ("probe", "features", "balanced accuracy", "this encoder minus the row")
    return terminal_table(head, rows, f"{title}, epoch {found['epoch']}", caption)


def _accuracy(entry: dict[str, Any]) -> str:
    low, high = entry["balanced_accuracy_ci"]
    return f"{entry['balanced_accuracy']:.3f} [{low:.3f}, {high:.3f}]"
