"""python -m training.pretrain: masked image modelling (MAMIM, SSMamba §3.4) on a data folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ssmamba import checkpoint
from ssmamba.card import Card, InputSpec
from ssmamba.config import STRIDES, MAMIMConfig
from ssmamba.errors import DataError
from ssmamba.models import MAMIM, SSMamba, random_unit_mask
from ssmamba.models.batchnorm import bn_statistics, load_bn_statistics, reestimate_bn
from ssmamba.preprocess import to_tensor
from training.augment.recipe import Recipe
from training.cards import ablation_tags, base_card, budget
from training.command import run_command
from training.config import PretrainConfig
from training.data.dataset import Dataset
from training.loop.batches import Batches
from training.loop.fit import Outcome, Task, fit
from training.loop.progress import console
from training.metrics.reconstruction import (
    Scores,
    average,
    fixed_masks,
    model_fills,
    pixel_mask,
    reconstruction_each,
    reconstruction_table,
    score_fills,
)
from training.setup import (
    encoder_config,
    loader_threads,
    make_plan,
    make_recipe,
    make_schedule,
    stain_basis,
    start_run,
    training_images,
)

CLEAN_BATCHES = 40  # batches over which the final clean BatchNorm statistics are averaged
ROUGH_BATCHES = 8  # the same for checkpoints on the way
VAL_IMAGES = 256  # of the validation split, scored after an epoch


class MaskedBatch(NamedTuple):
    """In the order of MAMIM.forward."""

    images: Tensor  # (B, 3, H, W) normalised, perturbed
    mask: Tensor  # (B, h, w) bool, True = hidden
    target: Tensor  # (B, 3, H, W) normalised, clean


@dataclass(frozen=True)
class Material:
    """What a run works on."""

    config: PretrainConfig
    dataset: Dataset
    recipe: Recipe
    card: Card
    train: np.ndarray  # (N, S, S, 3) uint8, larger than the window
    val: np.ndarray  # (M, window, window, 3) uint8

    @property
    def spec(self) -> InputSpec:
        return self.card.input


def main(argv: list[str] | None = None) -> int:
    return run_command(PretrainConfig, pretrain, section="pretrain", argv=argv)


def pretrain(config: PretrainConfig) -> None:
    """Train, then store the best weights with both sets of BatchNorm statistics and test scores."""
    _check(config)
    fabric, dataset = start_run(config, "pretrain")
    material = _load(config, dataset)
    model = MAMIM(SSMamba(encoder_config(config)), _mamim_config(config, dataset))
    plan = make_plan(config, fabric, len(material.train))

    def loss(module: nn.Module, batch: MaskedBatch) -> Tensor:
        return module(*(part.to(fabric.device) for part in batch))

    task = Task(
        loss,
        partial(_validate, material=material),
        lambda metrics: (-metrics["loss"],),
        partial(_save, material),
    )
    batches = Batches(plan, partial(_make_batch, material), loader_threads(fabric))
    schedule = make_schedule(config, config.lr, plan)
    outcome = fit(fabric, model, batches, schedule, task, config.out, config.resume, "pretrain")
    if fabric.is_global_zero:
        _finish(material, model, outcome)


def _finish(material: Material, model: MAMIM, outcome: Outcome) -> None:
    """Score the best weights on the test split and write them with the full card."""
    model.eval()
    config = material.config
    test = material.dataset.images("test", config.image_size)
    scores = average(reconstruction_each(model, test, material.spec))
    metrics = {
        "val": {**outcome.best_metrics, "epoch": outcome.best_epoch},
        "test": {"n": len(test), "mask_seed": 0, **scores},
    }
    path = config.out / "best.safetensors"
    _write(material, path, model, outcome, metrics, CLEAN_BATCHES)
    console.print(reconstruction_table(scores, f"Test split, {len(test)} images"))
    console.print(f"Wrote {path}")


def _save(material: Material, path: Path, model: nn.Module, outcome: Outcome) -> None:
    """A checkpoint on the way."""
    assert isinstance(model, MAMIM)
    metrics = {"val": outcome.last_metrics} if outcome.last_metrics else {}
    _write(material, path, model, outcome, metrics, ROUGH_BATCHES)


def _write(
    material: Material,
    path: Path,
    model: MAMIM,
    outcome: Outcome,
    metrics: dict[str, Any],
    clean_batches: int,
) -> None:
    clean = clean_statistics(model, _clean_batches(material, clean_batches))
    entry = budget(material.config, material.config.lr, outcome)
    checkpoint.save(path, model, material.card.with_(training=entry, metrics=metrics), clean)


def _load(config: PretrainConfig, dataset: Dataset) -> Material:
    train = training_images(config, dataset)
    val = dataset.images("val", config.image_size)
    spread = np.linspace(0, len(val) - 1, min(len(val), VAL_IMAGES)).round().astype(int)
    card = _card(config, dataset, train)
    return Material(config, dataset, make_recipe(config, dataset), card, train, val[spread])


def _check(config: PretrainConfig) -> None:
    if config.mask_unit % STRIDES[0] or config.image_size % config.mask_unit:
        raise DataError(
            f"--mask-unit {config.mask_unit} must be a multiple of {STRIDES[0]} that divides "
            f"--image-size {config.image_size}; choose 16 or 32."
        )


def _mamim_config(config: PretrainConfig, dataset: Dataset) -> MAMIMConfig:
    return MAMIMConfig(
        mask_ratio=config.mask_ratio,
        mask_unit=config.mask_unit,
        decoder_dim=config.decoder_dim,
        decoder_depth=config.decoder_depth,
        decoder_mixer=config.decoder_mixer,
        skips=config.skips,
        norm_target=config.norm_target,
        perturb=config.perturb,
        stain=stain_basis(config, dataset),
    )


def _card(config: PretrainConfig, dataset: Dataset, train: np.ndarray) -> Card:
    encoder = encoder_config(config)
    return base_card(config, dataset, train).with_(
        kind="mamim",
        name=config.name or f"{dataset.info.name} MAMIM {encoder.size}",
        config=asdict(encoder),
        mamim=asdict(_mamim_config(config, dataset)),
        pretraining="mamim",
        tags={**ablation_tags(encoder), **config.tags},
    )


def _make_batch(material: Material, rows: np.ndarray, rng: np.random.Generator) -> MaskedBatch:
    config, recipe, spec = material.config, material.recipe, material.spec
    size, generator = config.image_size, torch.Generator().manual_seed(int(rng.integers(2**62)))
    mask = random_unit_mask(len(rows), size, size, config.mask_ratio, config.mask_unit, generator)
    clean = recipe.crops(material.train, rows, rng)
    target = to_tensor(clean, spec)
    if not config.perturb:
        return MaskedBatch(target, mask, target)
    perturbed = recipe.perturb(clean, rng, pixel_mask(mask.numpy(), size))
    return MaskedBatch(to_tensor(perturbed, spec), mask, target)


@torch.no_grad()
def _validate(model: nn.Module, material: Material) -> dict[str, float]:
    """Loss, PSNR and SSIM on hidden pixels of clean validation images under fixed masks."""
    assert isinstance(model, MAMIM)
    config, images, spec = material.config, material.val, material.spec
    device = next(model.parameters()).device
    masks = fixed_masks(len(images), config.image_size, config.mask_ratio, config.mask_unit, seed=0)
    total = 0.0
    for start in range(0, len(images), config.batch_size):
        part = slice(start, start + config.batch_size)
        pixels = to_tensor(images[part], spec).to(device)
        total += model(pixels, masks[part].to(device)).item() * len(pixels)
    predictions = model_fills(model, images, masks, spec, config.batch_size)
    scores: Scores = score_fills(images, masks, {"model": predictions})
    return {"loss": total / len(images), **scores["model"]}


def clean_statistics(model: MAMIM, batches: Iterator[Tensor]) -> dict[str, Tensor]:
    """BatchNorm statistics of the encoder on clean, unmasked images, as extra tensors.

    The model keeps its masked statistics.
    """
    encoder = model.encoder
    masked = bn_statistics(encoder)
    device = next(encoder.parameters()).device
    reestimate_bn(encoder, (batch.to(device) for batch in batches))
    clean = bn_statistics(encoder)
    load_bn_statistics(encoder, masked)
    return {checkpoint.CLEAN_BN + name: value for name, value in clean.items()}


def _clean_batches(material: Material, count: int) -> Iterator[Tensor]:
    """Unmasked, unperturbed crops of training images, (B, 3, H, W) normalised."""
    train, config = material.train, material.config
    rng = np.random.default_rng(config.seed)
    for _ in range(min(count, max(len(train) // config.batch_size, 1))):
        rows = rng.integers(0, len(train), min(config.batch_size, len(train)))
        yield to_tensor(material.recipe.crops(train, rows, rng), material.spec)


if __name__ == "__main__":
    sys.exit(main())
