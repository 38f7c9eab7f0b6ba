"""Flags of training.audit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class AuditConfig:
    """Look for copies across the split and for what alone predicts the class."""

    data: Path  # folder of images: one folder per class, or with a manifest.csv
    out: Path  # folder for audit.md, audit.png and audit.json
    split_seed: int = 0  # the split to audit if the manifest names none
    # YAML file that describes the data set (class names, stain, licence)
    dataset_info: Path | None = None
    # also look for augmented copies by keypoints (minutes for thousands of images)
    copies: bool = False
    most: int = 20_000  # images whose colours are measured, drawn at random; 0 = all
    seed: int = 0  # random seed of draw, folds and bootstrap
    resamples: int = 1000  # draws of the bootstrap by group
