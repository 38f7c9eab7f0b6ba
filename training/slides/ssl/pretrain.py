"""Self-supervised training of a slide encoder, from the table to the best checkpoint."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from lightning_fabric import Fabric
from torch import nn

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Card, SlideSpec, file_sha256
from ssmamba.errors import DataError
from ssmamba.files import remove_partials, write_text
from ssmamba.lock import locked_folder, refuse_locked
from ssmamba.models.slides.encoder import RegionEncoder, SlideModel
from ssmamba.models.slides.fusion import regions_by_layer
from ssmamba.runtime.memory import keep_freed_memory, return_freed_memory
from training.cli.command import as_yaml
from training.loop.batches import Batches
from training.loop.epoch_log import LOG_FILE
from training.loop.fit import Fit
from training.loop.progress import console
from training.loop.task import Outcome, Schedule, Score, Task
from training.runs.card import versions
from training.runs.device import make_fabric, seed_everything, tell_model
from training.runs.folder import CONFIG_FILE, is_begun, refuse_other_values
from training.runs.movement import read_log
from training.runs.plan import loader_threads
from training.slides.bags import AnyBags, PixelBags, content_hash, readable
from training.slides.cohort import Cohort, read_cohort, read_folder, tell_left_out
from training.slides.config import SlidePretrainConfig
from training.slides.fit import tell_fit
from training.slides.folds import pretraining_parts
from training.slides.models import PIXEL_MAMBA, architecture, build
from training.slides.ssl.collapse import faults, level_metrics, sentence
from training.slides.ssl.distillation import Distillation
from training.slides.ssl.latentmim import LatentMIM
from training.slides.ssl.pictures import draw_levels
from training.slides.ssl.predictor import HEAD_DIM, PREFIX
from training.slides.ssl.task import METHODS, SlidePretraining, latentmim_config
from training.slides.ssl.val_probe import ValProbe
from training.slides.task import slide_plan

SECTION, SLIDES_FILE, LEVELS_PICTURE = "slide_pretrain", "slides.csv", "levels.png"
FEW_LEFT = 0.25  # share of the hidden regions below which what fusion leaves is said
TITLES = {"latentmim": "LatentMIM", "dino": "DINO"}


def slide_pretrain(config: SlidePretrainConfig) -> None:
    """Train by --method, say whether it collapses, and keep the best encoder."""
    architecture(config, 0)
    _refuse_unfit(config)
    refuse_locked(config.out)
    _refuse_used(config)
    cohort = _cohort(config.cohort)
    fabric = make_fabric(config.accelerator, config.precision, config.devices)
    if fabric.device.type == "cpu":
        (return_freed_memory if config.recompute else keep_freed_memory)()
    leads = bool(fabric.is_global_zero)
    bags = readable(cohort, partial(_opened, config), not leads)
    assert isinstance(bags, PixelBags)
    if config.method == "latentmim":
        _leave_out_single(bags)
    train, val = pretraining_parts(bags.cohort, config.val_share, config.split_seed)
    with _claimed(config, bags, train, val, leads):
        if leads:
            _tell(bags, train, val)
            _tell_fusion(config, bags)
            tell_fit(config, int(bags.counts.max()), fabric.device)
        _train(config, fabric, bags, train, val)


def _cohort(path: Path) -> Cohort:
    return read_folder(path) if path.is_dir() else read_cohort(path)


def _opened(config: SlidePretrainConfig, cohort: Cohort) -> AnyBags:
    window = config.window
    spec = SlideSpec(window, window, config.mpp, foreground=config.foreground)
    return PixelBags(cohort, spec, 0, config.cache_gib, config.slide_mpp)


def _train(
    config: SlidePretrainConfig,
    fabric: Fabric,
    bags: PixelBags,
    train: np.ndarray,
    val: np.ndarray,
) -> None:
    seed_everything(config.seed)
    start = build(config, 0, 0)
    encoder = start.encoder
    assert isinstance(encoder, RegionEncoder)
    tell_model(fabric, f"{TITLES[config.method]}: {config.model}", start, config.init)
    mean, std = bags.colours(train.tolist())
    spec = replace(bags.spec, mean=mean, std=std)
    work = METHODS[config.method](config, bags, train, val, spec, fabric.device)
    plan = slide_plan(config, fabric, len(train))
    encoder.to(fabric.device).eval()
    untrained = level_metrics(work.encoded(encoder, val))
    model = work.model(encoder.train(), plan.steps, plan.accumulate, plan.epoch_steps)
    if isinstance(model, LatentMIM):
        untrained = work.validate(model.to(fabric.device)) | untrained
    watch = CollapseWatch(config, untrained, bool(fabric.is_global_zero))
    probe = ValProbe(config, work, bool(fabric.is_global_zero))
    probe.look(work.kept(model.to(fabric.device)), 0)
    model.train()

    def validate(model: nn.Module) -> dict[str, float]:
        found = watch.looked(work.validate(model), run.outcome.epoch)
        probe.look(work.kept(model), run.outcome.epoch)
        return found

    def score(metrics: dict[str, float]) -> Score:
        last = -metrics["loss"] if config.method == "latentmim" else float(run.outcome.epoch)
        return (-metrics["collapsed"], last)

    def each_epoch() -> dict[str, Any]:
        assert isinstance(model, Distillation)
        return {"watched": model.take_watched()}

    card = _card(config, bags, train, val, spec)
    save = partial(_save, config, card, work, watch)
    task: Task[Any] = Task(work.loss, validate, score, save, each_epoch)
    batches: Batches[Any] = Batches(plan, work.make_batch, loader_threads(fabric), fabric.device)
    run = Fit(
        fabric, model, batches, _schedule(config, plan.epoch_steps), task, config.out, SECTION
    )
    outcome = run.run(config.resume)
    if fabric.is_global_zero:
        model.eval()
        probes = probe.final(work.kept(model), outcome.best_epoch)
        card = card.with_(metrics={"probes": probes} if probes else {})
        _save(config, card, work, watch, config.out / "best.safetensors", model, outcome)
        history = watch.before(config.epochs + 1)
        draw_levels(history, card.name).savefig(config.out / LEVELS_PICTURE, dpi=130)
        console.print(
            f"Kept epoch {outcome.best_epoch} of {config.epochs}: {config.out / 'best.safetensors'}"
            f", {LEVELS_PICTURE} beside it. Measure its features with training.slide_probe, or "
            "start from it with training.slide_finetune --init."
        )


class CollapseWatch:
    """What is said of the validation slides' features after an epoch.

    untrained: their metrics before the first step. Epochs so far are read from the run's log.
    """

    def __init__(
        self, config: SlidePretrainConfig, untrained: dict[str, float], leads: bool
    ) -> None:
        self.config, self.untrained, self.leads = config, untrained, leads
        self._said: list[tuple[str, bool]] = []

    def looked(self, metrics: dict[str, float], epoch: int) -> dict[str, float]:
        """The metrics with ``collapsed``, the number of levels that have; a change is said."""
        found = faults(self.before(epoch), metrics)
        state = [(fault.level, fault.collapsed) for fault in found]
        if state != self._said and self.leads:
            if found:
                console.print(sentence(found, self.config))
            else:
                console.print("The features differ again as much as before.")
        self._said = state
        return metrics | {"collapsed": float(sum(fault.collapsed for fault in found))}

    def before(self, epoch: int) -> list[tuple[int, dict[str, float]]]:
        """(epoch, metrics) of the untrained model and of the epochs before one."""
        path = self.config.out / LOG_FILE
        lines = read_log(path) if path.is_file() else []
        known = [(line["epoch"], line["val"]) for line in lines if line.get("val")]
        return [(0, self.untrained), *((at, found) for at, found in known if at < epoch)]


def _schedule(config: SlidePretrainConfig, epoch_steps: int) -> Schedule:
    decay, end = config.decays
    return Schedule(
        config.rate,
        decay,
        round(config.warmup_epochs * epoch_steps),
        config.clip_norm,
        0.0,
        config.validate_every,
        weight_decay_end=None if end == decay else end,
    )


def _card(
    config: SlidePretrainConfig,
    bags: PixelBags,
    train: np.ndarray,
    val: np.ndarray,
    spec: SlideSpec,
) -> Card:
    arch, values = architecture(config, 0)
    parts = {"train": train.tolist(), "val": val.tolist()}
    seen = [*parts["train"], *parts["val"]]
    name = f"{config.cohort.stem} {TITLES[config.method]} {config.model}"
    return Card(
        kind="slide",
        name=config.name or name,
        arch=arch,
        config=values,
        input=spec,
        pretraining=config.method,
        parent_sha256=None if config.init is None else file_sha256(config.init),
        training_hashes=tuple(sorted({content_hash(bags.file(row)) for row in seen})),
        dataset={
            "name": config.cohort.stem,
            "slides": {part: len(rows) for part, rows in parts.items()},
            "patients": {
                part: len({bags.cohort.slides[row].patient for row in rows})
                for part, rows in parts.items()
            },
            "regions": {"fewest": int(bags.counts.min()), "most": int(bags.counts.max())},
        },
        versions=versions(),
    )


def _save(
    config: SlidePretrainConfig,
    card: Card,
    work: SlidePretraining,
    watch: CollapseWatch,
    path: Path,
    model: nn.Module,
    outcome: Outcome,
) -> None:
    """The encoder as a slide model without a head; LatentMIM's predictor beside it."""
    entry: dict[str, Any] = {
        "seed": config.seed,
        "steps": outcome.step,
        "slides_seen": outcome.images_seen,
        "epochs": config.epochs,
        "batch_size": config.batch_size,
        "precision": config.precision,
        "lr": config.rate,
        "best_epoch": outcome.best_epoch,
        "seconds": round(outcome.seconds, 1),
        "flags": _method_flags(config),
    }
    extra = {}
    if isinstance(model, LatentMIM):
        extra = {PREFIX + name: t for name, t in model.predictor.state_dict().items()}
        entry["predictor"] = asdict(latentmim_config(config))
    found = outcome.best_metrics or outcome.last_metrics
    metrics = {"untrained": watch.untrained, **card.metrics}
    metrics |= {"val": found} if found else {}
    kept = SlideModel(work.kept(model), 0)
    checkpoint.save(path, kept, card.with_(training=entry, metrics=metrics), extra)


