"""The entries of a card that training fills: data, input, budget, versions."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from ssmamba.checkpoints.card import Card, InputSpec
from ssmamba.errors import DataError
from training.backbones.architectures import Architecture
from training.config import RunConfig
from training.data.dataset import Dataset
from training.loop.task import Outcome

PACKAGES = ("torch", "numpy", "timm", "lightning-fabric", "opencv-python-headless", "torchmil")
Triple = tuple[float, float, float]


def base_card(
    config: RunConfig, dataset: Dataset, images: np.ndarray, backbone: Architecture
) -> Card:
    """The entries of a card that follow from the data, the backbone and the machine."""
    window, info = config.image_size, dataset.info
    mean, std = channel_statistics(images)
    spec = InputSpec(
        window_px=window,
        source_px=dataset.source_px(),
        mpp=None if info.mpp is None else info.mpp * dataset.source_px() / window,
        mean=mean,
        std=std,
        stain=info.stain,
        tissue=info.tissue,
        picture=info.picture,
        field_um=info.field_um,
        magnification=info.magnification,
        published_px=info.published_px,
    )
    return Card(
        classes=info.classes,
        input=spec,
        arch=backbone.arch,
        config=backbone.config,
        tags={**backbone.tags, **config.tags},
        training_hashes=tuple(sorted({*dataset.hashes("train"), *dataset.hashes("val")})),
        dataset=dataset.card_entry(),
        versions=versions(),
        licence=info.licence,
        attribution=info.attribution,
    )


def channel_statistics(images: np.ndarray) -> tuple[Triple, Triple]:
    """Mean and standard deviation of R, G, B in 0..1 over images (N, S, S, 3) uint8."""
    total, squares = np.zeros(3), np.zeros(3)
    for start in range(0, len(images), 256):
        part = images[start : start + 256].reshape(-1, 3).astype(np.float32) / 255
        total += part.sum(axis=0, dtype=np.float64)
        squares += (part**2).sum(axis=0, dtype=np.float64)
    count = images.size / 3
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 1e-4))
    return _triple(mean), _triple(std)


def _triple(values: np.ndarray) -> Triple:
    red, green, blue = (round(float(v), 5) for v in values)
    return red, green, blue


def refuse_name(out: Path) -> None:
    """Raise DataError where --out cannot name a checkpoint."""
    if out.is_dir() or out.suffix != ".safetensors":
        raise DataError(f"{out} is not a file name for a checkpoint; it must end in .safetensors.")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that affect the numbers."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def budget(config: RunConfig, lr: float, outcome: Outcome) -> dict[str, Any]:
    """Entries of the card about the run, from which equal budgets are asserted.

    ``steps`` and ``images_seen`` are those of one learning rate.
    """
    return {
        "seed": config.seed,
        "split_seed": config.split_seed,
        "steps": outcome.step,
        "images_seen": outcome.images_seen,
        "epochs": config.epochs,
        "batch_size": config.batch_size,
        "accumulate": config.accumulate,
        "image_size": config.image_size,
        "precision": config.precision,
        "lr": lr,
        "lrs_tried": [tried(lr, outcome)],
        "best_epoch": outcome.best_epoch,
        "seconds": round(outcome.seconds, 1),
    }


def tried(lr: float, outcome: Outcome) -> dict[str, float]:
    """A learning rate and its best validation metrics."""
    return {"lr": lr, **outcome.best_metrics}
