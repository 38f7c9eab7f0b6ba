"""Evaluation: its JSON, refusals, jitter, the forest, MAMIM checkpoints."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ssmamba import files
from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Calibration, Card, ClassInfo, InputSpec
from ssmamba.config import MIMConfig, SSMambaConfig
from ssmamba.models import MAMIM, SSMamba
from ssmamba.reading.preprocess import to_tensor
from tests.training.pictures import picture, write_png
from training import evaluate
from training.data.dataset import load_dataset
from training.evaluation import forest
from training.evaluation.matching import class_order

METRICS = ("accuracy", "macro_f1", "balanced_accuracy", "auc", "nll", "brier", "ece")
CONFIG = SSMambaConfig(size="nano", dims=(8, 16, 16, 16), depths=(1, 1, 1, 2), d_state=4)
SPEC = InputSpec(window_px=32, source_px=48)


def write_checkpoint(path: Path, classes: tuple[str, ...], **changes: Any) -> Path:
    torch.manual_seed(0)
    card = Card(
        name="small",
        config=vars(CONFIG) | {"dims": list(CONFIG.dims), "depths": list(CONFIG.depths)},
        classes=tuple(ClassInfo(key, key.title(), (1, 2, 3)) for key in classes),
        input=SPEC,
        calibration=Calibration(temperature=2.0, entropy_limit=0.9),
        dataset={"split_seed": 0},
        **changes,
    )
    checkpoint.save(path, SSMamba(CONFIG, len(classes)), card)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("m") / "m.safetensors", ("round", "striped"))


def run(model: Path, folder: Path, *more: str) -> int:
    return evaluate.main([str(model), "--data", str(folder), "--resamples", "50", *more])


def result_of(model: Path, folder: Path, out: Path, *more: str) -> dict[str, Any]:
    assert run(model, folder, "--out", str(out), *more) == 0
    return json.loads(out.read_text())


def test_the_json_holds_what_is_promised(model: Path, folder: Path, tmp_path: Path) -> None:
    result = result_of(model, folder, tmp_path / "deep" / "r.json")
    assert result["n"] == 8 and result["split"] == "test"
    for name in METRICS:
        low, high = result[f"{name}_ci"]
        assert low <= high and isinstance(result[name], float)
    assert result["per_class"].keys() == {"round", "striped"}
    assert np.array(result["confusion"]).sum() == 8
    assert 0 <= result["unsure"] <= 1
    assert list(tmp_path.rglob("*.partial")) == []


def test_numbers_are_the_models_own(model: Path, folder: Path, tmp_path: Path) -> None:
    """Each image goes through preprocess alone, and the temperature is used."""
    data = load_dataset(folder, 0, quiet=True)
    number = {"round": 0, "striped": 1}
    found = checkpoint.load(model)
    losses = []
    for item in data.items("test"):
        seed = int(Path(item.path).stem) + 1000 * number[item.label]
        with torch.no_grad():
            logits = found.model(to_tensor(picture(item.label, seed), SPEC)) / 2.0
        losses.append(-logits.log_softmax(1)[0, number[item.label]].item())
    result = result_of(model, folder, tmp_path / "r.json")
    assert result["nll"] == pytest.approx(np.mean(losses), abs=1e-5)


def test_the_checkpoints_class_order_is_kept(folder: Path, tmp_path: Path) -> None:
    model = write_checkpoint(tmp_path / "turned.safetensors", ("striped", "round"))
    result = result_of(model, folder, tmp_path / "r.json")
    assert result["classes"] == ["striped", "round"]
    assert [result["per_class"][k]["n"] for k in ("striped", "round")] == [4, 4]
    data = load_dataset(folder, 0, quiet=True)
    assert list(class_order(checkpoint.load(model).card, data)) == [1, 0]


def test_training_images_are_refused_unless_allowed(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hashes = tuple(load_dataset(folder, 0, quiet=True).hashes("test")[:3])
    model = write_checkpoint(
        tmp_path / "seen.safetensors", ("round", "striped"), training_hashes=hashes
    )
    out = tmp_path / "r.json"
    assert run(model, folder, "--out", str(out)) == 2
    assert "3 of 8 images" in capsys.readouterr().err and not out.exists()
    assert result_of(model, folder, out, "--allow-overlap")["overlap_allowed"] is True


def test_stain_jitter_changes_the_answer_and_a_seed_repeats_it(
    model: Path, folder: Path, tmp_path: Path
) -> None:
    clean = result_of(model, folder, tmp_path / "a.json")
    flags = ["--stain-jitter", "0.3", "--stain-basis", "he"]
    first = result_of(model, folder, tmp_path / "b.json", *flags)
    again = result_of(model, folder, tmp_path / "c.json", *flags)
    assert first["nll"] != clean["nll"]
    assert first["nll"] == again["nll"]


def test_against_the_forest(
    model: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forest, "TREES", 20)
    result = result_of(model, folder, tmp_path / "r.json", "--against", "forest")
    other = result["against"]
    assert other["name"] == "forest"
    for score in ("accuracy", "auc"):
        found = other[score]
        low, high = found["difference_ci"]
        assert found["difference"] == pytest.approx(result[score] - found["value"])
        assert 0 <= found["value"] <= 1 and low <= found["difference"] <= high


def test_other_classes_are_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    three = write_checkpoint(tmp_path / "three.safetensors", ("round", "striped", "x"))
    assert run(three, folder) == 2
    error = capsys.readouterr().err
    assert "3 classes (round, striped, x)" in error and "2 (round, striped)" in error


def test_an_unreadable_image_is_named(
    model: Path, tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    (data / "round" / "03.png").write_bytes(b"broken")
    assert run(model, data) == 2
    assert "round/03.png: not a readable image" in capsys.readouterr().err


def test_all_images_of_a_new_folder(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed, kind in enumerate(("round", "striped")):
        write_png(tmp_path / "d" / kind / "1.png", picture(kind, 77 + seed))
    assert result_of(model, tmp_path / "d", tmp_path / "r.json", "--split", "all")["n"] == 2
    assert ": all splits, 2 images" in capsys.readouterr().out


def test_a_folder_in_place_of_a_file(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, folder) == 2
    assert "best.safetensors" in capsys.readouterr().err


def test_a_mamim_checkpoint_is_scored_beside_simple_fills(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mamim = MIMConfig(mask_unit=8, decoder_dim=32)
    config = vars(CONFIG) | {"dims": list(CONFIG.dims), "depths": list(CONFIG.depths)}
    card = Card(kind="mamim", name="m", config=config, mamim=vars(mamim), input=SPEC)
    path = tmp_path / "mamim.safetensors"
    checkpoint.save(path, MAMIM(SSMamba(CONFIG), mamim), card)
    result = result_of(path, folder, tmp_path / "r.json")
    assert result["masked"].keys() == {"model", "visible_mean", "inpainting"}
    margin = result["margins"]["visible_mean"]
    gap = result["masked"]["model"]["psnr"] - result["masked"]["visible_mean"]["psnr"]
    low, high = margin["psnr_ci"]
    assert low <= margin["psnr"] == pytest.approx(gap) and margin["psnr"] <= high
    assert "PSNR" in capsys.readouterr().out


def test_a_full_disk_is_told_before_the_work_and_keeps_what_was_measured(
    model: Path,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").touch()
    assert run(model, folder, "--out", str(tmp_path / "file" / "r.json")) == 2
    said = capsys.readouterr()
    assert "file cannot be written" in said.err and said.err.count("\n") == 1
    assert "accuracy" not in said.out
    whole = files.written_whole

    def refuse(path: Path) -> Any:
        if path.name == "r.json":
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(path)

    monkeypatch.setattr(files, "written_whole", refuse)
    assert run(model, folder, "--out", str(tmp_path / "r.json")) == 2
    said = capsys.readouterr()
    assert "free some space on the disk" in said.err and "Traceback" not in said.err
    assert json.loads(said.out[said.out.index("{") :])["n"] == 8