def _method_flags(config: SlidePretrainConfig) -> dict[str, Any]:
    """What of the flags makes the method: the ablations and remedies."""
    names = {
        "latentmim": ("mask_ratio", "predicts", "temperature", "position_weight",
                      "position_penalty", "predictor_depth", "class_positions"),
        "dino": ("local_views", "prototypes", "student_temperature", "teacher_temperature"),
    }[config.method]  # fmt: skip
    return {name: getattr(config, name) for name in (*names, "alpha", "most_regions")}


def _refuse_unfit(config: SlidePretrainConfig) -> None:
    if config.predictor_dim % HEAD_DIM:
        raise DataError(f"--predictor-dim {config.predictor_dim} must be a multiple of {HEAD_DIM}.")
    if config.method == "latentmim" and config.model == "vim-ti" and len(config.tokens) > 1:
        raise DataError(
            "--method latentmim needs patches of one size; give one number as --tokens."
        )
    if config.method == "latentmim" and config.most_regions == 1:
        raise DataError("--most-regions 1 leaves nothing to hide; give 2 or more.")


def _leave_out_single(bags: PixelBags) -> None:
    """Slides of one region have nothing to hide it from. Raises DataError where none is left."""
    rows = np.flatnonzero(bags.counts > 1).tolist()
    single = [slide.path.name for row, slide in enumerate(bags.cohort.slides) if row not in rows]
    if not rows:
        raise DataError(
            "Every slide has a single region, and masking needs two; give a smaller --window."
        )
    left_out = (*bags.cohort.left_out, *((n, "one region, and masking needs two") for n in single))
    bags.only(rows)
    bags.cohort = replace(bags.cohort, left_out=left_out)


