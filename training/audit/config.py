"""Flags of training.audit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class AuditConfig:
    """Look for copies across the split and for what alone predicts the class."""

    data: Path  # folder of images: a folder per class, or with manifest.csv
    out: Path  # folder for audit.md, audit.png and audit.json
    split_seed: int = 0  # the split to audit, where the manifest names none
    dataset_info: Path | None = None  # description of the data set (class names, stain, licence)
    copies: bool = False  # also look for augmented copies by keypoints (minutes for thousands)
    most: int = 20_000  # images looked at for the cues, drawn by seed; 0 = all
    seed: int = 0  # of the draw, the folds and the bootstrap
    resamples: int = 1000  # of the bootstrap by group
