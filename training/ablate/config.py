"""Flags of training.ablate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ssmamba.errors import DataError
from training.ablate.tables import TABLES


@dataclass(frozen=True, kw_only=True)
class AblateConfig:
    """Run a grid of models with equal budgets and write the paper's tables and figures.

    A --config file goes to every run: its `pretrain:` and `finetune:` sections are the recipe.
    Flags that are not given are as the recipe says.
    """

    data: Path  # folder of images: a folder per class, or with manifest.csv
    out: Path  # folder of the grid
    tables: str = "4,5,6,7"  # of the SSMamba paper
    only: str = ""  # cells of these tables to run, "ssmamba,vit"; "" = all
    seeds: str = "0,1,2"  # of weights, order and augmentation; the split stays the same
    lrs: str | None = None  # learning rates of fine-tuning, the best on validation is kept
    jobs: int = 1  # runs side by side
    resume: bool = False  # go on with the grid in --out, or add tables and seeds to it
    dataset_info: Path | None = None  # description of the data set (class names, stain, licence)
    encoders: str = ""  # of training.convert, "uni.safetensors,…": more rows of Table 4
    masks: Path | None = None  # folder of masks named as the images: where a class really is

    size: str = "nano"  # of SSMamba and its ablations
    image_size: int | None = None  # side of the network input, pixels
    epochs: int | None = None  # of fine-tuning
    pretrain_epochs: int | None = None  # of pre-training
    batch_size: int | None = None  # of fine-tuning
    pretrain_batch_size: int | None = None  # of pre-training
    pretrain_lr: float | None = None  # of pre-training
    warmup_epochs: float | None = None  # of both
    split_seed: int = 0  # which 7:1:2 split
    accelerator: str = "auto"  # auto | cpu | cuda
    precision: str | None = None  # 32-true | bf16-mixed | 16-mixed

    cam: str = "GradCAM"  # method of the figures
    cam_stage: int = 4  # 1 (fine) to 4 (coarse); 0 = each model where it points best on validation
    mosaics: int = 60  # pictures of four known classes on which CAMs are scored

    def seed_list(self) -> tuple[int, ...]:
        """Seeds in the order given. Raises DataError."""
        try:
            found = tuple(int(part) for part in self.seeds.split(",") if part.strip())
        except ValueError as error:
            raise DataError(f"--seeds {self.seeds} must be whole numbers such as 0,1,2.") from error
        if not found or len(set(found)) != len(found) or min(found) < 0:
            raise DataError(f"--seeds {self.seeds} must be different numbers from 0 on.")
        return found

    def encoder_list(self) -> tuple[Path, ...]:
        """Checkpoints that become rows of Table 4, from --encoders."""
        return tuple(Path(part.strip()) for part in self.encoders.split(",") if part.strip())

    def table_list(self) -> tuple[str, ...]:
        """Numbers of the tables. Raises DataError."""
        found = tuple(part.strip() for part in self.tables.split(",") if part.strip())
        unknown = [number for number in found if number not in TABLES]
        if unknown or not found:
            raise DataError(
                f"--tables {self.tables} must name tables of the paper: {', '.join(TABLES)}."
            )
        return found
