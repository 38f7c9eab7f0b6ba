"""Fine-tuning: each learning rate is tried, the best on validation calibrated and stored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from lightning_fabric import Fabric
from torch import nn

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Card, InputSpec, read_card
from ssmamba.errors import DataError
from ssmamba.files import copy_file
from training.backbones.classifiers import Start, build_classifier
from training.config import FinetuneConfig
from training.data.aside import held_aside, share_aside
from training.data.dataset import Dataset
from training.evaluation.calibration import calibrated
from training.evaluation.cams import tell_without_cams
from training.loop.batches import Batches
from training.loop.epoch_log import LOG_FILE
from training.loop.fit import Fit
from training.loop.movement import Movement
from training.loop.progress import console
from training.loop.task import Outcome, Task
from training.methods.supervised import Supervised, selection_score
from training.runs.begin import begun_run, open_run
from training.runs.card import base_card, budget, tried
from training.runs.device import seed_everything, tell_model
from training.runs.movement import PARTS, tell_movement
from training.runs.plan import loader_threads, make_plan, make_schedule, refuse_single_values
from training.runs.recipe import training_images


@dataclass(frozen=True)
class Trial:
    """The result of one learning rate."""

    lr: float
    outcome: Outcome
    model: nn.Module
    folder: Path


def finetune(config: FinetuneConfig) -> None:
    """Train with each learning rate, keep the best on validation, calibrate, test, and store."""
    rates = _check(config)
    fabric, dataset = open_run(config)
    start = build_classifier(config, len(dataset.classes))
    _refuse_seen_test_images(config, start, dataset)
    share = share_aside(dataset, config.hold_aside)
    chooses, fits = held_aside(dataset, share)
    plan = make_plan(config, fabric, len(dataset.indices("train")))
    refuse_single_values(config, plan, start.model)
    if fabric.is_global_zero:
        tell_without_cams(start.model, config.image_size)
    with begun_run(config, "finetune", fabric, dataset):
        config = replace(config, hold_aside=share)
        tell_model(fabric, start.backbone.label, start.model, config.init)
        train = training_images(config, dataset)
        card = _card(config, dataset, start, train)
        task = Supervised(config, chooses, train, card.input, fabric.device)
        trials = [_try_rate(config, fabric, task, card, lr, len(rates) > 1) for lr in rates]
        if fabric.is_global_zero:
            best = max(trials, key=lambda trial: selection_score(trial.outcome.best_metrics))
            _finish(config, task, card, trials, best, fits)


def _try_rate(
    config: FinetuneConfig, fabric: Fabric, task: Supervised, card: Card, lr: float, many: bool
) -> Trial:
    """Train with one learning rate, from the same weights, order and augmentation as the others."""
    folder = config.out / f"lr-{lr:g}" if many else config.out
    folder.mkdir(parents=True, exist_ok=True)
    seed_everything(config.seed)
    model = build_classifier(config, len(task.dataset.classes)).model
    plan = make_plan(config, fabric, len(task.train))
    schedule = make_schedule(config, lr, plan)
    movement = None if config.strategy == "fsdp" else Movement(model)
    work = Task(
        task.loss,
        task.validate,
        selection_score,
        partial(_save, config, card, lr),
        lambda: {} if movement is None else {PARTS: movement.measure()},
    )
    batches = Batches(plan, task.make_batch, loader_threads(fabric), fabric.device)
    title = f"finetune lr {lr:g}" if many else "finetune"
    log, last = config.out / LOG_FILE, folder / "last.safetensors"
    try:
        run = Fit(fabric, model, batches, schedule, work, folder, title, log)
        if movement is not None:
            movement.watch(run.weights.optimizer)
        outcome = run.run(config.resume)
    finally:
        if fabric.is_global_zero and folder != config.out and last.is_file():
            copy_file(last, config.out / last.name)
    return Trial(lr, outcome, model, folder)


def _finish(
    config: FinetuneConfig,
    task: Supervised,
    card: Card,
    trials: list[Trial],
    best: Trial,
    fits: Dataset,
) -> None:
    """Calibrate the chosen model on the validation images of ``fits``, score it on the test split,
    and write it with its full card."""
    entry = training_entry(config, best.lr, best.outcome)
    entry["lrs_tried"] = [tried(trial.lr, trial.outcome) for trial in trials]
    entry["seconds"] = round(sum(trial.outcome.seconds for trial in trials), 1)
    metrics: dict[str, Any] = {"val": {**best.outcome.best_metrics, "n": len(task.val)}}
    done = card.with_(metrics=metrics, training=entry)
    done, statistics = calibrated(best.model, done, fits)
    checkpoint.save(config.out / "best.safetensors", best.model, done, statistics)
    if best.folder != config.out:
        copy_file(best.folder / "last.safetensors", config.out / "last.safetensors")
    tell_movement(config.out, best.lr, card.name)
    _tell(config, trials, best, done.metrics["test"])


def _tell(config: FinetuneConfig, trials: list[Trial], best: Trial, test: dict[str, Any]) -> None:
    for trial in trials:
        found = trial.outcome.best_metrics
        mark = "  <- best" if trial is best and len(trials) > 1 else ""
        console.print(
            f"lr {trial.lr:g}: val macro-F1 {found['macro_f1']:.4f}, NLL {found['nll']:.4f} "
            f"(epoch {trial.outcome.best_epoch}){mark}"
        )
    console.print(
        f"Test split, {test['n']} images: accuracy {test['accuracy']:.4f}, macro-F1 "
        f"{test['macro_f1']:.4f}, ECE {test['ece']:.4f}, unsure {test['unsure']:.1%}"
    )
    console.print(f"Wrote {config.out / 'best.safetensors'}")


def _check(config: FinetuneConfig) -> tuple[float, ...]:
    try:
        rates = config.rates()
    except ValueError as error:
        raise DataError(f"--lrs {config.lrs} must be numbers, such as 1e-3,3e-4.") from error
    if len(set(rates)) != len(rates) or min(rates) <= 0:
        raise DataError(f"--lrs {config.lrs} must be distinct numbers above 0.")
    return rates


def _card(config: FinetuneConfig, dataset: Dataset, start: Start, train: np.ndarray) -> Card:
    backbone = start.backbone
    card = base_card(config, dataset, train, backbone).with_(
        kind="classifier" if backbone.arch == "ssmamba" else "baseline",
        name=config.name or f"{dataset.info.name} {backbone.label}",
    )
    if start.parent is None:
        return card
    parent = start.parent
    hashes = sorted({*card.training_hashes, *parent.training_hashes})
    return card.with_(
        pretraining=parent.pretraining,
        parent_sha256=start.parent_sha256,
        training_hashes=tuple(hashes),
        licence="; ".join(dict.fromkeys(t for t in (card.licence, parent.licence) if t)),
        # The same normalisation as in pre-training, or its features shift.
        input=InputSpec(**{**vars(card.input), "mean": parent.input.mean, "std": parent.input.std}),
    )


def _refuse_seen_test_images(config: FinetuneConfig, start: Start, dataset: Dataset) -> None:
    if start.parent is None or config.allow_overlap:
        return
    seen = set(start.parent.training_hashes) & set(dataset.hashes("test"))
    if seen:
        raise DataError(
            f"{config.init} was pre-trained on {len(seen)} of {len(dataset.indices('test'))} test "
            f"images (with split seed {start.parent.dataset.get('split_seed')}); use the same "
            "--split-seed, or give --allow-overlap."
        )


def training_entry(config: FinetuneConfig, lr: float, outcome: Outcome) -> dict[str, Any]:
    """The budget of this run, with that of its pre-training inside."""
    entry = budget(config, lr, outcome)
    if config.freeze:
        entry["frozen_encoder"] = True
    if config.hold_aside:
        entry["hold_aside"] = config.hold_aside
    if config.init is not None:
        entry["pretraining"] = read_card(config.init).training
    return entry


def _save(
    config: FinetuneConfig, card: Card, lr: float, path: Path, model: nn.Module, outcome: Outcome
) -> None:
    """Write a checkpoint of an unfinished run: loadable, not yet calibrated."""
    done = card.with_(
        training=training_entry(config, lr, outcome),
        metrics={"val": outcome.last_metrics} if outcome.last_metrics else {},
    )
    checkpoint.save(path, model, done)
