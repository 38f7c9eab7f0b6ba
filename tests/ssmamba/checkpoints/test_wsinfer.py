"""Model folders of WSInfer's zoo are models like checkpoints, and hostile ones are refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import file_sha256, read_card
from ssmamba.checkpoints.wsinfer import is_model, models_in
from ssmamba.engine.store import ModelStore
from ssmamba.errors import CheckpointError
from ssmamba.features.encoders import spec_of
from ssmamba.inference.predictor import Predictor
from ssmamba.predict import main as predict
from ssmamba.runtime.device import choose_device
from ssmamba.scan import main as scan
from tests.slides import grainy, write_pyramid
from tests.ssmamba.checkpoints.made import save_classifier
from tests.ssmamba.checkpoints.torchscripts import CONFIG, Reddish, save_folder, save_script
from training.config import CalibrateConfig
from training.evaluation.calibration import recalibrate


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_folder(tmp_path_factory.mktemp("zoo") / "breast-tumor")


def test_its_card_is_its_config(zoo: Path) -> None:
    card = read_card(zoo)
    assert (card.name, card.class_names) == ("breast-tumor", ["Other", "Tumor"])
    assert (card.input.window_px, card.input.source_px) == (32, 48)
    assert card.input.mpp == pytest.approx(0.5 * 48 / 32)
    assert card.input.std == (0.2, 0.2, 0.2)
    assert card.classifies and not card.embeds
    for name in ("config.json", "torchscript_model.pt"):
        assert read_card(zoo / name) == card
        assert file_sha256(zoo / name) == file_sha256(zoo)


def test_it_answers_as_its_network_does(zoo: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    found = Predictor(zoo, "cpu").predict(images).probabilities
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2) / 255
    mean, std = torch.tensor([0.7, 0.6, 0.7]), torch.tensor([0.2, 0.2, 0.2])
    normalised = (pixels - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    with torch.no_grad():
        expected = Reddish().eval()(normalised).softmax(1)
    assert np.allclose(found, expected, atol=1e-5)
    assert found.std() > 0.01


def test_one_logit_is_one_class_and_its_absence(tmp_path: Path) -> None:
    folder = save_folder(
        tmp_path / "one", Reddish(1).eval(), class_names=["Necrosis"], num_classes=1
    )
    predictor = Predictor(folder, "cpu")
    assert predictor.card.class_names == ["No Necrosis", "Necrosis"]
    x = torch.randn(3, 3, 32, 32)
    logits, _ = predictor.predict_tensor(x)
    with torch.no_grad():
        expected = Reddish(1).eval()(x).sigmoid()[:, 0]
    assert torch.allclose(logits.softmax(1)[:, 1], expected, atol=1e-6)


def test_predict_and_scan_take_a_folder(zoo: Path, tmp_path: Path) -> None:
    write_pyramid(tmp_path / "slide.tif", 320, 240, mpp=0.25, picture=grainy(320, 240))
    slide, model = str(tmp_path / "slide.tif"), ["--model", str(zoo), "--device", "cpu"]
    assert predict([slide, "--tissue", *model, "--out", str(tmp_path / "predicted")]) == 0
    found = json.loads((tmp_path / "predicted" / "results.json").read_text(encoding="utf-8"))
    assert set(found[0]["probabilities"]) == {"Other", "Tumor"}
    assert scan([slide, *model, "--out", str(tmp_path / "scanned")]) == 0
    lines = (tmp_path / "scanned" / "slide" / "tiles.csv").read_text().splitlines()
    assert lines[0].startswith("minx,miny,width,height,prob_Other,prob_Tumor")
    assert lines[1].split(",")[2:4] == ["96", "96"]  # 48 px of 0.5 µm are 24 µm


def test_it_is_found_by_name_and_place(zoo: Path, tmp_path: Path) -> None:
    shutil.copytree(zoo, tmp_path / "a-model")
    (tmp_path / "b.safetensors").touch()
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "empty").mkdir()
    assert [p.name for p in models_in(tmp_path)] == ["a-model", "b.safetensors"]
    assert is_model(zoo) and is_model(zoo / "config.json")
    assert not is_model(tmp_path / "config.json") and not is_model(tmp_path / "empty")


def test_a_file_that_was_replaced_in_its_folder_is_another_model(tmp_path: Path) -> None:
    folder = save_folder(tmp_path / "model")
    store = ModelStore(choose_device("cpu"))
    before = store.checkpoint(str(folder)).sha256
    config = {**CONFIG, "class_names": ["Stroma", "Tumor"]}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    again = store.checkpoint(str(folder))
    assert again.card.class_names == ["Stroma", "Tumor"] and again.sha256 != before


def test_what_it_cannot_do_is_said(zoo: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="features cannot be read"):
        spec_of(str(zoo), None, None)
    with pytest.raises(CheckpointError, match="features cannot be read"):
        checkpoint.load_encoder(zoo)
    with pytest.raises(CheckpointError, match="features cannot be read"):
        recalibrate(CalibrateConfig(checkpoint=zoo, data=tmp_path, out=tmp_path / "a.safetensors"))
    from ssmamba.explain.cam import cam_maps

    with pytest.raises(CheckpointError, match="shows nothing of its inside"):
        cam_maps(checkpoint.load(zoo).model, torch.zeros(1, 3, 32, 32), "GradCAM", 0, 4)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"num_classes": 3}, "num_classes is 3, with 2 class_names"),
        ({"class_names": None}, "class_names is missing"),
        ({"class_names": ["A", "A"]}, "two classes have the key 'A'"),
        ({"spec_version": "2.0"}, "version is 2.0, not 1.0"),
        ({"spacing_um_px": 0}, "spacing_um_px is no number above 0"),
        ({"patch_size_pixels": 20_000}, "source_px is 20000"),
        ({"transform": [{"name": "ToTensor"}, {"name": "Crop"}]}, "the step Crop"),
        ({"transform": [{"name": "Resize", "arguments": {"size": [3, 4]}}, {"name": "ToTensor"}]},
         "not square"),
        ({"transform": [{"name": "Normalize"}, {"name": "ToTensor"}]}, "is not at most one"),
        ({"transform": [{"name": "ToTensor"}, {"name": "Normalize", "arguments": {}}]},
         "the step Normalize"),
        ({"transform": [{"name": "Resize", "arguments": {"size": 99_999}}, {"name": "ToTensor"}]},
         "window_px is 99999"),
    ],
)  # fmt: skip
def test_a_config_that_cannot_be_is_named(
    tmp_path: Path, changes: dict[str, Any], named: str
) -> None:
    folder = save_folder(tmp_path / "model", **changes)
    with pytest.raises(CheckpointError, match=named):
        read_card(folder)


def test_a_checkpoint_that_calls_itself_torchscript_is_none(tmp_path: Path) -> None:
    path = save_classifier(tmp_path / "a.safetensors", arch="torchscript", config={})
    with pytest.raises(CheckpointError, match="Unknown architecture 'torchscript'"):
        checkpoint.load(path)


def test_a_folder_without_one_of_its_files(tmp_path: Path) -> None:
    for name in ("config.json", "torchscript_model.pt"):
        folder = save_folder(tmp_path / name / "model")
        (folder / name).unlink()
        with pytest.raises(CheckpointError, match=f"has no {name}"):
            read_card(folder)


class Saves(Reddish):
    def forward(self, x: Tensor) -> Tensor:
        torch.save(x, "written-by-a-model")
        return self.head(x.mean((2, 3)))


class Opens(Reddish):
    def forward(self, x: Tensor) -> Tensor:
        if x.shape[0] > 100:
            x = x + torch.from_file("/etc/passwd", False, 1)[0]
        return self.head(x.mean((2, 3)))


class Wakes(Reddish):
    @torch.jit.export
    def __getstate__(self) -> int:
        return 1

    @torch.jit.export
    def __setstate__(self, state: int) -> None:
        torch.save(state, "written-by-a-model")


class OfThree(Reddish):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x.mean((2, 3)), x.mean((2, 3))], 1)


class NoNumber(Reddish):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(x.mean((2, 3))) / (x.mean() * 0)


@pytest.mark.parametrize(
    ("network", "named"),
    [
        (Saves, "uses the operator aten::save"),
        (Opens, "uses the operator aten::from_file"),
        (Wakes, "would run code while it is read"),
        (OfThree, r"answers two images with \(2, 6\)"),
        (NoNumber, "NaN"),
    ],
)
def test_a_network_that_does_other_things_is_refused(
    tmp_path: Path, network: type[nn.Module], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = save_folder(tmp_path / "model", network().eval())
    with pytest.raises(CheckpointError, match=named):
        checkpoint.load(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_network_saved_in_training_mode_is_refused(tmp_path: Path) -> None:
    folder = save_folder(tmp_path / "model")
    network = nn.Sequential(nn.BatchNorm2d(3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.ReLU(),
                            nn.Linear(3, 2)).train()  # fmt: skip
    save_script(folder / "torchscript_model.pt", network, torch.randn(2, 3, 32, 32))
    with pytest.raises(CheckpointError, match="training mode"):
        checkpoint.load(folder)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_damaged_file_is_refused(tmp_path: Path, share: float) -> None:
    folder = save_folder(tmp_path / "model")
    path = folder / "torchscript_model.pt"
    data = bytearray(path.read_bytes())
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(CheckpointError, match="not a readable TorchScript file"):
        checkpoint.load(folder)
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 34\n")
    with pytest.raises(CheckpointError, match="git lfs pull"):
        checkpoint.load(folder)


def repacked(path: Path, change: Callable[[str, bytes], bytes]) -> None:
    """Change records of an archive; its checksums are right again."""
    with zipfile.ZipFile(path) as archive:
        entries = [(e.filename, archive.read(e)) for e in archive.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries:
            archive.writestr(name, change(name.partition("/")[2], data))


def test_weights_beyond_what_the_file_holds_are_refused(tmp_path: Path) -> None:
    """torch would read them from the memory behind."""
    folder = save_folder(tmp_path / "model", nn.Sequential(nn.Flatten(), nn.Linear(3072, 2)).eval())
    path = folder / "torchscript_model.pt"
    checkpoint.load(folder)
    whole = path.read_bytes()
    repacked(path, lambda name, data: data[:-4] if name.startswith("data/") else data)
    with pytest.raises(CheckpointError, match=r"the record \d is shorter than it should be"):
        checkpoint.load(folder)
    path.write_bytes(whole)
    stated, more = (3072).to_bytes(2, "little"), (3073).to_bytes(2, "little")  # BININT2
    repacked(
        path,
        lambda name, data: data.replace(b"M" + stated, b"M" + more) if name == "data.pkl" else data,
    )
    with pytest.raises(CheckpointError, match="a weight reaches beyond its record"):
        checkpoint.load(folder)


FUZZ = """
import io, random, sys, warnings, zipfile
from pathlib import Path

