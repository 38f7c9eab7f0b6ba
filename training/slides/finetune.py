"""Fine-tuning of slide models, fold by fold, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from lightning_fabric import Fabric
from torch import nn

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Card, ClassInfo, SlideSpec, file_sha256, read_card
from ssmamba.errors import DataError
from ssmamba.files import remove_partials, write_text
from ssmamba.lock import locked_folder, refuse_locked
from ssmamba.models.slides.mil import reads_places
from ssmamba.runtime.memory import keep_freed_memory, return_freed_memory
from training.cli.command import as_yaml
from training.loop.batches import Batches
from training.loop.fit import Fit
from training.loop.progress import console
from training.loop.task import Outcome, Schedule, Task
from training.runs.card import versions
from training.runs.device import make_fabric, seed_everything, tell_model
from training.runs.folder import CONFIG_FILE, is_begun, refuse_other_values
from training.runs.plan import loader_threads
from training.slides.bags import AnyBags, FeatureBags, PixelBags, content_hash, readable
from training.slides.cohort import Cohort, read_cohort, tell_left_out
from training.slides.config import SlideFinetuneConfig
from training.slides.fit import tell_fit
from training.slides.folds import Fold, make_folds
from training.slides.models import architecture, build, refuse_unfit
from training.slides.questions import Classes, SlideQuestion, make_question, strata_of
from training.slides.report import write_report
from training.slides.survival import require_lifelines
from training.slides.task import SlideTraining, slide_plan
from training.slides.trust import trust_of

PIXEL_MPP = 4.0  # 2.5×
SECTION, DONE = "slide_finetune", "answers.json"
COLOURS = ((0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233))


def slide_finetune(config: SlideFinetuneConfig) -> None:
    """Train on each fold, choose on its validation slides, test once, and report over all."""
    if config.question == "survival":
        require_lifelines()
    refuse_unfit(config)
    refuse_locked(config.out)
    _refuse_used(config)
    cohort = read_cohort(config.cohort, config.question, config.features is None)
    fabric = make_fabric(config.accelerator, config.precision, config.devices)
    if fabric.device.type == "cpu":
        (return_freed_memory if config.recompute else keep_freed_memory)()
    leads = bool(fabric.is_global_zero)
    bags = readable(cohort, partial(_opened, config), not leads)
    cohort = bags.cohort
    folds = make_folds(cohort, strata_of(cohort, config.question), config.folds, config.split_seed)
    chosen = _chosen(config, folds)
    questions = {
        at: make_question(cohort, config.question, folds[at], config.bins) for at in chosen
    }
    with _claimed(config, leads):
        if leads:
            _tell(cohort, bags)
            _tell_seen(config, bags)
            tell_fit(config, int(bags.counts.max()), fabric.device)
        for at in chosen:
            card = _card(config, bags, folds[at], questions[at])
            _train(config, fabric, bags, folds[at], questions[at], card, config.out / f"fold-{at}")
        if leads:
            answers = {at: _answers(config.out / f"fold-{at}") for at in chosen}
            write_report(config.out, cohort, questions, folds, answers, config)


def _opened(config: SlideFinetuneConfig, cohort: Cohort) -> AnyBags:
    window, most = config.window, config.most_regions
    spec = SlideSpec(window, window, config.mpp or PIXEL_MPP, foreground=config.foreground)
    if config.features is None:
        return PixelBags(cohort, spec, most, config.cache_gib)
    places = reads_places(config.model)
    return FeatureBags(cohort, spec, most, config.cache_gib, config.features, places)


def _train(
    config: SlideFinetuneConfig,
    fabric: Fabric,
    bags: AnyBags,
    fold: Fold,
    question: SlideQuestion,
    card: Card,
    folder: Path,
) -> None:
    """Train one fold and write its best model and the answers to its test slides."""
    if (folder / DONE).is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    seed_everything(config.seed)
    model = build(config, _dim(bags), question.outputs)
    tell_model(fabric, f"{folder.name}: {config.model}", model, config.init)
    plan = slide_plan(config, fabric, len(fold.train))
    schedule = Schedule(
        config.lr,
        config.weight_decay,
        round(config.warmup_epochs * plan.epoch_steps),
        config.clip_norm,
        config.ema_decay,
        config.validate_every,
    )
    spec = card.input
    assert isinstance(spec, SlideSpec)
    work = SlideTraining(bags, spec, fold, question, config.flips, fabric.device)
    task = Task(work.loss, work.validate, question.better, partial(_save, config, card))
    batches = Batches(plan, work.make_batch, loader_threads(fabric), fabric.device)
    run = Fit(fabric, model, batches, schedule, task, folder, folder.name)
    outcome = run.run(config.resume)
    if not fabric.is_global_zero:
        return
    model.eval()
    calibration, kept = trust_of(bags, fold, question, work.answers(model, fold.val)[1])
    rows, logits = work.answers(model, fold.test)
    done = _with_outcome(config, card, outcome).with_(calibration=calibration)
    checkpoint.save(folder / "best.safetensors", model, done, kept)
    answers = {"rows": rows.tolist(), "logits": logits.astype(float).tolist()}
    write_text(folder / DONE, json.dumps(answers))


def _card(config: SlideFinetuneConfig, bags: AnyBags, fold: Fold, question: SlideQuestion) -> Card:
    arch, values = architecture(config, _dim(bags))
    names = question.names if isinstance(question, Classes) else ()
    classes = tuple(ClassInfo(n, n, COLOURS[at % len(COLOURS)]) for at, n in enumerate(names))
    seen = {content_hash(bags.file(int(row))) for row in (*fold.train, *fold.val)}
    start = Card() if config.init is None else read_card(config.init)
    return Card(
        kind="slide",
        name=config.name or f"{config.cohort.stem} {config.model}",
        arch=arch,
        config=values,
        classes=classes,
        input=_input(config, bags, fold),
        answer=question.card_entry(),
        training_hashes=tuple(sorted({*seen, *start.training_hashes})),
        pretraining=start.pretraining,
        parent_sha256=None if config.init is None else file_sha256(config.init),
        dataset={
            "name": config.cohort.stem,
            "slides": {name: len(getattr(fold, name)) for name in ("train", "val", "test")},
            "regions": {"fewest": int(bags.counts.min()), "most": int(bags.counts.max())},
        },
        versions=versions(),
    )


def _input(config: SlideFinetuneConfig, bags: AnyBags, fold: Fold) -> SlideSpec:
    """What the model reads: pixels with their mean colours, or features and whose they are."""
    if isinstance(bags, PixelBags):
        mean, std = bags.colours(fold.train.tolist())
        return replace(bags.spec, mean=mean, std=std)
    file, _ = bags[int(fold.train[0])]
    mpp = config.mpp or file.mpp
    if mpp is None:
        raise DataError(f"{file.path} does not say its µm/px; give it as --mpp.")
    return replace(bags.spec, mpp=mpp, encoder=file.names[0])


def _dim(bags: AnyBags) -> int:
    return bags.dim if isinstance(bags, FeatureBags) else 0


def _with_outcome(config: SlideFinetuneConfig, card: Card, outcome: Outcome) -> Card:
    entry = {
        "seed": config.seed,
        "steps": outcome.step,
        "slides_seen": outcome.images_seen,
        "epochs": config.epochs,
        "batch_size": config.batch_size,
        "precision": config.precision,
        "lr": config.lr,
        "best_epoch": outcome.best_epoch,
        "seconds": round(outcome.seconds, 1),
    }
    found = outcome.best_metrics or outcome.last_metrics
    return card.with_(training=entry, metrics={"val": found} if found else {})


def _save(
    config: SlideFinetuneConfig, card: Card, path: Path, model: nn.Module, outcome: Outcome
) -> None:
    checkpoint.save(path, model, _with_outcome(config, card, outcome))


def _answers(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    found = json.loads((folder / DONE).read_text(encoding="utf-8"))
    return np.array(found["rows"], int), np.array(found["logits"], np.float32)


def _chosen(config: SlideFinetuneConfig, folds: list[Fold]) -> list[int]:
    if config.only_fold is None:
        return list(range(len(folds)))
    if not 0 <= config.only_fold < len(folds):
        raise DataError(f"--only-fold {config.only_fold} must be 0 to {len(folds) - 1}.")
    return [config.only_fold]


def _tell(cohort: Cohort, bags: AnyBags) -> None:
    counts = bags.counts
    patients = len({slide.patient for slide in cohort.slides})
    total = len(cohort.slides) + len(cohort.left_out)
    console.print(
        f"{len(cohort.slides)} of {total} slides of {patients} patients, with {counts.min()} to "
        f"{counts.max()} regions each."
    )
    tell_left_out(cohort)
    if unread := int(bags.unread.sum()):
        console.print(
            f"--most-regions left {unread} regions of {np.count_nonzero(bags.unread)} slides "
            "unread, evenly over each slide."
        )


def _tell_seen(config: SlideFinetuneConfig, bags: AnyBags) -> None:
    """Say how many slides --init has seen: each fold tests on some of them."""
    if config.init is None:
        return
    known = set(read_card(config.init).training_hashes)
    seen = sum(content_hash(bags.file(row)) in known for row in range(len(bags.cohort.slides)))
    if seen:
        console.print(
            f"{config.init} was trained on {seen} of these slides, so tests on them flatter it; "
            "train it on other slides, or with a column split that leaves out the test slides."
        )


def _refuse_used(config: SlideFinetuneConfig) -> None:
    if config.out.is_file():
        raise DataError(f"{config.out} is a file; give a folder as --out.")
    begun = any(is_begun(folder) for folder in config.out.glob("fold-*/"))
    if (begun or any(config.out.glob(f"fold-*/{DONE}"))) and not config.resume:
        raise DataError(
            f"{config.out} already contains a run; give --resume to continue it, or choose another "
            "--out."
        )


@contextmanager
def _claimed(config: SlideFinetuneConfig, leads: bool) -> Iterator[None]:
    """The run's folder, which is this run's own meanwhile, with config.yaml in it."""
    if not leads:
        yield
        return
    text = as_yaml(SECTION, replace(config, resume=False, only_fold=None))
    with locked_folder(config.out):
        _refuse_used(config)
        if any(config.out.glob("fold-*/")):
            refuse_other_values(config.out / CONFIG_FILE, text, SECTION)
        for folder in config.out.glob("fold-*/"):
            remove_partials(folder)
        write_text(config.out / CONFIG_FILE, text)
        yield
