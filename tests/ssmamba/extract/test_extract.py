"""Features of whole slides: of the right tiles, whole, once, and accounted for."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from ssmamba.checkpoints.checkpoint import load_encoder
from ssmamba.features import encoders
from ssmamba.features.reading import read_tiles
from ssmamba.headless.extract import worker
from ssmamba.lock import locked_folder
from ssmamba.reading.preprocess import to_tensor
from ssmamba.slides.slide import Slide
from tests.slides import write_pyramid
from tests.ssmamba.extract.conftest import SCALE, SPEC, Run, on_glass

FEATURES = f"{SCALE}/features_model"


def rows(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "slides.csv").open(encoding="utf-8", newline="") as file:
        return {Path(row["slide"]).name: row for row in csv.DictReader(file)}


def test_features_are_those_of_the_tiles(extract: Run, folder: Path) -> None:
    status, told, out = extract("slides")
    assert status == 0 and "3 of 3 slides have features in" in told
    found = read_tiles(out / FEATURES / "two.h5")
    assert (found.layout, found.side, found.slide) == ("TRIDENT", 64, "two")
    assert (found.places % 64 == 0).all() and 12 < len(found.places) < 54
    assert found.places.tolist() == sorted(found.places.tolist(), key=lambda p: (p[1], p[0]))
    model, _ = load_encoder(folder / "model.safetensors")
    with Slide.open(folder / "slides" / "two.tif") as slide:
        tiles = np.stack([slide.read_window(x, y, 64, 32) for x, y in found.places])
    with torch.inference_mode():
        expected = model(to_tensor(tiles, SPEC)).flatten(1).numpy()
    assert found.features() == pytest.approx(expected, abs=1e-5)
    with h5py.File(out / FEATURES / "two.h5") as file:
        said = {**file["coords"].attrs, **file["features"].attrs}
    assert said["level0_magnification"] == 20 and said["target_magnification"] == 10
    assert said["patch_size"] == 32 and said["slide_mpp"] == 0.5 and said["encoder"] == "model"
    table = rows(out / FEATURES)
    assert table["two.tif"]["tiles"] == str(len(found.places)) and not table["two.tif"]["reason"]


def test_a_second_run_extracts_nothing_but_what_changed(
    extract: Run, folder: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    shutil.copytree(folder / "slides", own)
    out = extract(own)[2]
    (out / FEATURES / ".one.h5.0123abcd.partial").write_bytes(b"torn")
    before = {p.name: p.stat().st_mtime_ns for p in (out / FEATURES).glob("*.h5")}
    write_pyramid(own / "one.tif", mpp=0.5, picture=on_glass(700, 500, 9))
    (out / FEATURES / "two.h5").unlink()
    status, told, _ = extract(own)
    after = {p.name: p.stat().st_mtime_ns for p in (out / FEATURES).glob("*.h5")}
    assert status == 0 and {n for n in after if after[n] != before[n]} == {"one.h5", "two.h5"}
    assert "three.tif" not in told and not list((out / FEATURES).glob(".*.partial"))
    status, told, _ = extract(own, "--half")
    assert status == 2 and "other settings (dtype was float32)" in told


def test_float16_and_overlap(extract: Run) -> None:
    _, _, out = extract("slides/one.tif", "--half", "--overlap", "0.5")
    path = out / "10x_32px_16px_overlap" / "features_model" / "one.h5"
    found = read_tiles(path)
    assert found.features().dtype == np.float16
    assert set(np.diff(np.unique(found.places[:, 0]))) == {32.0}
    with h5py.File(path) as file:
        assert file["coords"].attrs["overlap"] == 16


def test_slides_without_features_are_named_and_cost_themselves_alone(
    extract: Run, folder: Path, tmp_path: Path
) -> None:
    torn = tmp_path / "torn.tif"
    torn.write_bytes((folder / "slides" / "one.tif").read_bytes()[:3000])
    table = tmp_path / "cohort.csv"
    lines = [f"{folder / name},{mpp}" for name, mpp in
             (("slides/two.tif", ""), ("no-mpp.tif", "0.5"))]  # fmt: skip
    table.write_text("\n".join(["slide,mpp", *lines]) + "\n")
    status, told, out = extract(table, "glass.tif", torn, tmp_path / "gone.tif")
    assert status == 2 and "2 of 5 slides have features" in told
    for said in ("glass.tif has no window with enough tissue", "There is no file", "torn.tif"):
        assert said in told
    found = rows(out / FEATURES)
    assert [name for name, row in found.items() if row["features"]] == ["two.tif", "no-mpp.tif"]
    assert all(bool(row["reason"]) != bool(row["features"]) for row in found.values())
    status, told, _ = extract("no-mpp.tif")
    assert status == 2 and "has no µm/px" in told


def test_an_encoder_without_a_scale_is_given_one(extract: Run) -> None:
    status, told, _ = extract("slides/one.tif", encoder="unscaled.safetensors")
    assert status == 2 and "does not say its µm/px; give that of a tile with --target-mpp" in told
    status, _, out = extract("slides/one.tif", "--target-mpp", "2", encoder="unscaled.safetensors")
    path = out / "5x_32px_0px_overlap" / "features_unscaled" / "one.h5"
    assert status == 0 and read_tiles(path).side == 128
    status, _, out = extract("slides/one.tif", "--patch-px", "64")
    assert (
        status == 0 and read_tiles(out / "10x_64px_0px_overlap/features_model/one.h5").side == 128
    )


def test_a_model_of_timms_by_name(extract: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class Means(nn.Module):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            return batch.mean((2, 3))

    monkeypatch.setattr(encoders, "_timm_model", lambda name: Means())
    given = ("slides/one.tif", "--target-mpp", "1", "--patch-px", "32")
    status, _, out = extract(*given, encoder="timm:resnet18.a1_in1k")
    path = out / SCALE / "features_resnet18.a1_in1k" / "one.h5"
    assert status == 0 and read_tiles(path).features().shape[1] == 3
    for encoder, why in (
        ("timm:resnet", "timm has no model 'resnet' (did you mean"),
        ("timm:hf-hub:somebody/model", "names no model of timm's"),
    ):
        status, told, _ = extract(*given, encoder=encoder)
        assert status == 2 and why in told


def test_weights_that_cannot_be_fetched_are_one_sentence(
    extract: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: object, **__: object) -> nn.Module:
        raise OSError("no network")

    monkeypatch.setattr("timm.create_model", offline)
    status, told, _ = extract("slides/one.tif", "--target-mpp", "1", encoder="timm:resnet18")
    assert status == 2 and "weights of resnet18 could not be fetched (no network)" in told


def test_a_full_disk_and_two_runs_on_one_folder(
    extract: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, out = extract("slides/one.tif")
    with locked_folder(out / FEATURES):
        status, told, _ = extract("slides")
    assert status == 2 and "Another command is at work in" in told

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(worker, "write_features", full)
    status, told, _ = extract("slides")
    assert status == 2 and "No space left on device" in told and "1 of 3 slides" in told
    assert sorted(p.name for p in (out / FEATURES).glob("*.h5")) == ["one.h5"]


def test_features_that_are_no_numbers_are_not_written(
    extract: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = encoders.Encoder.encode
    monkeypatch.setattr(encoders.Encoder, "encode", lambda *a: large(*a) + 1e6)
    status, told, out = extract("slides/one.tif", "--half")
    assert status == 2 and "tiles are no numbers; omit --half" in told
    assert not list(out.rglob("*.h5"))


def test_preflight_reads_nothing(extract: Run) -> None:
    status, told, out = extract("slides", "glass.tif", "--preflight")
    assert status == 2 and "4 in, 3 to read, 1 without." in told and not out.exists()
