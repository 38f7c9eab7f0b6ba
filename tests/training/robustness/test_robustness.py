"""The command: its table, CSV and plot, and what it refuses."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.training.test_evaluate import write_checkpoint
from training.data.dataset import load_dataset
from training.evaluate import main as evaluate_main
from training.robustness import __main__ as robustness
from training.robustness.changes import CHANGES


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two classifiers of the same name whose classes are in different orders."""
    root = tmp_path_factory.mktemp("models")
    orders = [("round", "striped"), ("striped", "round")]
    return [write_checkpoint(root / f"{i}.safetensors", order) for i, order in enumerate(orders)]


def run(models: list[Path], folder: Path, out: Path, *more: str) -> int:
    flags = ["--data", str(folder), "--out", str(out), "--resamples", "20", *more]
    return robustness.main([*(str(m) for m in models), *flags])


def test_table_csv_and_plot(
    models: list[Path], folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    assert run(models, folder, out) == 0
    assert "for each change, the mean over its levels" in capsys.readouterr().out
    with (out / "robustness.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * (1 + sum(len(c.levels) for c in CHANGES.values()))
    assert {row["change"] for row in rows} == {"none", *CHANGES}
    clean = [row for row in rows if row["change"] == "none"]
    assert len({row["model"] for row in clean}) == 2  # told apart though named alike
    assert all(row["agreement"] == "1.0" for row in clean)
    # The same weights with the classes turned round: what one gets right the other gets wrong.
    assert sum(float(row["accuracy"]) for row in clean) == pytest.approx(1)
    for row in rows:
        assert float(row["low"]) <= float(row["accuracy"]) <= float(row["high"])
    page = (out / "robustness.md").read_text()
    assert all(f"## {change.title}" in page for change in CHANGES.values())
    assert all(str(path) in page for path in models)
    assert (out / "robustness.png").stat().st_size > 10_000


def test_unchanged_pictures_score_as_evaluate_says(
    models: list[Path], folder: Path, tmp_path: Path
) -> None:
    import json

    assert run(models[:1], folder, tmp_path / "r", "--only", "jpeg", "--images", "0") == 0
    out = tmp_path / "e.json"
    flags = ["--data", str(folder), "--out", str(out), "--resamples", "5"]
    assert evaluate_main([str(models[0]), *flags]) == 0
    with (tmp_path / "r" / "robustness.csv").open() as file:
        first = next(csv.DictReader(file))
    assert float(first["accuracy"]) == pytest.approx(json.loads(out.read_text())["accuracy"])


def test_what_is_refused(
    models: list[Path], folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(models, folder, out, "--only", "blurr") == 2
    assert "did you mean 'blur'" in capsys.readouterr().err
    hashes = tuple(load_dataset(folder, 0, quiet=True).hashes("test")[:2])
    seen = write_checkpoint(
        tmp_path / "seen.safetensors", ("round", "striped"), training_hashes=hashes
    )
    assert run([models[0], seen], folder, out) == 2
    assert "2 of 8 images" in capsys.readouterr().err
    other = write_checkpoint(tmp_path / "other.safetensors", ("round", "x"))
    assert run([other], folder, out) == 2
    assert "same classes" in capsys.readouterr().err
    assert not out.exists()
