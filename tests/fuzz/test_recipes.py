"""Recipes and descriptions of data sets, in YAML."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from tests.fuzz.apart import fuzz_apart
from tests.fuzz.harness import Door, Sample, fuzz_here
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


def test_some_files_end_in_an_answer_or_in_one_sentence(tmp_path: Path) -> None:
    tally = fuzz_here(DOOR, tmp_path)
    assert not tally.faults and tally.counts["refused"]


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.skipif(sys.platform != "linux", reason="limits of processes as Linux has them")
def test_many_files_neither_crash_nor_hang_nor_fill_the_memory(tmp_path: Path) -> None:
    tally = fuzz_apart(__name__, tmp_path)
    assert not tally.faults, "\n".join(tally.faults)
