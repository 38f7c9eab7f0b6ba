"""Flags of training.probe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.config import Accelerator, Precision, Split


@dataclass(frozen=True)
class ProbeConfig:
    """Probe the frozen features of a checkpoint: linear probe, neighbours, RankMe, maps in 2D."""

    checkpoint: Path  # a .safetensors file of training.pretrain or training.finetune
    data: Path  # folder of images: one folder per class, or with a manifest.csv
    out: Path  # folder for probe.json and probe.png
    split: Split = "test"  # images to probe
    # which 7:1:2 split; default: the one that the checkpoint was trained with
    split_seed: int | None = None
    # YAML file that describes the data set (class names, stain, licence)
    dataset_info: Path | None = None
    allow_overlap: bool = False  # also probe on images that the model was trained on
    folds: int = 5  # folds of the cross-validation; a group stays in one fold
    neighbours: int = 20  # neighbours that vote
    seed: int = 0  # random seed of folds, maps and bootstrap
    resamples: int = 1000  # draws of the bootstrap
    accelerator: Accelerator = "auto"  # device to compute on; auto = a GPU if there is one
    precision: Precision = "32-true"  # number format of the arithmetic; weights stay in float32
