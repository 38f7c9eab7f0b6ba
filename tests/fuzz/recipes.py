"""Recipes and descriptions of data sets, in YAML."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.fuzz.harness import Door, Sample
from training.cli.command import as_yaml, parse
from training.config import FinetuneConfig, PretrainConfig
from training.data.describe import read_description

CONFIGS = Path(__file__).resolve().parents[2] / "resources" / "configs"


SMALL = """
finetune:
  epochs: 3
  lrs: 1e-3,3e-4
  tags: {day: 2024-05-01}
name: 2024-05-01
"""
DESCRIPTION = {
    "name": "Two kinds",
    "classes": {"round": {"name": "Round", "color": [200, 30, 30]}, "striped": {"name": "Striped"}},
    "stain": "H&E",
    "tissue": "drawn",
    "mpp": 0.5,
    "licence": "CC0",
    "attribution": "made for a test",
}


def samples(folder: Path) -> list[Sample]:
    found = [
        Sample(f"{path.stem}.yaml", path.read_bytes()) for path in sorted(CONFIGS.glob("*.yaml"))
    ]
    own = as_yaml("finetune", FinetuneConfig(data=Path("data"), out=Path("run"), tags={"a": "1"}))
    found += [Sample("own.yaml", own.encode()), Sample("small.yaml", SMALL.encode())]
    return [*found, Sample("dataset.yml", yaml.safe_dump(DESCRIPTION).encode())]


def enter(path: Path) -> None:
    if path.name == "dataset.yml":
        read_description(path, ("round", "striped"))
        return
    given = ["--data", "data", "--out", "run", "--config", str(path)]
    config = parse(FinetuneConfig, given, "finetune", recipe="paper")
    parse(PretrainConfig, given, "pretrain", recipe="paper")
    as_yaml("finetune", config)


DOOR = Door("recipes", samples, enter, text=True)
