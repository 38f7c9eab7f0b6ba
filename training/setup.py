"""What pre-training and fine-tuning prepare alike: run folder, device, data, recipe, card."""

from __future__ import annotations

import platform
import random
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from rich.table import Table

from ssmamba.card import Card, InputSpec
from ssmamba.config import SSMambaConfig
from ssmamba.errors import DataError
from training.augment.recipe import Recipe
from training.augment.stain import StainJitter
from training.command import write_config
from training.config import RunConfig
from training.data.catalog import SPLITS
from training.data.dataset import Dataset, load_dataset, require_every_class
from training.loop.fit import LOG_FILE
from training.loop.progress import console
from training.loop.state import STATE_FILE

UNEVEN = 2.0  # largest class / smallest class above which the balance is warned about
ABLATION_FIELDS = ("mixer", "embedding", "act", "pool")
CONFIG_FIELDS = (
    *ABLATION_FIELDS,
    "drop_path",
    "column_scans",
    "kernels",
    "d_state",
    "mlp_ratio",
)
PACKAGES = ("torch", "numpy", "timm", "lightning-fabric", "opencv-python-headless")


def start_run(config: RunConfig, section: str) -> tuple[Fabric, Dataset]:
    """Check the data, then make the run folder, and choose the device and the random numbers."""
    _refuse_used_folder(config)
    fabric = make_fabric(config.accelerator, config.precision, config.devices)
    quiet = not fabric.is_global_zero
    dataset = load_dataset(config.data, config.split_seed, config.dataset_info, quiet)
    require_every_class(dataset, SPLITS)
    if fabric.is_global_zero:
        show_balance(dataset)
        config.out.mkdir(parents=True, exist_ok=True)
        write_config(config.out / "config.yaml", section, config)
    seed_everything(config.seed)
    return fabric, dataset


def make_fabric(accelerator: str, precision: str, devices: str = "1") -> Fabric:
    """Fabric on the asked device. Raises DataError when it cannot be had."""
    try:
        count: Any = int(devices) if devices.lstrip("-").isdigit() else devices
        chosen: Any = precision
        fabric = Fabric(accelerator=accelerator, devices=count, precision=chosen)
        fabric.launch()
    except (RuntimeError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise DataError(
            f"The device cannot be used ({first}); choose another --accelerator or --precision."
        ) from error
    return fabric


def seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    torch.manual_seed(seed)


def show_balance(dataset: Dataset) -> None:
    """Print images by class and split, and warn when the classes are uneven."""
    counts = dataset.counts()
    table = Table(title=f"{dataset.info.name}: images by class (split seed {dataset.split_seed})")
    table.add_column("class")
    for split in SPLITS:
        table.add_column(split, justify="right")
    for info in dataset.info.classes:
        table.add_row(info.name, *(str(counts[split][info.key]) for split in SPLITS))
    table.add_section()
    table.add_row("all", *(str(sum(counts[split].values())) for split in SPLITS))
    console.print(table)
    train = counts["train"].values()
    if max(train) > UNEVEN * min(train):
        console.print(
            f"The classes are uneven (largest {max(train)}, smallest {min(train)} training "
            "images): watch macro-F1, and consider --class-weights."
        )


def make_recipe(config: RunConfig, dataset: Dataset) -> Recipe:
    basis = dataset.info.stain_basis if config.stain_basis == "auto" else config.stain_basis
    jitter = StainJitter(
        basis, config.stain_scale, config.stain_shift, config.gamma, config.brightness
    )
    return Recipe(
        config.image_size,
        (config.crop_min, 1.0),
        jitter,
        config.blur,
        config.blur_sigma,
        config.noise,
        config.noise_sigma,
    )


def encoder_config(config: RunConfig) -> SSMambaConfig:
    """The architecture asked for by --size and the ablation flags."""
    return override(SSMambaConfig.of_size(config.size), config)


def override(encoder: SSMambaConfig, config: RunConfig) -> SSMambaConfig:
    """Change the fields whose flags were given."""
    given = {name: getattr(config, name) for name in CONFIG_FIELDS}
    return replace(encoder, **{k: v for k, v in given.items() if v is not None})


def ablation_tags(encoder: SSMambaConfig) -> dict[str, str]:
    """{"mixer": "mamba", ...}: the fields by which ablations differ."""
    return {name: str(getattr(encoder, name)) for name in ABLATION_FIELDS}


def base_card(config: RunConfig, dataset: Dataset, images: np.ndarray) -> Card:
    """The part of a card that follows from the data and the machine."""
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
    )
    return Card(
        classes=info.classes,
        input=spec,
        training_hashes=tuple(sorted({*dataset.hashes("train"), *dataset.hashes("val")})),
        dataset=dataset.card_entry(),
        versions=versions(),
        licence=info.licence,
        attribution=info.attribution,
    )


Triple = tuple[float, float, float]


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


def versions() -> dict[str, str]:
    """Versions of what decides about the numbers."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _refuse_used_folder(config: RunConfig) -> None:
    """Never write over a run; --resume goes on in it."""
    used = [p for p in (config.out / STATE_FILE, config.out / LOG_FILE) if p.exists()]
    used += list(config.out.glob(f"*/{STATE_FILE}")) if config.out.is_dir() else []
    if used and not config.resume:
        raise DataError(
            f"{config.out} already holds a run; give --resume to go on with it, or another --out."
        )
    if config.out.exists() and not config.out.is_dir():
        raise DataError(f"{config.out} is a file; give a folder as --out.")
