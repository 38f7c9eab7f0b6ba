"""Classifiers compared on the same changed images: checked, measured and reported."""

from __future__ import annotations

import numpy as np

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Card, file_sha256, read_card, require_classes
from ssmamba.checkpoints.labels import labels_of
from ssmamba.errors import DataError, did_you_mean
from training.config import listed
from training.data.catalog import refuse_out
from training.data.dataset import Dataset, load_dataset, load_images, split_title
from training.evaluation.matching import class_order, refuse_overlap
from training.loop.progress import Progress, console
from training.robustness.changes import CHANGES
from training.robustness.config import RobustnessConfig
from training.robustness.measure import Measured, Pictures, Subject, measure
from training.robustness.report import summary_table, write_report
from training.runs.device import make_fabric


def compare(config: RobustnessConfig) -> None:
    """Measure all checkpoints and write the table and the plot. Raises DataError."""
    kinds = _kinds(config)
    refuse_out(config.data, config.out)
    cards = [read_card(path) for path in config.checkpoints]
    for path, card in zip(config.checkpoints, cards, strict=True):
        require_classes(card, path)
    dataset = load_dataset(config.data, _split_seed(config, cards), config.dataset_info)
    for card in cards:
        refuse_overlap(card, dataset, config.split, config.allow_overlap)
    pictures = _pictures(config, dataset)
    results = _measure(config, cards, dataset, pictures, kinds)
    count = len(pictures.labels)
    where = split_title(config.split)
    title = f"Robustness on {dataset.info.name}: {where}, {count} images"
    console.print(summary_table(results, title))
    notes = [
        f"{name}: `{path}`, sha256 {file_sha256(path)[:12]}"
        for name, path in zip(labels_of(config.checkpoints, cards), config.checkpoints, strict=True)
    ]
    notes.append(f"Split seed {dataset.split_seed}; seed {config.seed}.")
    for path in write_report(results, title, config.out, notes):
        console.print(f"Wrote {path}")


def _measure(
    config: RobustnessConfig,
    cards: list[Card],
    dataset: Dataset,
    pictures: Pictures,
    kinds: list[str],
) -> list[Measured]:
    fabric = make_fabric(config.accelerator, config.precision)
    names = labels_of(config.checkpoints, cards)
    subjects = []
    for path, name in zip(config.checkpoints, names, strict=True):
        found = checkpoint.load(path, fabric.device)
        order = class_order(found.card, dataset)
        subjects.append(Subject(name, found.card, found.model, order))
    points = 1 + sum(len(CHANGES[kind].levels) for kind in kinds)
    with Progress("Measuring", points * len(subjects)) as progress, fabric.autocast():
        return measure(subjects, pictures, kinds, config, progress.update)


def _pictures(config: RobustnessConfig, dataset: Dataset) -> Pictures:
    """At most --images of the split, at full size."""
    count = len(dataset.indices(config.split))
    if not count:
        raise DataError(f"The {config.split} split is empty; give another --split.")
    rows = np.arange(count)
    if 0 < config.images < count:
        rows = np.sort(np.random.default_rng(config.seed).permutation(count)[: config.images])
    items = dataset.items(config.split)
    return Pictures(
        load_images([dataset.catalog.file(items[row]) for row in rows], dataset.full_side()),
        dataset.labels(config.split)[rows],
        dataset.groups(config.split)[rows],
        dataset.stain_basis(config.stain_basis),
    )


def _split_seed(config: RobustnessConfig, cards: list[Card]) -> int:
    if config.split_seed is not None:
        return config.split_seed
    seeds = {int(card.dataset.get("split_seed", 0)) for card in cards}
    if len(seeds) > 1:
        raise DataError(
            f"The checkpoints were trained on different splits (seeds {sorted(seeds)}); use "
            "those of one split, or give --split-seed."
        )
    return seeds.pop()


def _kinds(config: RobustnessConfig) -> list[str]:
    asked = listed(config.only)
    for name in asked:
        if name not in CHANGES:
            raise DataError(f"--only: unknown change '{name}'{did_you_mean(name, CHANGES)}.")
    return asked or list(CHANGES)
