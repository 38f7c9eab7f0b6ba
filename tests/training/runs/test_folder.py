"""A run's folder: gone on with only as it was started."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ssmamba.checkpoints import checkpoint
from tests.training.conftest import TINY
from training import finetune


def test_a_finished_run_stays_as_it_is_and_notices_changed_images(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "data", tmp_path / "run"
    shutil.copytree(folder, data)
    arguments = ["--data", str(data), "--out", str(out), *TINY, "--epochs", "1"]
    assert finetune.main(arguments) == 0
    before = (out / "best.safetensors").read_bytes()
    assert finetune.main([*arguments, "--resume"]) == 0
    assert (out / "best.safetensors").read_bytes() == before
    (data / "round" / "00.png").unlink()
    assert finetune.main([*arguments, "--resume"]) == 2
    assert "images or their split have changed" in capsys.readouterr().err


def test_what_a_killed_process_leaves_is_neither_a_run_nor_in_the_way(
    folder: Path, tmp_path: Path
) -> None:
    """Half-written files, an empty config: begun anew with --resume and without."""
    for more in ([], ["--resume"]):
        out = tmp_path / f"run{len(more)}"
        out.mkdir()
        (out / "config.yaml").write_text("")
        left = out / ".state.pt.0123abcd.partial"
        left.write_bytes(b"half")
        given = ["--data", str(folder), "--out", str(out), *TINY, "--epochs", "1", *more]
        assert finetune.main(given) == 0
        assert not left.exists() and (out / "best.safetensors").is_file()


def test_unchanged_files_stay_and_a_damaged_state_costs_the_last_epoch_alone(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    given = ["--data", str(folder), "--out", str(out), *TINY, "--epochs", "2"]
    assert finetune.main(given) == 0
    kept = [out / "config.yaml", out / "split.csv", out / "log.jsonl", out / "state.pt"]
    before = [(path.stat().st_ino, path.stat().st_mtime_ns) for path in kept]
    assert finetune.main([*given, "--resume"]) == 0
    assert [(path.stat().st_ino, path.stat().st_mtime_ns) for path in kept] == before
    log, best = (out / "log.jsonl").read_text(), checkpoint.load(out / "best.safetensors")
    data = bytearray((out / "state.pt").read_bytes())
    data[len(data) // 2] ^= 8
    (out / "state.pt").write_bytes(data)
    assert finetune.main([*given, "--resume"]) == 0
    said = capsys.readouterr().out
    assert "the run continues from the state before it" in said and "from step 3" in said
    again = checkpoint.load(out / "best.safetensors").model.state_dict()
    assert all(value.equal(again[name]) for name, value in best.model.state_dict().items())
    assert [line.split('"seconds')[0] for line in log.splitlines()] == [
        line.split('"seconds')[0] for line in (out / "log.jsonl").read_text().splitlines()
    ]
    for name in ("state.pt", "state.previous.pt"):
        (out / name).write_bytes(b"rubbish")
    assert finetune.main([*given, "--resume"]) == 2
    assert "delete it, and --resume starts the run from its first step" in capsys.readouterr().err
