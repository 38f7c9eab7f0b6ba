"""Pre-training by any method, from the config to the best checkpoint."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from ssmamba.checkpoints import checkpoint
from ssmamba.errors import DataError
from ssmamba.models.build import FOUR_STAGES
from ssmamba.models.mae import is_vit
from training.backbones.architectures import Architecture, architecture
from training.config import PretrainConfig
from training.data.dataset import Dataset, load_dataset
from training.loop.batches import Batches
from training.loop.fit import Fit
from training.loop.progress import console
from training.loop.task import Outcome, Task
from training.methods import METHODS, Material, Method
from training.runs.begin import begun_run, open_run
from training.runs.card import base_card, budget
from training.runs.device import tell_model
from training.runs.plan import loader_threads, make_plan, make_schedule, refuse_single_values
from training.runs.recipe import make_recipe, training_images

if TYPE_CHECKING:
    from training.probe.guard import Guard

VAL_IMAGES = 256  # of the validation split, scored after an epoch


def pretrain(config: PretrainConfig) -> None:
    """Train by --method, then save the best weights with their scores on the test split and what
    their frozen features are worth."""
    backbone = refuse_unfit(config)
    fabric, dataset = open_run(config)
    plan = make_plan(config, fabric, len(dataset.indices("train")))
    refuse_single_values(config, plan, backbone.build())
    labelled = _labelled(config, dataset, quiet=not fabric.is_global_zero)
    with begun_run(config, "pretrain", fabric, dataset):
        _train(config, fabric, dataset, backbone, labelled)


def _train(
    config: PretrainConfig,
    fabric: Fabric,
    dataset: Dataset,
    backbone: Architecture,
    labelled: Dataset,
) -> None:
    """labelled: whose labels the guard uses."""
    from training.probe.guard import open_guard  # seconds to import scikit-learn and matplotlib

    leads = fabric.is_global_zero
    method = METHODS[config.method](load_material(config, dataset, backbone))
    encoder = backbone.build()
    tell_model(fabric, backbone.label, encoder)
    guard = open_guard(method.material, labelled, encoder, fabric.device) if leads else None
    model = method.model(encoder)
    plan = make_plan(config, fabric, len(dataset.indices("train")))

    def validate(model: nn.Module) -> dict[str, float]:
        metrics = method.validate(model)
        if guard is not None:
            guard.look(method.encoder(model), run.outcome.epoch)
        return metrics

    task: Task[Any] = Task(
        partial(method.loss, device=fabric.device),
        validate,
        method.score,
        partial(_save, method),
    )
    batches = Batches(plan, method.make_batch, loader_threads(fabric), fabric.device)
    schedule = make_schedule(config, config.lr, plan)
    run = Fit(fabric, model, batches, schedule, task, config.out, "pretrain")
    outcome = run.run(config.resume)
    if leads:
        _finish(method, model, outcome, guard)


def _labelled(config: PretrainConfig, dataset: Dataset, quiet: bool) -> Dataset:
    """The data set of --probe-data, or the run's own. Raises DataError."""
    if config.probe_data is None:
        return dataset
    return load_dataset(config.probe_data, config.split_seed, quiet=quiet)


def load_material(config: PretrainConfig, dataset: Dataset, backbone: Architecture) -> Material:
    """Images in memory, their random changes, and the card so far."""
    train = training_images(config, dataset)
    val = dataset.images("val", config.image_size)
    spread = np.linspace(0, len(val) - 1, min(len(val), VAL_IMAGES)).round().astype(int)
    title = METHODS[config.method].title
    label = backbone.label.removeprefix("SSMamba ")
    card = base_card(config, dataset, train, backbone).with_(
        kind=config.method,
        name=config.name or f"{dataset.info.name} {title} {label}",
        pretraining=config.method,
    )
    return Material(config, dataset, make_recipe(config, dataset), card, train, val[spread])


def refuse_unfit(config: PretrainConfig) -> Architecture:
    """The backbone. Raises DataError where the method cannot take it; nothing is written."""
    backbone = architecture(config)
    with torch.device("meta"):
        encoder = backbone.build()
    if backbone.arch not in FOUR_STAGES and config.method in ("mamim", "mamim+"):
        others = "mae or contrastive" if is_vit(encoder) else "contrastive"
        raise DataError(
            f"--method {config.method} needs SSMamba or VMamba, not {backbone.label}; give "
            f"--method {others}."
        )
    METHODS[config.method].check(config, encoder)
    return backbone


def _finish(method: Method[Any], model: nn.Module, outcome: Outcome, guard: Guard | None) -> None:
    """Score the best weights on the test split, probe them, and write them with the full card."""
    model.eval()
    metrics = {
        "val": {**outcome.best_metrics, "epoch": outcome.best_epoch},
        "test": method.test(model),
    }
    if guard is not None:
        metrics["probe"] = guard.final(method.encoder(model), outcome.best_epoch)
    path = method.material.config.out / "best.safetensors"
    _write(method, path, model, outcome, metrics, final=True)
    console.print(f"Wrote {path}")


def _save(method: Method[Any], path: Path, model: nn.Module, outcome: Outcome) -> None:
    """Write a checkpoint of an unfinished run."""
    metrics = {"val": outcome.last_metrics} if outcome.last_metrics else {}
    _write(method, path, model, outcome, metrics, final=False)


def _write(
    method: Method[Any],
    path: Path,
    model: nn.Module,
    outcome: Outcome,
    metrics: dict[str, Any],
    final: bool,
) -> None:
    config = method.material.config
    entry = {**budget(config, config.lr, outcome), **method.settings()}
    weights, extra = method.stored(model, final)
    checkpoint.save(path, weights, method.card().with_(training=entry, metrics=metrics), extra)
