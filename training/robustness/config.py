"""Flags of training.robustness."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.config import Basis, Split


@dataclass(frozen=True)
class RobustnessConfig:
    """Measure classifiers on pictures changed at graded strength."""

    checkpoints: tuple[Path, ...]  # classifiers, .safetensors
    data: Path  # folder of images: a folder per class, or with manifest.csv
    out: Path  # folder for robustness.md, .csv, .png and .pdf
    only: str = ""  # kinds of change, "stain,blur"; "" = all
    split: Split = "test"  # side of the data's split to look at
    split_seed: int | None = None  # None = the one the checkpoints were trained with
    dataset_info: Path | None = None  # description of the data set (class names, stain, licence)
    images: int = 1000  # of the split at most, drawn by the seed; 0 = all
    allow_overlap: bool = False  # measure also on images that a model was trained with
    stain_basis: Basis = "auto"  # axes of the stain changes; auto = as the data set says
    seed: int = 0  # of the changes, the draw and the bootstrap
    resamples: int = 200  # of the bootstrap
    batch_size: int = 32  # images at once
    accelerator: str = "auto"  # auto | cpu | cuda
    precision: str = "32-true"  # 32-true | bf16-mixed | 16-mixed
