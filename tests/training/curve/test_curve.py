"""The few-label curve: its draws and starts, its table, and the command on a tiny set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import read_card
from ssmamba.checkpoints.checkpoint import load_encoder
from ssmamba.errors import DataError
from tests.training.conftest import TINY
from training import pretrain
from training.curve import __main__ as curve
from training.curve.config import CurveConfig, read_recipe
from training.curve.report import HALVES, draw_figure, entries, verdict
from training.curve.run import plan_jobs
from training.curve.scratch import scratch_file
from training.data.dataset import load_dataset
from training.data.few import few_rows, with_few_labels

MASKED = ["--mask-unit", "8", "--decoder-dim", "32", "--decoder-mixer", "none", "--epochs", "1"]


@pytest.fixture(scope="module")
def pretrained(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("curve") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSMAMBA_SCAN", "torch")
        assert pretrain.main(["--data", str(folder), "--out", str(out), *TINY, *MASKED]) == 0
    return out / "best.safetensors"


def config(pretrained: Path, folder: Path, out: Path, **more: object) -> CurveConfig:
    return CurveConfig(checkpoint=pretrained, data=folder, out=out, **more)  # type: ignore[arg-type]


def test_frozen_features_on_a_tiny_set_and_on_with_more_draws(
    pretrained: Path, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "curve"
    flags = [str(pretrained), "--data", str(folder), "--out", str(out), "--frozen-only"]
    assert curve.main([*flags, "--labels", "all,2", "--draws", "2"]) == 0
    found = json.loads((out / "curve.json").read_text())["frozen"]
    assert list(found) == ["2", "all"]
    for entry in found.values():
        assert entry["draws"] == 2 and {"frozen", "random", "colour"} <= entry.keys()
        gap = entry["frozen"]["balanced_accuracy"] - entry["random"]["balanced_accuracy"]
        assert entry["random"]["difference"] == pytest.approx(gap)
        assert entry["frozen"]["balanced_accuracy"] > 0.5
    assert "| 2 | 2 |" in (out / "curve.md").read_text() and (out / "curve.png").stat().st_size

    measured = json.loads((out / "frozen.json").read_text())
    assert curve.main([*flags, "--labels", "2", "--draws", "3"]) == 2  # the folder is used
    assert curve.main([*flags, "--labels", "2", "--draws", "3", "--resume"]) == 0
    more = json.loads((out / "frozen.json").read_text())
    assert measured.items() < more.items() and len(more) == len(measured) + 3


def test_scratch_differs_in_the_weights_alone(pretrained: Path, tmp_path: Path) -> None:
    first, again, other = (
        scratch_file(pretrained, tmp_path / name, seed)
        for name, seed in (("a", 0), ("b", 0), ("a", 1))
    )
    assert first.read_bytes() == again.read_bytes() != other.read_bytes()
    before, own = load_encoder(pretrained)
    network, card = load_encoder(first)
    assert (card.config, card.input, card.pretraining) == (own.config, own.input, "none")
    assert not card.classifies and not card.reconstructs and card.training_hashes == ()
    weights, others = before.state_dict(), network.state_dict()
    assert {k: v.shape for k, v in weights.items()} == {k: v.shape for k, v in others.items()}
    assert any(not torch.equal(weights[k], others[k]) for k in weights if k.endswith(".weight"))


def test_both_runs_of_a_draw_see_the_same(pretrained: Path, folder: Path, tmp_path: Path) -> None:
    asked = config(pretrained, folder, tmp_path / "out", labels="16,all", draws=2)
    dataset, card = load_dataset(folder, 0, quiet=True), read_card(pretrained)
    recipe = read_recipe(asked)
    jobs = plan_jobs(asked, card, dataset, "16", recipe.flags("16"))
    assert len(jobs) == 4 and len({job.folder for job in jobs.values()}) == 4
    first, second = (vars(jobs["16", 1, start].config) for start in ("pretrained", "scratch"))
    differ = {name for name in first if first[name] != second[name]}
    assert differ == {"init", "name", "out"}
    assert (first["seed"], first["labels_a_class"], first["image_size"]) == (1, 16, 32)
    every = plan_jobs(asked, card, dataset, "all", recipe.flags("all"))
    assert vars(every["all", 0, "scratch"].config)["labels_a_class"] == 0


def test_frozen_probes_learn_from_the_images_that_fine_tuning_gets(folder: Path) -> None:
    dataset = load_dataset(folder, 0, quiet=True)
    few = with_few_labels(dataset, 4, seed=3)
    every = dataset.indices("train")
    assert few.indices("train") == [every[row] for row in few_rows(dataset, 4, seed=3)]
    assert len(few.indices("train")) == 4 * len(dataset.classes)


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ("4,4", "--labels 4,4 must be distinct numbers"),
        ("0,4", "must be distinct numbers of 1 or more, or all"),
        ("", "must be distinct"),
        ("4,5", "says nothing about 5 labels a class, only about 1, 4, 16, 64, all"),
    ],
)
def test_wrong_labels_are_one_sentence(labels: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        read_recipe(config(Path("a"), Path("b"), Path("c"), labels=labels))


def test_a_wrong_recipe_is_named_before_any_training(
    pretrained: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("labels: {4: {epoks: 2}}")
    flags = ["--data", str(folder), "--out", str(tmp_path / "out"), "--recipe", str(recipe)]
    assert curve.main([str(pretrained), *flags, "--labels", "4"]) == 2
    told = capsys.readouterr().err
    assert "4 labels a class" in told and "--epochs" in told


def test_the_verdict_says_ahead_behind_and_neither() -> None:
    rng = np.random.default_rng(0)
    half, groups = HALVES[1], np.arange(400)
    base = (rng.random((5, 400)) < 0.5).astype(float)
    better = np.maximum(base, rng.random((5, 400)) < 0.2)
    values = {
        "1": {"pretrained": better, "scratch": base},
        "4": {"pretrained": base, "scratch": base},
        "all": {"pretrained": base, "scratch": better},
    }
    found = entries(values, half, groups)
    assert found["1"]["scratch"]["difference"] > 0.05
    said = verdict(found, half)
    assert "ahead with 1 labels; behind with all labels; no different beyond chance with 4" in said
    assert len(draw_figure([(half, found)], "title").axes) == 1


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_command_fine_tunes_and_goes_on(pretrained: Path, folder: Path, tmp_path: Path) -> None:
    """Four runs, as processes of their own."""
    recipe, out = tmp_path / "recipe.yaml", tmp_path / "out"
    given = "{size: nano, batch_size: 8, warmup_epochs: 0.5, epochs: 1}"
    recipe.write_text(f"finetune: {given}\nlabels: {{4: {{}}, all: {{}}}}")
    flags = ["--data", str(folder), "--out", str(out), "--recipe", str(recipe), "--draws", "1"]
    assert curve.main([str(pretrained), *flags, "--labels", "4,all"]) == 0
    found = json.loads((out / "curve.json").read_text())
    assert list(found["fine_tuned"]) == ["4", "all"] and not found["failures"]
    tuned = [out / "runs" / "4" / f"{start}-s0" for start in ("pretrained", "scratch")]
    cards = [checkpoint.load(run / "best.safetensors").card for run in tuned]
    assert [card.pretraining for card in cards] == ["mamim", "none"]
    before = (tuned[0] / "best.safetensors").stat().st_mtime_ns
    assert curve.main([str(pretrained), *flags, "--labels", "4", "--resume"]) == 0
    assert (tuned[0] / "best.safetensors").stat().st_mtime_ns == before
