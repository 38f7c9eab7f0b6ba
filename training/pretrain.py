"""python -m training.pretrain: masked image modelling (MAMIM, SSMamba §3.4) on a data folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from ssmamba import checkpoint
from ssmamba.card import Card, InputSpec
from ssmamba.config import STRIDES, MAMIMConfig
from ssmamba.errors import DataError
from ssmamba.models import MAMIM, SSMamba, random_unit_mask
from ssmamba.models.batchnorm import bn_statistics, load_bn_statistics, reestimate_bn
from ssmamba.preprocess import to_tensor
from training.augment.recipe import Recipe
from training.command import run_command
from training.config import PretrainConfig
from training.data.dataset import Dataset, cache_side
from training.loop.batches import Batches, Plan
from training.loop.fit import Outcome, Schedule, Task, fit
from training.loop.progress import console
from training.metrics.reconstruction import (
    Scores,
    fixed_masks,
    model_fills,
    pixel_mask,
    reconstruction_scores,
    reconstruction_table,
    score_fills,
)
from training.setup import ablation_tags, base_card, encoder_config, make_recipe, start_run

CLEAN_BATCHES = 40  # batches over which the final clean BatchNorm statistics are averaged
ROUGH_BATCHES = 8  # the same for checkpoints on the way
VAL_IMAGES = 256  # of the validation split, scored after an epoch


class MaskedBatch(NamedTuple):
    images: Tensor  # (B, 3, H, W) normalised, perturbed
    target: Tensor  # (B, 3, H, W) normalised, clean
    mask: Tensor  # (B, h, w) bool, True = hidden


def main(argv: list[str] | None = None) -> int:
    return run_command(PretrainConfig, pretrain, section="pretrain", argv=argv)


def pretrain(config: PretrainConfig) -> None:
    """Train, then store the best weights with both sets of BatchNorm statistics and test scores."""
    _check(config)
    fabric, dataset = start_run(config, "pretrain")
    train = dataset.images("train", _cache_side(config, dataset))
    val = dataset.images("val", config.image_size)[:VAL_IMAGES]
    card = _card(config, dataset, train)
    model = MAMIM(SSMamba(encoder_config(config)), _mamim_config(config, dataset))
    recipe = make_recipe(config, dataset)
    plan = Plan(len(train), config.batch_size, config.epochs, config.seed,
                fabric.global_rank, fabric.world_size)  # fmt: skip
    batches = Batches(plan, _batch_maker(config, train, recipe, card.input))

    def save(path: Path, module: nn.Module, outcome: Outcome, **more: Any) -> None:
        assert isinstance(module, MAMIM)
        count = CLEAN_BATCHES if outcome.done and "metrics" in more else ROUGH_BATCHES
        clean = clean_statistics(module, _clean_batches(train, recipe, card.input, config, count))
        done = card.with_(training=training_entry(config, outcome, config.lr), **more)
        if "metrics" not in more:
            done = done.with_(metrics={"val": outcome.last_metrics})
        checkpoint.save(path, module, done, clean)

    schedule = Schedule(
        config.lr,
        config.weight_decay,
        round(config.warmup_epochs * plan.epoch_steps),
        config.clip_norm,
        config.ema_decay,
        config.validate_every,
    )
    task: Task[MaskedBatch] = Task(
        lambda module, batch: module(*(part.to(fabric.device) for part in _ordered(batch))),
        lambda module: _validate(module, val, card.input, config),
        lambda metrics: (-metrics["loss"],),
        save,
    )
    outcome = fit(fabric, model, batches, schedule, task, config.out, config.resume, "pretrain")
    if fabric.is_global_zero:
        _finish(config, fabric, dataset, model, outcome, card, save)


def _ordered(batch: MaskedBatch) -> tuple[Tensor, Tensor, Tensor]:
    return batch.images, batch.mask, batch.target


def _finish(
    config: PretrainConfig,
    fabric: Fabric,
    dataset: Dataset,
    model: MAMIM,
    outcome: Outcome,
    card: Card,
    save: Any,
) -> None:
    """Score the best weights on the test split and write them with the full card."""
    model.eval()
    test = dataset.images("test", config.image_size)
    scores = reconstruction_scores(model, test, card.input)
    metrics = {
        "val": {**outcome.best_metrics, "epoch": outcome.best_epoch},
        "test": {"n": len(test), "mask_seed": 0, **scores},
    }
    save(config.out / "best.safetensors", model, outcome, metrics=metrics)
    console.print(reconstruction_table(scores, f"Test split, {len(test)} images"))
    console.print(f"Wrote {config.out / 'best.safetensors'}")


def _check(config: PretrainConfig) -> None:
    if config.mask_unit % STRIDES[0] or config.image_size % config.mask_unit:
        raise DataError(
            f"--mask-unit {config.mask_unit} must be a multiple of {STRIDES[0]} that divides "
            f"--image-size {config.image_size}; choose 16 or 32."
        )


def _cache_side(config: PretrainConfig, dataset: Dataset) -> int:
    count = len(dataset.indices("train"))
    return cache_side(dataset.source_px(), config.image_size, count, config.cache_gib)


def _mamim_config(config: PretrainConfig, dataset: Dataset) -> MAMIMConfig:
    basis = dataset.info.stain_basis if config.stain_basis == "auto" else config.stain_basis
    return MAMIMConfig(
        mask_ratio=config.mask_ratio,
        mask_unit=config.mask_unit,
        decoder_dim=config.decoder_dim,
        decoder_depth=config.decoder_depth,
        decoder_mixer=config.decoder_mixer,
        skips=config.skips,
        norm_target=config.norm_target,
        perturb=config.perturb,
        stain=basis,
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


def training_entry(config: PretrainConfig, outcome: Outcome, lr: float) -> dict[str, Any]:
    """What the card says about the run; equal budgets are asserted from it."""
    return {
        "seed": config.seed,
        "split_seed": config.split_seed,
        "steps": outcome.step,
        "images_seen": outcome.images_seen,
        "epochs": config.epochs,
        "batch_size": config.batch_size,
        "lr": lr,
        "lrs_tried": [{"lr": lr, **outcome.best_metrics}],
        "best_epoch": outcome.best_epoch,
        "seconds": round(outcome.seconds, 1),
        "image_size": config.image_size,
    }


def _batch_maker(config: PretrainConfig, train: np.ndarray, recipe: Recipe, spec: InputSpec) -> Any:
    size = config.image_size

    def make(rows: np.ndarray, rng: np.random.Generator) -> MaskedBatch:
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        mask = random_unit_mask(
            len(rows), size, size, config.mask_ratio, config.mask_unit, generator
        )
        clean = recipe.crops(train, rows, rng)
        target = to_tensor(clean, spec)
        if not config.perturb:
            return MaskedBatch(target, target, mask)
        perturbed = recipe.perturb(clean, rng, pixel_mask(mask.numpy(), size))
        return MaskedBatch(to_tensor(perturbed, spec), target, mask)

    return make


def _validate(
    model: nn.Module, images: np.ndarray, spec: InputSpec, config: PretrainConfig
) -> dict[str, float]:
    """Loss, PSNR and SSIM on hidden pixels of clean validation images under fixed masks."""
    assert isinstance(model, MAMIM)
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
    reestimate_bn(encoder, batches)
    clean = bn_statistics(encoder)
    load_bn_statistics(encoder, masked)
    return {checkpoint.CLEAN_BN + name: value for name, value in clean.items()}


def _clean_batches(
    train: np.ndarray, recipe: Recipe, spec: InputSpec, config: PretrainConfig, count: int
) -> Iterator[Tensor]:
    rng = np.random.default_rng(config.seed)
    for _ in range(min(count, max(len(train) // config.batch_size, 1))):
        rows = rng.integers(0, len(train), min(config.batch_size, len(train)))
        yield to_tensor(recipe.crops(train, rows, rng), spec)


if __name__ == "__main__":
    sys.exit(main())
