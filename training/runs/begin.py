"""Start of a run: checks of device, data and flags, then its folder and random numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from lightning_fabric import Fabric

from ssmamba.errors import DataError
from ssmamba.lock import refuse_locked
from ssmamba.runtime.memory import keep_freed_memory
from training.config import FinetuneConfig, PretrainConfig, RunConfig
from training.data.catalog import MANIFEST, SPLITS
from training.data.dataset import Dataset, load_dataset
from training.data.describe import count_table
from training.data.few import with_few_labels
from training.loop.progress import console
from training.runs.device import make_fabric, seed_everything
from training.runs.folder import claimed_folder, refuse_used_folder
from training.runs.plan import make_plan
from training.runs.recipe import training_side

# methods with a second network that follows the first; FSDP's forward pass hides its weights
FOLLOWED = ("contrastive", "mamim+")
UNEVEN = 2.0  # largest class / smallest class above which the balance is warned about


def open_run(config: RunConfig) -> tuple[Fabric, Dataset]:
    """Choose the device and check data and flags; nothing is written. Raises DataError."""
    method = getattr(config, "method", "")
    if config.strategy == "fsdp" and method in FOLLOWED:
        raise DataError(f"--method {method} does not work with fsdp; give --strategy ddp.")
    refuse_locked(config.out)
    refuse_used_folder(config)
    fabric = make_fabric(config.accelerator, config.precision, config.devices, config.strategy)
    if fabric.device.type == "cpu":
        keep_freed_memory()
    quiet = not fabric.is_global_zero
    dataset = load_dataset(
        config.data,
        config.split_seed,
        config.dataset_info,
        quiet,
        SPLITS,
        least_classes=1 if isinstance(config, PretrainConfig) else 2,
    )
    if isinstance(config, FinetuneConfig) and config.labels_a_class:
        dataset = with_few_labels(dataset, config.labels_a_class, config.seed)
    training_side(config, dataset)
    make_plan(config, fabric, len(dataset.indices("train")))
    return fabric, dataset


@contextmanager
def begun_run(config: RunConfig, section: str, fabric: Fabric, dataset: Dataset) -> Iterator[None]:
    """Make the run folder, which is this run's own meanwhile, and seed the random numbers."""
    with ExitStack() as held:
        if fabric.is_global_zero:
            show_balance(dataset)
            if config.warmup_epochs > config.epochs:
                console.print(
                    f"The learning rate rises over {config.warmup_epochs:g} epochs and never "
                    f"reaches its peak in {config.epochs}: consider a smaller --warmup-epochs."
                )
            held.enter_context(claimed_folder(config, section, dataset))
        seed_everything(config.seed)
        yield


def show_balance(dataset: Dataset) -> None:
    """Print images by class and split, and warn when the classes are uneven."""
    counts = dataset.counts()
    console.print(count_table(dataset.info, counts, f" (split seed {dataset.split_seed})"))
    console.print(_grouping(dataset))
    train = counts["train"].values()
    if max(train) > UNEVEN * min(train):
        console.print(
            f"The classes are uneven (largest {max(train)}, smallest {min(train)} training "
            "images): watch macro-F1, and consider --class-weights."
        )


def _grouping(dataset: Dataset) -> str:
    """A sentence on what keeps the images of a patient or slide in one split."""
    items = dataset.catalog.items
    groups = {item.group for item in items if item.group}
    if groups:
        return f"{len(groups)} groups, each within one split."
    if all(item.split for item in items):
        return f"The split comes from {MANIFEST}; no groups are known."
    return (
        "No groups are known, so one patient's images may be in several splits: name "
        f"patients or slides in the column `group` of {MANIFEST}."
    )
