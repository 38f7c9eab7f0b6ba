"""Flags of training.probe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.config import Split


@dataclass(frozen=True)
class ProbeConfig:
    """Probe the frozen features of a checkpoint: linear probe, neighbours, RankMe, maps."""

    checkpoint: Path  # a .safetensors file of training.pretrain or training.finetune
    data: Path  # folder of images: a folder per class, or with manifest.csv
    out: Path  # folder for probe.json and probe.png
    split: Split = "test"  # side of the data's split to look at
    split_seed: int | None = None  # None = the one the checkpoint was trained with
    dataset_info: Path | None = None  # description of the data set (class names, stain, licence)
    allow_overlap: bool = False  # probe also with images that the model was trained with
    folds: int = 5  # groups of images stay on one side
    neighbours: int = 20  # that vote
    seed: int = 0  # of the folds, the maps and the bootstrap
    resamples: int = 1000  # of the bootstrap
    accelerator: str = "auto"  # auto | cpu | cuda
    precision: str = "32-true"  # 32-true | bf16-mixed | 16-mixed
