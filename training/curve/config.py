"""Flags of training.curve, and the file with its fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from ssmamba.errors import DataError
from training.cli.yaml_file import read_yaml
from training.config import Accelerator, listed

ALL = "all"  # every training image has its label


@dataclass(frozen=True, kw_only=True)
class CurveConfig:
    """Draw the few-label curve of a pre-trained encoder: frozen, and fine-tuned against scratch."""

    checkpoint: Path  # a .safetensors file of training.pretrain
    data: Path  # folder of images: one folder per class, or with a manifest.csv
    out: Path  # folder of the runs, curve.md and curve.png
    labels: str = "1,4,16,64,all"  # labelled training images a class
    # draws of the labelled images; each is also the seed of weights, order and augmentation
    draws: int = 5
    frozen_only: bool = False  # only the probes of frozen features: minutes instead of hours
    # YAML file of fine-tuning by number of labels; default: resources/configs/curve.yaml
    recipe: Path | None = None
    # YAML file that describes the data set (class names, stain, licence)
    dataset_info: Path | None = None
    jobs: int = 1  # runs at the same time
    resume: bool = False  # continue the curve in --out, or add labels and draws to it
    accelerator: Accelerator = "auto"  # device to compute on; auto = a GPU if there is one

    def counts(self) -> tuple[str, ...]:
        """The numbers of labels in their order, "all" last. Raises DataError."""
        found = listed(self.labels)
        numbers = [part for part in found if part != ALL]
        if not found or len({*found}) != len(found) or not all(map(_is_count, numbers)):
            raise DataError(
                f"--labels {self.labels} must be distinct numbers of 1 or more, or {ALL}, such as "
                f"1,4,16,{ALL}."
            )
        return (*sorted(numbers, key=int), *(part for part in found if part == ALL))


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and text[0] != "0"


@dataclass(frozen=True)
class Recipe:
    """Flags of training.finetune, for all runs and by number of labels."""

    shared: dict[str, Any]
    by_count: dict[str, dict[str, Any]] = field(default_factory=dict)

    def flags(self, count: str) -> dict[str, Any]:
        return {**self.shared, **self.by_count[count]}


def read_recipe(config: CurveConfig) -> Recipe:
    """The flags for the numbers of labels that are asked for. Raises DataError."""
    file = config.recipe or resources.files("resources") / "configs" / "curve.yaml"
    raw = read_yaml(file, "check --recipe")
    given = raw.get("labels")
    if set(raw) - {"finetune", "labels"} or not isinstance(given, dict):
        raise DataError(
            f"{file} must have the mapping labels and may have finetune; see "
            "resources/configs/curve.yaml."
        )
    known = {str(count): dict(flags or {}) for count, flags in given.items()}
    missing = [count for count in config.counts() if count not in known]
    if missing:
        raise DataError(
            f"{file} says nothing about {', '.join(missing)} labels a class, only about "
            f"{', '.join(known)}; give other --labels, or a --recipe that does."
        )
    return Recipe(dict(raw.get("finetune") or {}), known)
