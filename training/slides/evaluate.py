"""A slide model on a cohort that its training has not seen."""

from __future__ import annotations

import json
from functools import partial

import numpy as np

from ssmamba.checkpoints.card import Card, SlideSpec
from ssmamba.checkpoints.checkpoint import load_slide_model
from ssmamba.errors import DataError
from ssmamba.files import write_text
from ssmamba.models.slides.mil import reads_places
from training.loop.progress import Progress, console
from training.runs.device import make_fabric
from training.slides.bags import AnyBags, FeatureBags, PixelBags, content_hash, readable
from training.slides.cohort import Cohort, listed, read_cohort, tell_left_out
from training.slides.config import SlideEvaluateConfig
from training.slides.contributions import write_contributions
from training.slides.questions import Classes, SlideQuestion, Survival
from training.slides.report import (
    PREDICTIONS,
    RESULTS,
    answer_columns,
    measured,
    plain,
    predictions_csv,
)
from training.slides.survival import require_lifelines
from training.slides.task import slide_logits

CACHE_GIB = 4.0


def slide_evaluate(config: SlideEvaluateConfig) -> None:
    """Measure a slide model and write results.json and predictions.csv."""
    fabric = make_fabric(config.accelerator, "32-true")
    found = load_slide_model(config.checkpoint, fabric.device)
    card, spec = found.card, found.card.input
    assert isinstance(spec, SlideSpec)
    if not card.slide_outputs:
        raise DataError(
            f"{config.checkpoint} has no head: it was trained without labels; fine-tune it with "
            "training.slide_finetune --init, or measure its features with training.slide_probe."
        )
    kind = card.answer.get("question", "classes")
    if config.contributions and card.arch != "mil":
        raise DataError("--contributions is for models of features; leave it out.")
    if kind == "survival":
        require_lifelines()
    reads_features = bool(spec.encoder)
    if reads_features != (config.features is not None):
        what = (
            f"reads features of {spec.encoder}; give their folder as"
            if reads_features
            else ("reads pixels; leave out")
        )
        raise DataError(f"{config.checkpoint} {what} --features.")
    cohort = read_cohort(config.cohort, kind, not reads_features)
    bags = readable(cohort, partial(_opened, config, card), quiet=False)
    cohort = bags.cohort
    _refuse_seen(config, card, bags)
    question, logits = _question(card, cohort), []
    config.out.mkdir(parents=True, exist_ok=True)
    rows = np.arange(len(cohort.slides))
    with Progress("answers", len(rows)) as progress:
        for row in rows:
            logits.append(slide_logits(found.model, bags, int(row), spec, fabric.device))
            if config.contributions:
                write_contributions(config.out, found, bags, int(row))
            progress.update(int(row) + 1)
    answers = np.stack(logits)
    results = measured(cohort, question, rows, answers, config.resamples, config.seed)
    results["left_out"] = [{"slide": name, "why": why} for name, why in cohort.left_out]
    results["checkpoint"] = {"name": card.name, "sha256": found.sha256}
    write_text(config.out / RESULTS, json.dumps(plain(results), indent=2) + "\n")
    table = answer_columns(cohort, question, rows, answers)
    write_text(config.out / PREDICTIONS, predictions_csv({0: table}))
    tell_left_out(cohort)
    for name in (n for n in results if f"{n}_ci" in results):
        low, high = results[f"{name}_ci"]
        console.print(f"{name}: {results[name]:.4f} [{low:.4f}, {high:.4f}]")
    console.print(f"Wrote {config.out / RESULTS} and {config.out / PREDICTIONS}")


def _question(card: Card, cohort: Cohort) -> SlideQuestion:
    """The card's question to these slides. Raises DataError for a label that it does not know."""
    if card.answer.get("question") == "survival":
        times = np.array([slide.time for slide in cohort.slides], float)
        events = np.array([slide.event for slide in cohort.slides], bool)
        edges = np.array(card.answer["edges"], float)
        return Survival(times, events, edges, card.answer.get("kaplan_meier", {}))
    names = tuple(info.key for info in card.classes)
    unknown = sorted({slide.label for slide in cohort.slides} - set(names))
    if unknown:
        raise DataError(
            f"The model does not know the label {', '.join(unknown)}; it knows {', '.join(names)}: "
            "correct the table."
        )
    labels = np.array([names.index(slide.label) for slide in cohort.slides])
    return Classes(names, labels, card.answer.get("question") == "grades")


def _opened(config: SlideEvaluateConfig, card: Card, cohort: Cohort) -> AnyBags:
    spec, most = card.input, config.most_regions
    assert isinstance(spec, SlideSpec)
    if config.features is None:
        return PixelBags(cohort, spec, most, CACHE_GIB)
    places = reads_places(str(card.config.get("aggregator", "")))
    return FeatureBags(cohort, spec, most, CACHE_GIB, config.features, places)


def _refuse_seen(config: SlideEvaluateConfig, card: Card, bags: AnyBags) -> None:
    if config.allow_overlap:
        return
    known, rows = set(card.training_hashes), range(len(bags.cohort.slides))
    seen = [bags.file(row).name for row in rows if content_hash(bags.file(row)) in known]
    if seen:
        raise DataError(
            f"{config.checkpoint} was trained on {len(seen)} of these slides ({listed(seen)}); "
            "leave them out, or give --allow-overlap."
        )
