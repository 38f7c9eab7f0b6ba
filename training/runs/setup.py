"""What pre-training and fine-tuning prepare alike: device, data, recipe, plan, architecture."""

from __future__ import annotations

import os
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import Precision
from rich.table import Table
from torch import nn

from ssmamba.config import SSMambaConfig
from ssmamba.errors import DataError
from ssmamba.runtime.device import gpu_problem, set_float32
from ssmamba.runtime.memory import keep_freed_memory
from training.augment.recipe import Recipe
from training.augment.stain import StainJitter
from training.backbones.baselines import scaled
from training.config import RunConfig
from training.data.catalog import MANIFEST, SPLITS
from training.data.dataset import Dataset, cache_side, load_dataset
from training.loop.batches import Plan
from training.loop.fit import Schedule
from training.loop.precision import Autocast
from training.loop.progress import console
from training.loop.sharding import fsdp_strategy
from training.runs.folder import claim_folder, refuse_used_folder

MOST_THREADS = 8  # that prepare batches for one GPU
ACCELERATORS = ("auto", "cpu", "cuda", "gpu", "mps")
PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")  # weights, data and scores stay in float32
UNEVEN = 2.0  # largest class / smallest class above which the balance is warned about
CONFIG_FIELDS = (
    "mixer",
    "embedding",
    "act",
    "pool",
    "drop_path",
    "column_scans",
    "alternate_scans",
    "scan_norm",
    "local_every_block",
    "overlap",
    "deep_stem",
    "batch_norm",
    "kernels",
    "d_state",
    "mlp_ratio",
)


def open_run(config: RunConfig) -> tuple[Fabric, Dataset]:
    """Choose the device and check data and flags; nothing is written. Raises DataError."""
    if config.strategy == "fsdp" and getattr(config, "method", "") == "contrastive":
        raise DataError("--method contrastive keeps two encoders in step; give --strategy ddp.")
    refuse_used_folder(config)
    fabric = make_fabric(config.accelerator, config.precision, config.devices, config.strategy)
    if fabric.device.type == "cpu":
        keep_freed_memory()
    quiet = not fabric.is_global_zero
    dataset = load_dataset(config.data, config.split_seed, config.dataset_info, quiet, SPLITS)
    _training_side(config, dataset)
    make_plan(config, fabric, len(dataset.indices("train")))
    return fabric, dataset


def begin_run(config: RunConfig, section: str, fabric: Fabric, dataset: Dataset) -> None:
    """Make the run folder and set the random numbers."""
    if fabric.is_global_zero:
        show_balance(dataset)
        if config.warmup_epochs > config.epochs:
            console.print(
                f"The learning rate rises over {config.warmup_epochs:g} epochs and never reaches "
                f"its peak in {config.epochs}: consider a smaller --warmup-epochs."
            )
        claim_folder(config, section, dataset)
    seed_everything(config.seed)


def make_fabric(
    accelerator: str, precision: str, devices: str = "1", strategy: str = "ddp"
) -> Fabric:
    """Fabric on the asked device, as one of torchrun's processes where there are several.

    float32 is exact from here on, as in the predictor (see ``set_float32``); steps of training
    alone round.
    Raises DataError when the device cannot be had.
    """
    _refuse_device(accelerator, precision, devices)
    kind = _device_type(accelerator)
    if precision == "16-mixed" and kind == "cpu":
        raise DataError("--precision 16-mixed needs a GPU; give bf16-mixed or 32-true.")
    try:
        count, nodes = _processes(devices)
        fabric = Fabric(
            accelerator=kind,
            devices=count,
            num_nodes=nodes,
            strategy=_strategy(strategy, count, nodes, precision),
            plugins=_precision(precision, kind),
        )
        fabric.launch()
    except (RuntimeError, ValueError, TypeError) as error:
        first = str(error).splitlines()[0]
        raise DataError(
            f"The device cannot be used ({first}); choose another --accelerator, --devices or "
            "--precision."
        ) from error
    set_float32(exact=True)
    return fabric


def _refuse_device(accelerator: str, precision: str, devices: str) -> None:
    """Raise DataError for a device or a precision that is not there, in our own words."""
    if accelerator not in ACCELERATORS:
        raise DataError(f"Unknown --accelerator '{accelerator}'; choose auto, cpu or cuda.")
    if precision not in PRECISIONS:
        raise DataError(
            f"Unknown --precision '{precision}'; choose 32-true, bf16-mixed or 16-mixed."
        )
    if not re.fullmatch(r"auto|-1|[1-9]\d*|\d+(,\d+)+", devices):
        raise DataError(f"--devices {devices} must be a number from 1 on, or GPUs such as 0,1.")
    problem = gpu_problem() if accelerator in ("cuda", "gpu") else None
    if problem and not (accelerator == "gpu" and torch.backends.mps.is_available()):
        raise DataError(
            f"--accelerator {accelerator} cannot be used: {problem}; give --accelerator cpu, or "
            "auto to take what is there."
        )


def _device_type(accelerator: str) -> str:
    """The type of device that is meant, "auto" and "gpu" resolved as Fabric does."""
    if accelerator not in ("auto", "gpu"):
        return accelerator
    if torch.backends.mps.is_available():
        return "mps"
    return "cuda" if accelerator == "gpu" or torch.cuda.is_available() else "cpu"


def _precision(name: str, kind: str) -> Precision:
    mixed: Any = name
    return Precision() if name == "32-true" else Autocast(mixed, kind)