def _tell(bags: PixelBags, train: np.ndarray, val: np.ndarray) -> None:
    cohort, counts = bags.cohort, bags.counts
    total = len(cohort.slides) + len(cohort.left_out)
    console.print(
        f"{len(train)} slides train and {len(val)} are kept aside, of {total} in all, with "
        f"{counts.min()} to {counts.max()} regions each."
    )
    tell_left_out(cohort)


def _tell_fusion(config: SlidePretrainConfig, bags: PixelBags) -> None:
    """Warn where fusion leaves LatentMIM little to predict: each layer takes a region at least."""
    arch, values = architecture(config, 0)
    if config.method != "latentmim" or arch != PIXEL_MAMBA:
        return
    regions = int(np.median(bags.counts))
    hidden = round(config.mask_ratio * min(regions, config.most_regions or regions))
    left = regions_by_layer(hidden, values["alpha"], len(values["expansions"]))[-1]
    if left < FEW_LEFT * hidden:
        console.print(
            f"Careful: of the {hidden} hidden regions of a typical slide, region fusion leaves "
            f"{left} to predict; give --alpha 0 for slides this small, or a smaller --window."
        )


def _refuse_used(config: SlidePretrainConfig) -> None:
    if config.out.is_file():
        raise DataError(f"{config.out} is a file; give a folder as --out.")
    if is_begun(config.out) and not config.resume:
        raise DataError(
            f"{config.out} already contains a run; give --resume to continue it, or choose another "
            "--out."
        )


@contextmanager
def _claimed(
    config: SlidePretrainConfig,
    bags: PixelBags,
    train: np.ndarray,
    val: np.ndarray,
    leads: bool,
) -> Iterator[None]:
    """The run's folder, its own meanwhile, with config.yaml and slides.csv in it."""
    if not leads:
        yield
        return
    text, slides = as_yaml(SECTION, replace(config, resume=False)), _slides_csv(bags, train, val)
    with locked_folder(config.out):
        _refuse_used(config)
        if is_begun(config.out):
            refuse_other_values(config.out / CONFIG_FILE, text, SECTION)
            before = config.out / SLIDES_FILE
            if before.is_file() and before.read_text(encoding="utf-8") != slides:
                raise DataError(
                    f"The slides have changed since the run in {config.out} was started; restore "
                    "them, or start a new run with another --out."
                )
        remove_partials(config.out)
        write_text(config.out / CONFIG_FILE, text)
        write_text(config.out / SLIDES_FILE, slides)
        yield


def _slides_csv(bags: PixelBags, train: np.ndarray, val: np.ndarray) -> str:
    """A line for each slide: name, patient, part, regions, hash."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["slide", "patient", "part", "regions", "hash"])
    for part, rows in (("train", train), ("val", val)):
        for row in rows.tolist():
            slide = bags.cohort.slides[row]
            regions, digest = int(bags.counts[row]), content_hash(bags.file(row))
            writer.writerow([slide.path.name, slide.patient, part, regions, digest])
    return file.getvalue()