from ssmamba.checkpoints import checkpoint
from ssmamba.errors import SSMambaError
from tests.fuzz.mutations import mutated

warnings.simplefilter("ignore")
folder, count = Path(sys.argv[1]), int(sys.argv[2])
path = folder / "torchscript_model.pt"
with zipfile.ZipFile(path) as archive:
    records = {e.filename: archive.read(e) for e in archive.infolist()}
for number in range(count):
    print(number, flush=True)
    rng = random.Random(number)
    chosen = rng.choice([name for name, data in records.items() if data])
    data = records[chosen]
    if number % 3:
        other = mutated(data, [data], rng, False)
    else:
        other = bytes(b if rng.random() > 0.02 else rng.randrange(256) for b in data)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, own in records.items():
            archive.writestr(name, other if name == chosen else own)
    path.write_bytes(made.getvalue())
    try:
        checkpoint.load(folder)
    except SSMambaError:
        pass
"""


@pytest.mark.slow
def test_mutated_records_crash_nothing(tmp_path: Path) -> None:
    """With right checksums, so that torch's own reader sees them."""
    folder = save_folder(tmp_path / "model")
    count = os.environ.get("SSMAMBA_FUZZ", "300")
    done = subprocess.run(
        [sys.executable, "-c", FUZZ, str(folder), count],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    last = done.stdout.split()[-1:]
    assert done.returncode == 0, f"mutation {last} ended with {done.returncode}: {done.stderr}"
    assert last == [str(int(count) - 1)]
