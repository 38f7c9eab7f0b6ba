"""The suite: its file, its runs, and paired differences over tests and seeds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ssmamba.errors import DataError
from training.suite import __main__ as suite
from training.suite.config import SuiteConfig, read_suite
from training.suite.measure import Scored
from training.suite.report import ALL, compare
from training.suite.run import plan_jobs

SMALL = """
models: {plain: {}, cls: {pool: cls}}
finetune: {size: nano, image_size: 32, batch_size: 8, warmup_epochs: 0.5, epochs: 1}
tasks:
  all: {data: images, tests: {plain: null, scanner: 0.2, mosaics: null}}
  few: {data: images, score: auc, finetune: {labels_a_class: 4}}
"""


def config(tmp_path: Path, text: str = SMALL, **more: str) -> SuiteConfig:
    file = tmp_path / "suite.yaml"
    file.write_text(text)
    return SuiteConfig(data=tmp_path, out=tmp_path / "out", suite=file, **more)  # type: ignore[arg-type]


def test_the_bundled_suite_makes_runs_that_finetune_takes(tmp_path: Path) -> None:
    asked = SuiteConfig(data=tmp_path, out=tmp_path / "out")
    found = read_suite(asked)
    jobs = plan_jobs(asked, found, (0, 1))
    assert len(jobs) == 2 * len(found.tasks) * len(found.models)
    few = jobs["pbc-16", "resnet", 1].config
    assert few is not None and vars(few)["labels_a_class"] == 16
    assert (few.seed, few.arch, few.data) == (1, "resnet", tmp_path / "pbc")
    assert len({job.folder for job in jobs.values()}) == len(jobs)


def test_models_and_tasks_are_chosen_in_order(tmp_path: Path) -> None:
    found = read_suite(config(tmp_path, models="cls,plain", tasks="few"))
    assert list(found.models) == ["cls", "plain"] and list(found.tasks) == ["few"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("models: {a: {}}", "has no tasks"),
        (SMALL.replace("scanner: 0.2", "scaner: 0.2"), "did you mean 'scanner'"),
        (SMALL.replace("scanner: 0.2", "scanner: null"), "scanner needs a level, such as 0.05"),
        (SMALL.replace("score: auc", "score: roc"), "unknown 'roc'"),
        (SMALL.replace("data: images, score", "score"), "few must name its data"),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        read_suite(config(tmp_path, text))


def test_flags_that_a_run_would_refuse_are_named_before_any_training(tmp_path: Path) -> None:
    asked = config(tmp_path, SMALL.replace("pool: cls", "poool: cls"))
    with pytest.raises(DataError, match=r"all, cls: .*--pool"):
        plan_jobs(asked, read_suite(asked), (0,))


def scored(task: str, model: str, seed: int, values: np.ndarray) -> Scored:
    return Scored(task, "plain", model, seed, task, values, np.arange(len(values)))


def test_differences_are_paired_and_a_lucky_seed_does_not_count() -> None:
    rng = np.random.default_rng(0)
    found = []
    for task in ("a", "b"):
        for seed in range(3):
            first = (rng.random(300) < 0.5).astype(float)
            better = np.maximum(first, rng.random(300) < 0.1)  # right where the first one is
            lucky = better if seed == 0 else first
            found += [
                scored(task, name, seed, values)
                for name, values in (("first", first), ("better", better), ("lucky", lucky))
            ]
    rows = compare(found, "first", "better")
    assert [row.test for row in rows] == ["a", "b", ALL]
    assert all(row.counts and row.wins == row.pairs for row in rows)
    assert rows[-1].pairs == 6
    assert rows[-1].difference == pytest.approx((rows[0].difference + rows[1].difference) / 2)
    lucky = compare(found, "first", "lucky")
    assert lucky[0].difference > 0 and not lucky[0].counts and lucky[0].wins == 1


def test_only_seeds_that_both_models_have_are_compared() -> None:
    values = np.ones(4)
    found = [scored("a", "first", seed, values) for seed in (0, 1)]
    found.append(scored("a", "other", 1, np.zeros(4)))
    (row,) = compare(found, "first", "other")
    assert (row.seeds, row.first, row.score) == (1, 1.0, 0.0)
    assert compare(found, "first", "missing") == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_command_trains_tests_and_goes_on(folder: Path, tmp_path: Path) -> None:
    """Four runs, as processes of their own."""
    (tmp_path / "images").symlink_to(folder)
    (tmp_path / "suite.yaml").write_text(SMALL)
    out = tmp_path / "out"
    flags = ["--data", str(tmp_path), "--out", str(out), "--suite", str(tmp_path / "suite.yaml")]
    assert suite.main([*flags, "--seeds", "0"]) == 0
    found = json.loads((out / "suite.json").read_text())
    assert {(s["task"], s["test"]) for s in found["scores"]} == {
        ("all", "plain"),
        ("all", "scanner 0.2"),
        ("all", "mosaics"),
        ("few", "plain"),
    }
    assert all(0 <= s["score"] <= 1 for s in found["scores"]) and not found["failures"]
    assert "## cls against plain" in (out / "suite.md").read_text()
    before = (out / "runs" / "all" / "cls-s0" / "best.safetensors").stat().st_mtime_ns
    assert suite.main([*flags, "--seeds", "0"]) == 2  # the folder is used
    assert suite.main([*flags, "--seeds", "0", "--resume"]) == 0
    assert (out / "runs" / "all" / "cls-s0" / "best.safetensors").stat().st_mtime_ns == before
    assert json.loads((out / "suite.json").read_text()) == found
