"""The beginning of a run: what it says of the data, and what it refuses before a folder is made."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from ssmamba.errors import DataError
from tests.training.conftest import TINY
from training import finetune
from training.config import FinetuneConfig
from training.data.dataset import load_dataset
from training.runs import begin
from training.runs.begin import show_balance


def test_uneven_classes_are_warned_about(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    show_balance(load_dataset(data, 0, quiet=True))
    assert "uneven" not in capsys.readouterr().out
    for index in range(12):
        (data / "round" / f"{index:02d}.png").unlink()
    show_balance(load_dataset(data, 0, quiet=True))
    assert "classes are uneven (largest 14, smallest 5" in capsys.readouterr().out


def test_what_may_be_on_both_sides_of_the_split_is_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_balance(load_dataset(folder, 0, quiet=True))
    assert "one patient's images may be in several splits" in capsys.readouterr().out
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    paths = sorted(p.relative_to(data).as_posix() for p in data.rglob("*.png"))
    lines = [f"{path},{path.split('/')[0]},{path.split('.')[0][:-1]}" for path in paths]
    (data / "manifest.csv").write_text("\n".join(["path,label,group", *lines]))
    show_balance(load_dataset(data, 0, quiet=True))
    groups = len({line.split(",")[2] for line in lines})
    assert f"{groups} groups, each within one split." in capsys.readouterr().out


def test_the_strategy_that_is_asked_for_is_the_one_that_trains(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def refuse(accelerator: str, precision: str, devices: str, strategy: str) -> None:
        asked.append(strategy)
        raise DataError("no device")

    monkeypatch.setattr(begin, "make_fabric", refuse)
    for strategy in ("ddp", "fsdp"):
        config = FinetuneConfig(data=folder, out=tmp_path / "run", strategy=strategy)
        with pytest.raises(DataError, match="no device"):
            begin.open_run(config)
    assert asked == ["ddp", "fsdp"]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--arch", "vitt"], "did you mean 'vit'"),
        (["--size", "huge"], "Unknown model size 'huge'"),
        (["--freeze"], "give one with --init"),
        (["--cache-gib", "1e-9"], "raise --cache-gib"),
        (["--accumulate", "3"], "multiple of 6"),
        (["--devices", "x"], "--devices x must be 1 or more"),
        (["--devices", "0"], "--devices 0 must be 1 or more"),
        (["--accelerator", "gpus"], "choose one of auto, cpu, cuda"),
        (["--precision", "half"], "choose one of 32-true, bf16-mixed, 16-mixed"),
        (["--precision", "bf16-true"], "choose one of 32-true, bf16-mixed, 16-mixed"),
        (["--precision", "16-mixed", "--accelerator", "cpu"], "16-mixed needs a GPU"),
        (["--kernels", "[2]"], "--kernels [2] must be odd"),
    ],
)
def test_flags_that_do_not_fit_leave_no_folder(
    flags: list[str], told: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--data", str(folder), "--out", str(tmp_path / "run"), *TINY, *flags]
    assert finetune.main(given) == 2
    said = capsys.readouterr().err
    assert told in said and said.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_disk_too_small_for_the_states_is_told_before_the_first_step(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 20))
    given = ["--data", str(folder), "--out", str(tmp_path / "run"), *TINY]
    assert finetune.main(given) == 2
    said = capsys.readouterr().err
    assert "free some space on the disk" in said and said.count("\n") == 1
    assert not (tmp_path / "run" / "log.jsonl").exists()
