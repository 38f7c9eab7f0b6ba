"""Probes of frozen features: linear probe, neighbours, rank, and maps in two dimensions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import TSNE
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ssmamba.errors import DataError
from training.metrics.classification import accuracy, score_with_intervals

INNER_FOLDS = 3  # in which the strength of the probe's regularisation is chosen
STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)  # C of the logistic regression
PERPLEXITY = 30.0
NEAR = 15  # neighbours of an image in UMAP's graph
SMALLEST = 1e-7
WIDEST = 50  # principal components that t-SNE starts from


def least_groups(count: int) -> int:
    """Fewest groups per class for INNER_FOLDS folds within the training rows of ``count`` folds."""
    found = count
    while found - -(-found // count) < INNER_FOLDS:
        found += 1
    return found


def folds(
    labels: np.ndarray, groups: np.ndarray, count: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """(training rows, held-out rows), stratified by class, each group on one side only.

    Raises DataError when a class has fewer groups than there are folds.
    """
    for number in np.unique(labels):
        found = len(np.unique(groups[labels == number]))
        if found < count:
            raise DataError(
                f"Class number {number} has {found} groups of images, but {count} folds need at "
                f"least {count}; give fewer --folds or another --split."
            )
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    return list(splitter.split(labels, labels, groups))


def logistic_regression(strength: float = 1.0) -> Any:
    """An unfitted logistic regression on standardised features; strength: its C."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=2000))


def nearest_neighbours(k: int) -> Any:
    """An unfitted vote of the ``k`` nearest rows, weighted by cosine distance."""
    return KNeighborsClassifier(k, metric="cosine", weights="distance")


def linear_probe(
    features: np.ndarray, labels: np.ndarray, groups: np.ndarray, count: int, seed: int
) -> np.ndarray:
    """(N, K) held-out probabilities of a logistic regression on standardised features (N, F).

    Its regularisation is chosen within the training rows of each fold.
    """

    def fit(rows: np.ndarray) -> Any:
        inner = folds(labels[rows], groups[rows], INNER_FOLDS, seed)
        probe = logistic_regression()
        search = GridSearchCV(probe, {"logisticregression__C": STRENGTHS}, cv=inner)
        return search.fit(features[rows], labels[rows])

    return _held_out(fit, features, labels, groups, count, seed)


def neighbours(
    features: np.ndarray, labels: np.ndarray, groups: np.ndarray, count: int, seed: int, k: int
) -> np.ndarray:
    """(N, K) held-out votes of the ``k`` nearest training rows, weighted by cosine distance."""

    def fit(rows: np.ndarray) -> Any:
        return nearest_neighbours(min(k, len(rows))).fit(features[rows], labels[rows])

    return _held_out(fit, features, labels, groups, count, seed)


def _held_out(
    fit: Any, features: np.ndarray, labels: np.ndarray, groups: np.ndarray, count: int, seed: int
) -> np.ndarray:
    out = np.zeros((len(labels), int(labels.max()) + 1))
    for train, held in folds(labels, groups, count, seed):
        model = fit(train)
        out[np.ix_(held, model.classes_)] = model.predict_proba(features[held])
    return out


def fold_scores(
    probabilities: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    count: int,
    seed: int,
    resamples: int,
) -> dict[str, Any]:
    """All metrics with intervals, and the accuracy of each fold."""
    each = [
        accuracy(probabilities[held], labels[held])
        for _, held in folds(labels, groups, count, seed)
    ]
    return {
        **score_with_intervals(probabilities, labels, groups, resamples, seed),
        "fold_accuracy": each,
        "fold_accuracy_sd": float(np.std(each, ddof=1)),
    }


def rank_me(features: np.ndarray) -> float:
    """RankMe (Garrido et al. 2023, Eq. 3): exp of the entropy of the singular values' shares.

    features: (N, F); full rank is possible from N = F on. 1 = all on one line, min(N, F) = no
    preferred direction.
    """
    values = np.linalg.svd(features.astype(np.float64), compute_uv=False)
    shares = values / max(values.sum(), SMALLEST) + SMALLEST
    return float(np.exp(-(shares * np.log(shares)).sum()))


def embeddings(features: np.ndarray, seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """(name, (N, 2)) of t-SNE, and of UMAP (McInnes et al. 2018) where umap-learn is installed."""
    standard = StandardScaler().fit_transform(features)
    width = min(WIDEST, *standard.shape)
    compact = PCA(width, random_state=seed).fit_transform(standard)
    perplexity = min(PERPLEXITY, max((len(features) - 1) / 3, 1.0))
    tsne = TSNE(perplexity=perplexity, init="pca", random_state=seed)
    yield "t-SNE", tsne.fit_transform(compact)
    try:
        import umap
    except ImportError:
        return
    near = min(NEAR, len(features) - 1)
    mapper = umap.UMAP(n_neighbors=near, init="pca", random_state=seed, n_jobs=1)
    yield "UMAP", mapper.fit_transform(compact)
