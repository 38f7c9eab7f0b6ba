"""How well the origin of an image (its group, its batch) predicts its class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.data.catalog import Item
from training.data.split import split_items

BATCHES = 8  # clusters of background colour
SHUFFLES = 200
CHANCE_LEVEL = 99  # percentile of shuffled labels above which a link is not chance


@dataclass(frozen=True)
class GroupLink:
    """Groups as the manifest gives them."""

    groups: int
    images: int  # that have a group
    single_class: float  # share of the groups of two or more images with a single class
    neighbour_split: float  # accuracy of the most similar training image's class, this split
    neighbour_random: float  # the same with a random split that cuts groups apart


@dataclass(frozen=True)
class BatchLink:
    """Images clustered by background colour, as a substitute for batches."""

    information: float  # normalised mutual information with the class, 0..1
    chance: float  # CHANCE_LEVEL percentile of the same with shuffled labels
    accuracy: float  # on the test side, naming each cluster's commonest class


def group_link(
    items: list[Item],
    histograms: np.ndarray,
    labels: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    seed: int,
) -> GroupLink | None:
    """None without groups. histograms: (N, F) colour histograms; labels: (N,) numbers."""
    members: dict[str, list[str]] = {}
    for item in items:
        if item.group:
            members.setdefault(item.group, []).append(item.label)
    if not members:
        return None
    single = [len(set(found)) == 1 for found in members.values() if len(found) > 1]
    loose = split_items([Item(i.path, i.label) for i in items], seed)
    apart = np.array(loose["train"]), np.array(loose["test"])
    return GroupLink(
        len(members),
        sum(map(len, members.values())),
        float(np.mean(single or [True])),
        _nearest_class(histograms, labels, train, test),
        _nearest_class(histograms, labels, *apart),
    )


def batch_link(
    backgrounds: np.ndarray, labels: np.ndarray, train: np.ndarray, test: np.ndarray, seed: int
) -> BatchLink:
    """backgrounds: (N, F), the first three columns the mean colour; labels: (N,) numbers."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import normalized_mutual_info_score as information

    means = KMeans(min(BATCHES, len(backgrounds)), n_init=4, random_state=seed)
    batches = means.fit_predict(backgrounds[:, :3])
    rng = np.random.default_rng([seed, 13])
    shuffled = [information(rng.permutation(labels), batches) for _ in range(SHUFFLES)]
    named = _commonest(batches[train], labels[train])
    return BatchLink(
        float(information(labels, batches)),
        float(np.percentile(shuffled, CHANCE_LEVEL)),
        float((named[batches[test]] == labels[test]).mean()),
    )


def _commonest(batches: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(BATCHES,) class numbers; an unseen batch takes the commonest class of all."""
    out = np.full(BATCHES, np.bincount(labels).argmax())
    for batch in np.unique(batches):
        out[batch] = np.bincount(labels[batches == batch]).argmax()
    return out


def _nearest_class(
    histograms: np.ndarray, labels: np.ndarray, train: np.ndarray, test: np.ndarray
) -> float:
    """Accuracy of the class of the training image with the closest histogram (Hellinger)."""
    roots = np.sqrt(histograms)
    hits = 0
    for start in range(0, len(test), 1024):
        rows = test[start : start + 1024]
        nearest = (roots[rows] @ roots[train].T).argmax(1)
        hits += int((labels[train][nearest] == labels[rows]).sum())
    return hits / max(len(test), 1)
