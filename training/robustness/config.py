"""Flags of training.robustness."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.config import Accelerator, Basis, Precision, Split


@dataclass(frozen=True)
class RobustnessConfig:
    """Measure classifiers on images changed at graded strength."""

    checkpoints: tuple[Path, ...]  # classifiers, .safetensors
    data: Path  # folder of images: one folder per class, or with a manifest.csv
    out: Path  # folder for robustness.md, .csv, .png and .pdf
    only: str = ""  # kinds of change to measure, "stain,blur"; "" = all
    split: Split = "test"  # images to measure on
    # which 7:1:2 split; default: the one that the checkpoints were trained with
    split_seed: int | None = None
    # YAML file that describes the data set (class names, stain, licence)
    dataset_info: Path | None = None
    images: int = 1000  # most images of the split, drawn at random; 0 = all
    allow_overlap: bool = False  # also measure on images that a model was trained on
    stain_basis: Basis = "auto"  # axes of the stain changes; auto = as described in the data set
    seed: int = 0  # random seed of changes, draw and bootstrap
    resamples: int = 200  # draws of the bootstrap
    batch_size: int = 32  # images at once
    accelerator: Accelerator = "auto"  # device to compute on; auto = a GPU if there is one
    precision: Precision = "32-true"  # number format of the arithmetic; weights stay in float32
