"""Audit of one data folder: its measurements and the findings in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssmamba.errors import DataError
from training.audit.batches import BatchLink, GroupLink, batch_link, group_link
from training.audit.config import AuditConfig
from training.audit.copies import Copies, all_copies, few_enough, split_of_each
from training.audit.cues import CueScore, colour_cues, commonest_share, file_cues, score_cue
from training.data.dataset import ALL, Dataset, load_dataset
from training.data.scan import unusual_modes
from training.loop.progress import Progress

SURE = 0.05  # a cue's interval must be this far above the commonest class to be reported


@dataclass(frozen=True)
class Audit:
    """All findings on one data folder."""

    dataset: Dataset
    modes: str  # images that are not 8-bit RGB, in one line
    copies: tuple[Copies, ...]
    cues: tuple[CueScore, ...]
    commonest: float  # accuracy of naming the commonest class
    looked_at: int  # images whose colours were measured
    backgrounds: dict[str, np.ndarray]  # class key -> (n, 3) mean background colours
    groups: GroupLink | None
    batches: BatchLink

    @property
    def findings(self) -> list[str]:
        """Caveats of an accuracy on this data, worst first."""
        return [*_on_copies(self), *_on_cues(self), *_on_origin(self)]


def audit_folder(config: AuditConfig) -> Audit:
    """Raises DataError when images cannot be read, or when a split or the labels are missing.

    Copies under two labels or in two splits are findings, not errors.
    """
    seed, info = config.split_seed, config.dataset_info
    dataset = load_dataset(config.data, seed, info, conflicts_allowed=True)
    if len(dataset.classes) < 2 or not dataset.splits["train"] or not dataset.splits["test"]:
        raise DataError(
            f"{config.data} needs two classes, and images in the train and the test split; add "
            "some."
        )
    total = 2 * len(dataset.catalog.items)
    with Progress("Searching for copies", total, not config.copies) as progress:
        copies = all_copies(dataset, config.copies, progress.update)
    rows = _sample(dataset, config)
    sides = np.array(split_of_each(dataset))[rows]
    train, test = (np.flatnonzero(sides == side) for side in ("train", "test"))
    items = [dataset.catalog.items[i] for i in rows]
    labels, groups = dataset.labels(ALL)[rows], dataset.groups(ALL)[rows]
    with Progress("Measuring colours", len(items)) as progress:
        features = colour_cues([dataset.catalog.file(i) for i in items], progress.update)
    histograms, backgrounds = features["colour histogram"], features["background"]
    features |= file_cues([dataset.scan.files[i] for i in rows])
    with Progress("Predicting from one cue", len(features)) as progress:
        scores = []
        for name, values in features.items():
            args = (labels, groups, train, test, config.seed, config.resamples)
            scores.append(score_cue(name, values, *args))
            progress.update(len(scores))
    return Audit(
        dataset,
        unusual_modes([item.path for item in dataset.catalog.items], dataset.scan.files),
        tuple(copies),
        tuple(scores),
        commonest_share(labels, train, test),
        len(items),
        {key: backgrounds[labels == k, :3] for k, key in enumerate(dataset.classes)},
        group_link(items, histograms, labels, train, test, config.seed),
        batch_link(backgrounds, labels, train, test, config.seed),
    )


def _sample(dataset: Dataset, config: AuditConfig) -> np.ndarray:
    count = len(dataset.catalog.items)
    if not config.most or count <= config.most:
        return np.arange(count)
    rng = np.random.default_rng([config.seed, 17])
    return np.sort(rng.permutation(count)[: config.most])


def _on_copies(audit: Audit) -> list[str]:
    test = max(len(audit.dataset.indices("test")), 1)
    found = []
    for kind in audit.copies:
        if kind.across_sides:
            found.append(
                f"{len(kind.across_sides)} pairs of {kind.kind} are in different splits: "
                f"{kind.test_images} of {test} test images ({kind.test_images / test:.1%}) have a "
                "copy in training or validation."
            )
        if kind.across_labels:
            found.append(f"{len(kind.across_labels)} pairs of {kind.kind} have different labels.")
    if not few_enough(audit.dataset):
        found.append(
            f"Near-duplicates were not searched for: {len(audit.dataset.catalog.items):,} images "
            "are too many to compare all pairs."
        )
    return found


def _on_cues(audit: Audit) -> list[str]:
    strong = [c for c in audit.cues if c.accuracy_ci[0] > audit.commonest + SURE]
    return [
        f"The {cue.name} alone predicts the class with accuracy {cue.accuracy:.3f} "
        f"[{cue.accuracy_ci[0]:.3f}, {cue.accuracy_ci[1]:.3f}] (commonest class "
        f"{audit.commonest:.3f}): only what a model reaches above that counts."
        for cue in sorted(strong, key=lambda c: -c.accuracy)
    ]


def _on_origin(audit: Audit) -> list[str]:
    found = []
    link, batches = audit.groups, audit.batches
    if link is None:
        found.append("No groups are known, so images of one patient may be in several splits.")
    elif link.neighbour_random - link.neighbour_split > SURE:
        found.append(
            "A random split that breaks up groups flatters: the class of the most similar image is "
            f"right for {link.neighbour_random:.3f} of the test images, against "
            f"{link.neighbour_split:.3f} with groups kept whole."
        )
    if batches.information > batches.chance:
        found.append(
            f"Background colour and class are linked (normalised mutual information "
            f"{batches.information:.3f}, chance below {batches.chance:.3f}): batches of staining "
            "or acquisition may predict classes."
        )
    return found
