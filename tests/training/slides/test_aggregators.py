"""Aggregators in training and evaluation: bags of any size, one at a time."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from ssmamba.checkpoints.card import SlideSpec, read_card
from ssmamba.errors import DataError
from ssmamba.features.hdf5 import TileAttributes, write_features
from ssmamba.models.slides.encoder import SlideModel
from ssmamba.models.slides.mil import AGGREGATORS, MILConfig, build_aggregator, reads_places
from tests.ssmamba.models.slides.torchmil_like import torchmil  # noqa: F401  (a fixture)
from training import slide_evaluate, slide_finetune
from training.slides.bags import FeatureBags
from training.slides.cohort import read_cohort
from training.slides.task import slide_logits

D, TILES = 8, (3, 40, 7, 12, 5, 9, 4, 6, 8, 3, 5, 7)
SPEC = SlideSpec(256, 256, 0.5, encoder="test")


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A table and a folder: of every other patient one tile has a large feature."""
    folder = tmp_path_factory.mktemp("bags")
    rng, lines = np.random.default_rng(0), ["slide,patient,label"]
    for number, tiles in enumerate(TILES):
        values = rng.normal(0, 0.1, (tiles, D)).astype(np.float32)
        values[0, 3] += 3.0 * (number % 2)
        places = np.stack([np.arange(tiles) % 3 * 256, np.arange(tiles) // 3 * 256], 1)
        said = TileAttributes(256, 256, 20.0, 20.0, 0, f"s{number}")
        write_features(folder / f"s{number}.h5", places, values, said, {"encoder": "test"})
        lines.append(f"s{number}.svs,p{number},{('light', 'dark')[number % 2]}")
    (folder / "cohort.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "cohort.csv", folder


@pytest.mark.parametrize("name", [*AGGREGATORS, "torchmil:ABMIL", "torchmil:SmABMIL"])
@pytest.mark.usefixtures("torchmil")
def test_a_bag_answers_the_same_alone_and_beside_a_longer_one(
    features: tuple[Path, Path], name: str
) -> None:
    torch.manual_seed(0)
    model = SlideModel(build_aggregator(MILConfig(name, D, 16)), 3).eval()
    bags = FeatureBags(
        read_cohort(features[0], "classes", False), SPEC, 0, 1.0, features[1], reads_places(name)
    )
    device = torch.device("cpu")
    together = [slide_logits(model, bags, row, SPEC, device) for row in (1, 0)]
    bags.only([0])
    alone = slide_logits(model, bags, 0, SPEC, device)
    assert np.array_equal(together[1], alone)
    assert not np.array_equal(together[0], alone)


@pytest.mark.usefixtures("torchmil")
def test_a_model_of_torchmil_is_trained_measured_and_explained(
    features: tuple[Path, Path], tmp_path: Path
) -> None:
    table, folder = features
    flags = ["--cohort", str(table), "--features", str(folder)]
    more = ["--model", "torchmil:SmABMIL", "--hidden", "16", "--folds", "3", "--epochs", "8",
            "--warmup-epochs", "1", "--batch-size", "2", "--lr", "0.05", "--resamples", "20",
            "--only-fold", "0", "--accelerator", "cpu", "--mpp", "0.5"]  # fmt: skip
    assert slide_finetune.main([*flags, *more, "--out", str(tmp_path / "run")]) == 0
    best = tmp_path / "run" / "fold-0" / "best.safetensors"
    assert read_card(best).config["aggregator"] == "torchmil:SmABMIL"
    more = ["--checkpoint", str(best), "--allow-overlap", "--contributions", "--out"]
    assert slide_evaluate.main([*flags, *more, str(tmp_path / "measured")]) == 0
    results = json.loads((tmp_path / "measured" / "results.json").read_text(encoding="utf-8"))
    assert results["auc"] > 0.9
    with (tmp_path / "measured" / "contributions" / "s1.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 40 and {"dark", "light"} <= set(rows[0])


def test_places_need_the_side_of_a_tile(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:  # as CLAM's
        file["features"], file["coords"] = np.ones((2, D), np.float32), [[0, 0], [256, 0]]
    (tmp_path / "cohort.csv").write_text("slide,label\na.svs,x\n", encoding="utf-8")
    bags = FeatureBags(
        read_cohort(tmp_path / "cohort.csv", "classes", False), SPEC, 0, 1.0, tmp_path, True
    )
    with pytest.raises(DataError, match="does not say how large its tiles are"):
        bags[0]
