"""Frozen features: probes that keep groups whole, RankMe, the map, and the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ssmamba.errors import DataError
from tests.training.conftest import TINY
from training import pretrain
from training.probe import __main__ as probe
from training.probe.features import (
    embeddings,
    fold_scores,
    folds,
    least_groups,
    linear_probe,
    neighbours,
    rank_me,
)

# umap-learn says so as it is imported
pytestmark = pytest.mark.filterwarnings("ignore:Tensorflow not installed:ImportWarning")


def clusters(groups_a_class: int, spread: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two classes; each group of four rows has a place of its own."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], groups_a_class * 4)
    groups = np.repeat(np.arange(2 * groups_a_class), 4)
    places = rng.normal(0, 1, (2 * groups_a_class, 6))[groups]
    features = places + spread * (2 * labels[:, None] - 1) + rng.normal(0, 0.01, (len(labels), 6))
    return features.astype(np.float32), labels, groups


def test_groups_are_whole_in_every_fold() -> None:
    _, labels, groups = clusters(10, 0)
    held_out = []
    for train, held in folds(labels, groups, 5, seed=1):
        assert not set(groups[train]) & set(groups[held])
        held_out += held.tolist()
    assert sorted(held_out) == list(range(len(labels)))
    with pytest.raises(DataError, match="10 groups of images, but 11 folds"):
        folds(labels, groups, 11, seed=1)


def test_the_least_groups_leave_enough_for_the_inner_folds() -> None:
    assert [least_groups(n) for n in (2, 3, 5, 10)] == [6, 5, 5, 10]


def test_copies_of_one_field_tell_nothing_and_classes_tell_all() -> None:
    """Features that know the group but not the class would score 1 if groups were torn apart."""
    features, labels, groups = clusters(30, 0.0)
    near = neighbours(features, labels, groups, 5, 0, k=3)
    assert fold_scores(near, labels, groups, 5, 0, 10)["accuracy"] < 0.75
    features, labels, groups = clusters(30, 6.0)
    for found in (
        linear_probe(features, labels, groups, 5, 0),
        neighbours(features, labels, groups, 5, 0, k=3),
    ):
        scores = fold_scores(found, labels, groups, 5, 0, 10)
        assert scores["accuracy"] == 1 and len(scores["fold_accuracy"]) == 5


def test_rank_me_counts_directions() -> None:
    rng = np.random.default_rng(0)
    assert rank_me(np.outer(rng.normal(size=50), rng.normal(size=8))) == pytest.approx(1, abs=0.01)
    assert rank_me(np.linalg.qr(rng.normal(size=(50, 8)))[0]) == pytest.approx(8, abs=0.01)


def test_maps_keep_classes_apart() -> None:
    features, labels, _ = clusters(10, 12.0)
    name, places = next(embeddings(features, seed=0))
    assert name == "t-SNE"
    assert_apart(places, labels)


@pytest.mark.timeout(900)  # umap-learn compiles for a minute
def test_a_umap_is_drawn_where_it_is_installed() -> None:
    pytest.importorskip("umap", reason="needs umap-learn: pip install '.[umap]'")
    features, labels, _ = clusters(10, 12.0)
    first, again = (dict(embeddings(features, seed=0))["UMAP"] for _ in range(2))
    assert_apart(first, labels)
    assert np.array_equal(first, again)


def assert_apart(places: np.ndarray, labels: np.ndarray) -> None:
    """The nearest other point is of the same class."""
    gaps = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(gaps, np.inf)
    assert places.shape == (len(labels), 2)
    assert (labels[gaps.argmin(1)] == labels).mean() > 0.95


def test_the_command_on_a_pretrained_encoder(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = tmp_path / "run", tmp_path / "probe"
    flags = ["--data", str(folder), "--out", str(run), *TINY, "--epochs", "1", "--mask-unit", "16"]
    assert pretrain.main(flags) == 0
    model = str(run / "best.safetensors")
    flags = [model, "--data", str(folder), "--out", str(out), "--folds", "2", "--resamples", "20"]
    assert probe.main(flags) == 2  # 8 test images are too few for the inner folds
    told = capsys.readouterr().err
    assert "2 folds need 6 groups" in told and "Round 4, Striped 4; give fewer --folds" in told
    assert probe.main([*flags, "--split", "all"]) == 2
    assert "used to train" in capsys.readouterr().err and not out.exists()
    assert probe.main([*flags, "--split", "all", "--allow-overlap"]) == 0
    result = json.loads((out / "probe.json").read_text())
    assert result["n"] == 40 and result["features"] == 128 and result["pretraining"] == "mamim"
    for name in ("linear", "knn"):
        low, high = result[name]["accuracy_ci"]
        assert low <= result[name]["accuracy"] <= high
    assert 1 <= result["rank_me"] <= result["rank_me_most"] == 40
    assert (out / "probe.png").stat().st_size > 5_000
