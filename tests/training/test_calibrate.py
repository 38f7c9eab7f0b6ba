"""python -m training.calibrate: limits are fitted again, weights stay."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
import torch

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Calibration
from tests.training.conftest import TINY
from tests.training.pictures import picture, write_folder, write_png
from training.calibrate import main as calibrate
from training.doubt import main as doubt
from training.finetune import main as finetune


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("calibrate")
    write_folder(root / "data")
    place = ["--data", str(root / "data"), "--out", str(root / "run")]
    status = finetune([*place, *TINY, "--epochs", "1"])
    assert status == 0
    return root / "run" / "best.safetensors", root / "data"


def test_limits_come_back_and_weights_stay(trained: tuple[Path, Path], tmp_path: Path) -> None:
    path, data = trained
    found = checkpoint.load(path)
    blank = tmp_path / "blank.safetensors"
    checkpoint.save(blank, found.model, found.card.with_(calibration=Calibration(), cam_stage=1))
    out = tmp_path / "out.safetensors"
    assert calibrate([str(blank), "--data", str(data), "--out", str(out)]) == 0
    again = checkpoint.load(out)
    assert again.card.calibration.temperature == pytest.approx(
        found.card.calibration.temperature, rel=1e-3
    )
    assert again.card.calibration.distance_limit == pytest.approx(
        found.card.calibration.distance_limit, rel=1e-3
    )
    assert again.card.cam_stage == found.card.cam_stage
    assert again.card.metrics["cam"] == found.card.metrics["cam"]
    for name, value in found.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], value)


def test_what_was_held_aside_is_fitted_on_again(tmp_path: Path) -> None:
    """One validation image of each class chooses the epoch, the others say how sure it is."""
    write_folder(tmp_path / "data")
    place = ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "run")]
    assert finetune([*place, *TINY, "--epochs", "1", "--hold-aside", "0.5"]) == 0
    path, out = tmp_path / "run" / "best.safetensors", tmp_path / "out.safetensors"
    card = checkpoint.load(path).card
    assert card.training["hold_aside"] == 0.5
    assert (card.metrics["val"]["n"], card.metrics["calibration"]["n"]) == (2, 2)
    assert calibrate([str(path), "--data", str(tmp_path / "data"), "--out", str(out)]) == 0
    again = checkpoint.load(out).card
    assert again.metrics["calibration"]["n"] == 2
    assert again.calibration.distance_limit == pytest.approx(
        card.calibration.distance_limit, rel=1e-3
    )


def test_test_images_that_chose_nothing_can_fit_too(
    trained: tuple[Path, Path], tmp_path: Path
) -> None:
    """Each is scored by limits that were fitted without it; the weights' scores stay."""
    path, data = trained
    before = checkpoint.load(path).card.metrics
    out = tmp_path / "out.safetensors"
    flags = ["--data", str(data), "--out", str(out), "--fit-on", "test"]
    assert calibrate([str(path), *flags]) == 0
    after = checkpoint.load(out).card.metrics
    assert before["calibration"]["split"] == "val" and after["calibration"]["split"] == "test"
    assert after["calibration"]["n"] == after["test"]["n"] == before["test"]["n"]
    for score in ("accuracy", "macro_f1"):
        assert after["test"][score] == before["test"][score]
    assert after["cam"] == before["cam"]
    assert doubt([str(out), "--data", str(data), "--out", str(tmp_path / "doubt.json")]) == 0
    told = json.loads((tmp_path / "doubt.json").read_text())
    assert told["cross_fitted"] and set(told["pictures"]) == {"glass", "blur", "two"}
    assert told["pictures"]["glass"]["refused"] == 1
    assert told["nll"] == pytest.approx(after["test"]["nll"])
    assert told["refused"] == after["test"]["unsure"]


def test_other_images_and_names_are_refused(
    trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, data = trained
    write_folder(tmp_path / "data")
    image = next((tmp_path / "data").rglob("*.png"))
    write_png(image, picture("round", 991))
    out = tmp_path / "out.safetensors"
    assert calibrate([str(path), "--data", str(tmp_path / "data"), "--out", str(out)]) == 2
    assert "in another split than when" in capsys.readouterr().err
    for wrong in (tmp_path / "out", tmp_path):
        assert calibrate([str(path), "--data", str(data), "--out", str(wrong)]) == 2
        assert "must end in .safetensors" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["data"]


def test_a_full_disk_at_the_end_does_not_cost_the_fit(
    trained: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path, data = trained

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "_write", refuse)
    given = [str(path), "--data", str(data), "--out", str(tmp_path / "out.safetensors")]
    assert calibrate(given) == 2
    said = capsys.readouterr()
    assert "could not be written (No space left on device)" in said.err
    kept = json.loads(said.out[said.out.index("{") :])
    assert kept["temperature"] == pytest.approx(checkpoint.load(path).card.calibration.temperature)


def test_other_classes_are_refused(
    trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, data = trained
    other = tmp_path / "other"
    for folder in sorted(p for p in data.iterdir() if p.is_dir()):
        (other / f"new_{folder.name}").mkdir(parents=True)
        for image in folder.iterdir():
            (other / f"new_{folder.name}" / image.name).write_bytes(image.read_bytes())
    out = tmp_path / "out.safetensors"
    assert calibrate([str(path), "--data", str(other), "--out", str(out)]) == 2
    assert "give the data folder that it was fine-tuned on" in " ".join(
        capsys.readouterr().err.split()
    )
    assert not out.exists()