def _strategy(name: str, count: Any, nodes: int, precision: str) -> Any:
    if count == nodes == 1:
        return "auto"  # one process has nothing to share
    if name == "ddp":
        # A MAMIM encoder's last norm is without gradient, which plain DDP refuses.
        return "ddp_find_unused_parameters_true"
    if not isinstance(count, int) or count < 1:
        raise DataError(f"--strategy fsdp needs a number of --devices, not {count}.")
    if precision == "16-mixed":
        raise DataError(
            "--strategy fsdp does not go with 16-mixed; give --precision bf16-mixed, or --strategy "
            "ddp."
        )
    return fsdp_strategy(count * nodes)


def _processes(devices: str) -> tuple[Any, int]:
    """Devices on this machine and number of machines; torchrun's word wins over --devices."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        return int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["GROUP_WORLD_SIZE"])
    return (int(devices) if devices.lstrip("-").isdigit() else devices), 1


def tell_model(fabric: Fabric, label: str, model: nn.Module, init: Path | None = None) -> None:
    """Print what is trained, what it starts from, and where."""
    if not fabric.is_global_zero:
        return
    count = sum(p.numel() for p in model.parameters()) / 1e6
    start = f", from {init}" if init else ""
    cuda = fabric.device.type == "cuda"
    device = torch.cuda.get_device_name(fabric.device) if cuda else fabric.device.type.upper()
    many = f"{fabric.world_size} × " if fabric.world_size > 1 else ""
    console.print(f"{label}, {count:.1f} million parameters{start}, on {many}{device}.")


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
    console.print(_grouping(dataset))
    train = counts["train"].values()
    if max(train) > UNEVEN * min(train):
        console.print(
            f"The classes are uneven (largest {max(train)}, smallest {min(train)} training "
            "images): watch macro-F1, and consider --class-weights."
        )


def _grouping(dataset: Dataset) -> str:
    """What keeps images of one patient or slide on one side."""
    items = dataset.catalog.items
    groups = {item.group for item in items if item.group}
    if groups:
        return f"{len(groups)} groups, each on one side of the split."
    if all(item.split for item in items):
        return f"The split is that of {MANIFEST}; no groups are known."
    return (
        "No groups are known, so one patient's images may be on both sides of the split: name "
        f"patients or slides in the column group of {MANIFEST}."
    )


def make_recipe(config: RunConfig, dataset: Dataset) -> Recipe:
    jitter = StainJitter(
        stain_basis(config, dataset),
        config.stain_scale,
        config.stain_shift,
        config.gamma,
        config.brightness,
        config.colour_cast,
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
    """SSMamba or VMamba as --arch, --size and the ablation flags ask for."""
    if config.arch != "vmamba":
        return override(SSMambaConfig.of_size(config.size), config)
    sized = SSMambaConfig.vmamba(config.size)
    first = scaled(sized.dims[0], config.baseline_width)
    dims = (first, 2 * first, 4 * first, 8 * first)
    return override(replace(sized, dims=dims), config)


def override(encoder: SSMambaConfig, config: RunConfig) -> SSMambaConfig:
    """Change the fields whose flags were given."""
    given = {name: getattr(config, name) for name in CONFIG_FIELDS}
    return replace(encoder, **{k: v for k, v in given.items() if v is not None})


def stain_basis(config: RunConfig, dataset: Dataset) -> str:
    """The axes of the colour changes: as asked, or as the data set says."""
    return dataset.info.stain_basis if config.stain_basis == "auto" else config.stain_basis


def training_images(config: RunConfig, dataset: Dataset) -> np.ndarray:
    """(N, S, S, 3) uint8 of the train split, S as large as crops need and memory allows."""
    return dataset.images("train", _training_side(config, dataset))


def _training_side(config: RunConfig, dataset: Dataset) -> int:
    count = len(dataset.indices("train"))
    return cache_side(dataset.source_px(), config.image_size, count, config.cache_gib)


def make_plan(config: RunConfig, fabric: Fabric, images: int) -> Plan:
    """The order of the batches. Raises DataError when processes and passes cannot share one."""
    plan = Plan(
        images,
        config.batch_size,
        config.epochs,
        config.seed,
        fabric.global_rank,
        fabric.world_size,
        config.accumulate,
    )
    if config.accumulate < 1 or not plan.fits:
        parts = 2 * fabric.world_size * max(config.accumulate, 1)
        raise DataError(
            f"A step of {plan.step_images} images cannot be shared evenly by {fabric.world_size} "
            f"processes in {config.accumulate} passes; give a --batch-size that is a multiple of "
            f"{parts} (and no more than the {images} training images)."
        )
    return plan


def loader_threads(fabric: Fabric) -> int:
    """More when the cores wait for a GPU; beside a model on the CPU one, if it leaves a core free.

    A thread on a core that the model's own threads fill stops them all at each barrier.
    """
    if fabric.device.type == "cpu":
        return int(torch.get_num_threads() < (os.cpu_count() or 1))
    return max(1, min(MOST_THREADS, (os.cpu_count() or 2) // max(fabric.world_size, 1) - 1))


def make_schedule(config: RunConfig, lr: float, plan: Plan) -> Schedule:
    return Schedule(
        lr,
        config.weight_decay,
        round(config.warmup_epochs * plan.epoch_steps),
        config.clip_norm,
        config.ema_decay,
        config.validate_every,
    )
