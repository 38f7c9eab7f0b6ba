"""The report of a small grid: tables, figures, and budgets that must be equal."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import file_sha256, read_card
from ssmamba.errors import DataError
from tests.training.pictures import write_png
from training import finetune, pretrain
from training.ablate import __main__ as ablate
from training.ablate import runner
from training.ablate.config import AblateConfig
from training.ablate.evidence import EvidenceScores, read_masks
from training.ablate.jobs import Job, plan_jobs
from training.ablate.record import GridRecord
from training.ablate.report import Study, write_report
from training.ablate.results import Result, assert_equal_budgets, mean_sd, read_results
from training.cli.command import parse
from training.data.dataset import Dataset, load_dataset

CELLS = "ssmamba,pretraining-none"
FLAGS = ["--tables", "7", "--only", CELLS, "--seeds", "0", "--lrs", "1e-3", "--image-size", "64"]
FLAGS += ["--epochs", "1", "--pretrain-epochs", "1", "--batch-size", "8", "--mosaics", "3"]
FLAGS += ["--pretrain-batch-size", "8", "--warmup-epochs", "0.5", "--accelerator", "cpu"]


@pytest.fixture(scope="module")
def grid(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[Job]]:
    """A finished grid of two cells, trained in this process; its flags and runs."""
    out = tmp_path_factory.mktemp("grid")
    arguments = ["--data", str(folder), "--out", str(out), *FLAGS]
    jobs = plan_jobs(parse(AblateConfig, arguments, "ablate"), [], "Toy")
    record = GridRecord(out)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSMAMBA_SCAN", "torch")
        for job in jobs:
            command = pretrain.main if job.kind == "pretrain" else finetune.main
            assert command([*job.flags, "--resume"]) == 0
            record.set(job, "done", seconds=1.0)
    return arguments, jobs


def test_a_finished_grid_is_reported_without_running(
    grid: tuple[list[str], list[Job]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Tables and figures of the paper, and a column of truth from the masks."""
    arguments, jobs = grid
    for kind in ("round", "striped"):
        for number in range(20):
            mask = np.zeros((48, 48, 3), np.uint8)
            mask[:24] = 255
            write_png(tmp_path / kind / f"{number:02d}.png", mask)
    monkeypatch.setattr(runner, "command_of", lambda job: [sys.executable, "-c", "assert False"])
    more = ["--masks", str(tmp_path), "--cam-stage", "0"]
    assert ablate.main([*arguments, "--resume", *more]) == 0
    report = jobs[0].folder.parents[1] / "report"
    with (report / "table7.csv").open() as file:
        rows = {row["cell"]: row for row in csv.DictReader(file)}
    none, full = rows["pretraining-none"], rows["ssmamba"]
    assert (none["pretraining"], full["pretraining"]) == ("none", "mamim")
    assert full["seeds"] == "1" and full["accuracy_sd"] == ""
    assert 150_000 < int(full["parameters"]) < 180_000 and float(full["images_per_s"]) > 0
    assert rows["pretraining-mae"]["accuracy"] == ""
    for name in ("figure3", "figure4", "figure4_mosaics"):
        assert (report / f"{name}.png").stat().st_size > 5_000
        assert (report / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    page = (report / "results.md").read_text()
    assert "reduced" in page and "only the chosen one was scored on the test split" in page
    assert f"cores), {torch.get_num_threads()} thread" in page
    assert "CAM against masks" in page and "28 train, 4 val, 8 test" in page
    scores = json.loads((report / "cam_scores.json").read_text())
    assert len(scores) == 4 and all(0 <= v <= 1 for s in scores.values() for v in s.values())
    for job in (job for job in jobs if job.kind == "finetune"):
        own = f" {read_card(job.checkpoint).cam_stage}"
        sha256 = file_sha256(job.checkpoint)
        assert [k.endswith(own) for k in scores if k.startswith(sha256)] == [True, True]
    assert "| No pre-training | 1 | 0." in page

    answers = json.loads((report / "answers.json").read_text())
    shares = sorted(found["right"].count("1") / 8 for found in answers.values())
    assert shares == sorted(float(row["accuracy"]) for row in (none, full))
    signs = {
        file_sha256(job.checkpoint): 1 if job.cell == "pretraining-none" else -1
        for job in jobs
        if job.kind == "finetune"
    }
    gap = float(none["accuracy"]) - float(full["accuracy"])
    assert float(none["difference"]) == pytest.approx(gap, abs=1e-6)
    gaps = sum(
        sign * np.mean(list(map(float, answers[sha]["nll"].split()))) for sha, sign in signs.items()
    )
    assert float(none["nll_difference"]) == pytest.approx(gaps, abs=1e-3)
    assert float(none["nll"]) - float(full["nll"]) == pytest.approx(gaps, abs=1e-3)
    assert float(none["difference_low"]) <= gap <= float(none["difference_high"])
    assert full["difference"] == ""


def test_a_card_without_measured_stage_is_measured_when_it_is_asked_for(
    grid: tuple[list[str], list[Job]], folder: Path, tmp_path: Path
) -> None:
    """Cards of before keep the last stage without having looked."""
    path = next(job.checkpoint for job in grid[1] if job.kind == "finetune")
    found = checkpoint.load(path)
    measured = found.card.metrics["cam"]["pointing"]
    assert len(set(measured.values())) > 1, "stages that point alike would show nothing"
    metrics = {name: value for name, value in found.card.metrics.items() if name != "cam"}
    wrong = 1 if found.card.cam_stage != 1 else 4
    old = tmp_path / "old.safetensors"
    card = found.card.with_(metrics=metrics, cam_stage=wrong)
    checkpoint.save(old, found.model, card, found.extra)
    dataset = load_dataset(folder, 0, None)
    scores = EvidenceScores(tmp_path / "scores.json", dataset, torch.device("cpu"))
    assert scores.best_stage(old) == scores.best_stage(path) == found.card.cam_stage
    assert len(json.loads((tmp_path / "scores.json").read_text())) == 1  # measured once


def test_masks_are_found_by_the_whole_name(tmp_path: Path) -> None:
    """Brackets are no pattern, and a.tumour.png is no mask of a.png."""
    names = ("a[1].png", "a.png", "a.tumour.png")
    for level, name in enumerate(names):
        picture = np.zeros((8, 8, 3), np.uint8)
        picture[: 2 * (level + 1)] = 255
        write_png(tmp_path / name, picture)
    items = [SimpleNamespace(path=name) for name in names]
    dataset = SimpleNamespace(items=lambda split: items, indices=lambda split: range(3))
    masks = read_masks(tmp_path, cast(Dataset, dataset), "test", 8)
    assert [int(mask[:, 0].sum()) for mask in masks] == [2, 4, 6]


def test_missing_masks_are_told_before_anything_is_trained(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "grid"
    arguments = ["--data", str(folder), "--out", str(out), *FLAGS, "--masks", str(tmp_path)]
    assert ablate.main(arguments) == 2
    assert "has no readable mask for 8 of 8 test images" in capsys.readouterr().err
    assert not out.exists()


def test_unequal_budgets_are_refused(grid: tuple[list[str], list[Job]]) -> None:
    _, jobs = grid
    results = read_results(jobs, GridRecord(jobs[0].folder.parents[1]))
    assert_equal_budgets(results)
    for name, value in (("steps", 99), ("lrs_tried", [{"lr": 5e-4}])):
        assert_refused(results, name, value)
    other = replace(results["ssmamba"][0], cell="other")
    before = {**other.card.training["pretraining"], "images_seen": 7}
    other = _with_training(other, pretraining=before)
    with pytest.raises(DataError, match=r"pre-training of other .* had images_seen 7"):
        assert_equal_budgets({**results, "other": [other]})
    encoder = {**results, "other": [_with_training(other, image_size=448)]}
    assert_equal_budgets(encoder, encoders=["other"])  # the user's own
    with pytest.raises(DataError, match=r"other .* had steps 99"):
        fewer = _with_training(other, steps=99)
        assert_equal_budgets({**results, "other": [fewer]}, encoders=["other"])


def assert_refused(results: dict[str, list[Result]], name: str, value: object) -> None:
    changed = _with_training(results["pretraining-none"][0], **{name: value})
    with pytest.raises(DataError, match="budgets differ"):
        assert_equal_budgets({**results, "pretraining-none": [changed]})


def _with_training(result: Result, **changes: object) -> Result:
    training = {**result.card.training, **changes}
    return replace(result, card=result.card.with_(training=training))


def test_other_values_images_or_starts_are_refused(
    grid: tuple[list[str], list[Job]], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, jobs = grid
    assert ablate.main(arguments) == 2
    assert "give --resume" in capsys.readouterr().err
    assert ablate.main([*arguments, "--resume", "--epochs", "2"]) == 2
    assert "--epochs was 1" in capsys.readouterr().err
    start = next(job.checkpoint for job in jobs if job.kind == "pretrain")
    hidden = start.rename(start.with_suffix(".away"))
    try:
        assert ablate.main([*arguments, "--resume"]) == 2
        assert "started from another pre-training" in capsys.readouterr().err
    finally:
        hidden.rename(start)


def test_the_table_holds_mean_and_spread(grid: tuple[list[str], list[Job]], tmp_path: Path) -> None:
    _, jobs = grid
    first = read_results(jobs, GridRecord(jobs[0].folder.parents[1]))["ssmamba"][0]
    runs = []
    for seed, value in enumerate((0.90, 0.92, 0.97)):
        metrics = {
            "val": {},
            "test": {"accuracy": value, "macro_f1": value - 0.01, "nll": 1 - value},
        }
        runs.append(replace(first, seed=seed, card=first.card.with_(metrics=metrics)))
    study = Study("LC25000", {"test": 8}, "run", ("7",), {"ssmamba": runs}, {}, "CPU")
    write_report(study, tmp_path)
    row = next(
        line for line in (tmp_path / "table7.md").read_text().splitlines() if "MAMIM" in line
    )
    assert "93.00 ± 3.61" in row and "92.00 ± 3.61" in row and "99.84 / 98.47" in row
    assert "0.070 ± 0.036" in row
    assert mean_sd([0.5]) == (0.5, None)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_whole_command_with_runs_side_by_side(folder: Path, tmp_path: Path) -> None:
    arguments = ["--data", str(folder), "--out", str(tmp_path / "grid"), *FLAGS, "--jobs", "2"]
    assert ablate.main(arguments) == 0
    assert (tmp_path / "grid" / "report" / "table7.md").is_file()
