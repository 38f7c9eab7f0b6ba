"""Flags of training.ablate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ssmamba.errors import DataError
from training.ablate.tables import TABLES
from training.config import Accelerator, Precision, listed


def seeds_of(text: str) -> tuple[int, ...]:
    """The seeds in a flag such as "0,1,2", in their order. Raises DataError."""
    try:
        found = tuple(int(part) for part in listed(text))
    except ValueError as error:
        raise DataError(f"--seeds {text} must be whole numbers, such as 0,1,2.") from error
    if not found or len(set(found)) != len(found) or min(found) < 0:
        raise DataError(f"--seeds {text} must be distinct numbers, 0 or larger.")
    return found


@dataclass(frozen=True, kw_only=True)
class AblateConfig:
    """Run a grid of models with equal budgets and write the paper's tables and figures.

    A --config file is passed on to every run: its `pretrain:` and `finetune:` sections are the
    recipe. Flags that are not given follow the recipe.
    """

    data: Path  # folder of images: one folder per class, or with a manifest.csv
    out: Path  # folder of the grid
    tables: str = "4,5,6,7"  # tables of the SSMamba paper
    only: str = ""  # train only these cells of the tables, "ssmamba,vit"; "" = all
    # random seeds of initial weights, order and augmentation; the split stays the same
    seeds: str = "0,1,2"
    lrs: str | None = None  # learning rates of fine-tuning to try; the best on validation wins
    jobs: int = 1  # runs at the same time
    resume: bool = False  # continue the grid in --out, or add tables and seeds to it
    # YAML file that describes the data set (class names, stain, licence)
    dataset_info: Path | None = None
    encoders: str = ""  # checkpoints of training.convert, "uni.safetensors,…": more rows of Table 4
    masks: Path | None = None  # folder of masks that show where the class is, named like the images

    size: str = "nano"  # size of SSMamba and its ablations: nano | tiny | small | base
    image_size: int | None = None  # side of the network input, pixels
    epochs: int | None = None  # epochs of fine-tuning
    pretrain_epochs: int | None = None  # epochs of pre-training
    batch_size: int | None = None  # batch size of fine-tuning
    pretrain_batch_size: int | None = None  # batch size of pre-training
    pretrain_lr: float | None = None  # learning rate of pre-training
    warmup_epochs: float | None = None  # warm-up epochs of both
    split_seed: int = 0  # which 7:1:2 split
    accelerator: Accelerator = "auto"  # device to compute on; auto = a GPU if there is one
    precision: Precision | None = None  # number format of the arithmetic; weights stay in float32

    cam: str = "GradCAM"  # CAM method of the figures
    # 1 (fine) to 4 (coarse); 0 = for each model where it points best on validation
    cam_stage: int = 4
    mosaics: int = 60  # images of four known classes on which CAMs are scored; 0 = none

    def seed_list(self) -> tuple[int, ...]:
        """Seeds in the order given. Raises DataError."""
        return seeds_of(self.seeds)

    def encoder_list(self) -> tuple[Path, ...]:
        """Checkpoints that become rows of Table 4, from --encoders."""
        return tuple(Path(part) for part in listed(self.encoders))

    def table_list(self) -> tuple[str, ...]:
        """Numbers of the tables. Raises DataError."""
        found = tuple(listed(self.tables))
        unknown = [number for number in found if number not in TABLES]
        if unknown or not found:
            raise DataError(
                f"--tables {self.tables} must name tables of the paper: {', '.join(TABLES)}."
            )
        return found
