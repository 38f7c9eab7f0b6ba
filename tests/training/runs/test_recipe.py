"""The random changes of training images."""

from __future__ import annotations

from pathlib import Path

from training.config import FinetuneConfig
from training.data.dataset import load_dataset
from training.runs.recipe import make_recipe


def test_the_recipe_takes_the_data_sets_stains_unless_told(folder: Path, tmp_path: Path) -> None:
    info = tmp_path / "info.yaml"
    info.write_text("stain_basis: giemsa\nclasses: {round: R, striped: S}")
    data = load_dataset(folder, 0, info, quiet=True)
    config = FinetuneConfig(data=folder, out=tmp_path)
    assert make_recipe(config, data).stain.basis == "giemsa"
    told = FinetuneConfig(data=folder, out=tmp_path, stain_basis="he")
    assert make_recipe(told, data).stain.basis == "he"
