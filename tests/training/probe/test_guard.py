"""The guard of a pre-training: its entry, its files, its warning, and where it has no labels."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ssmamba.checkpoints.card import read_card
from tests.training.conftest import TINY
from tests.training.pictures import picture, write_png
from training import pretrain
from training.probe.guard import warning

FLAGS = [*TINY, "--mask-unit", "8", "--decoder-dim", "32"]


def run(data: Path, out: Path, *more: str) -> int:
    return pretrain.main(["--data", str(data), "--out", str(out), *FLAGS, *more])


@pytest.fixture(scope="module")
def guarded(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three epochs, probed after the second and at the end."""
    out = tmp_path_factory.mktemp("guard") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSMAMBA_SCAN", "torch")
        flags = ["--epochs", "3", "--probe-every", "2", "--lr", "2e-3", "--batch-norm"]
        assert run(folder, out, *flags) == 0
    return out


def losses(out: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (out / "log.jsonl").read_text().splitlines()]


def test_the_card_tells_what_the_frozen_features_are_worth(guarded: Path) -> None:
    card = read_card(guarded / "best.safetensors")
    found = card.metrics["probe"]
    assert found["labels_a_class"] == 16 and found["n"] == found["groups"] == 4
    assert found["epoch"] == card.training["best_epoch"]
    for probe in ("linear", "knn"):
        own, random, colour = (found[probe][name] for name in ("encoder", "random", "colour"))
        for other in (random, colour):
            gap = own["balanced_accuracy"] - other["balanced_accuracy"]
            assert other["difference"] == pytest.approx(gap)
            low, high = other["difference_ci"]
            assert low <= other["difference"] <= high
    assert 1 <= found["rank_me"]["encoder"] <= 32


def test_probes_are_in_the_run_folder_by_epoch(guarded: Path) -> None:
    probes = json.loads((guarded / "probe.json").read_text())["probes"]
    best = read_card(guarded / "best.safetensors").training["best_epoch"]
    assert [found["epoch"] for found in probes] == sorted({2, best})
    assert (guarded / "probe.png").stat().st_size > 5_000


def test_the_guard_watches_and_does_not_touch(guarded: Path, folder: Path, tmp_path: Path) -> None:
    """The same losses as without probes on the way, and the same probes after a resumed run."""
    flags = ["--epochs", "3", "--lr", "2e-3", "--batch-norm"]
    assert run(folder, tmp_path / "run", *flags) == 0
    assert losses(tmp_path / "run") == losses(guarded)
    again = tmp_path / "again"
    shutil.copytree(guarded, again)
    assert run(folder, again, *flags, "--probe-every", "2", "--resume") == 0
    assert (again / "probe.json").read_text() == (guarded / "probe.json").read_text()


def test_images_without_labels_are_trained_on_and_probed_with_another_folders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    for index in range(20):
        write_png(tmp_path / "plain" / "all" / f"{index}.png", picture("round", index))
    own, other = tmp_path / "own", tmp_path / "other"
    assert run(tmp_path / "plain", own, "--epochs", "1", "--probe-data", "nowhere") == 2
    assert "There is no data folder nowhere" in capsys.readouterr().err
    assert not own.exists()
    assert run(tmp_path / "plain", own, "--epochs", "1") == 0
    told = capsys.readouterr().out
    assert "The frozen features are not probed: the images have no labels (one class)." in told
    assert "probe" not in read_card(own / "best.safetensors").metrics
    assert not (own / "probe.json").exists()
    assert run(tmp_path / "plain", other, "--epochs", "1", "--probe-data", str(folder)) == 0
    assert read_card(other / "best.safetensors").metrics["probe"]["n"] == 4


def entry(random: float, colour: float) -> dict[str, Any]:
    gaps = {"random": random, "colour": colour}
    found = {
        name: {"difference": gap, "difference_ci": [gap - 0.02, gap + 0.01]}
        for name, gap in gaps.items()
    }
    return {"linear": found, "knn": found}


def test_a_warning_names_what_is_better_than_the_encoder() -> None:
    assert warning(entry(0.05, 0.0)) == ""
    told = warning(entry(-0.058, 0.1))
    assert "logistic regression −5.8 points [−7.8, −4.8] against random weights" in told
    assert "10 nearest neighbours −5.8 points" in told and "colour" not in told
