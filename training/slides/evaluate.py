"""A slide model on a cohort that its training has not seen."""

from __future__ import annotations

import json

import numpy as np

from ssmamba.checkpoints.card import Card, SlideSpec, file_sha256
from ssmamba.checkpoints.checkpoint import load_slide_model
from ssmamba.errors import DataError
from ssmamba.files import write_text
from training.loop.progress import Progress, console
from training.runs.device import make_fabric
from training.slides.bags import readable
from training.slides.cohort import Cohort, listed, listed_reasons, read_cohort
from training.slides.config import SlideEvaluateConfig
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

CACHE_GIB = 1e-9  # every slide is read once


def slide_evaluate(config: SlideEvaluateConfig) -> None:
    """Measure a slide model and write results.json and predictions.csv."""
    fabric = make_fabric(config.accelerator, "32-true")
    found = load_slide_model(config.checkpoint, fabric.device)
    card, spec = found.card, found.card.input
    assert isinstance(spec, SlideSpec)
    kind = card.answer.get("question", "classes")
    if kind == "survival":
        require_lifelines()
    cohort = read_cohort(config.cohort, kind)
    _refuse_seen(config, card, cohort)
    cohort, bags = readable(cohort, spec, config.most_regions, CACHE_GIB, quiet=False)
    if not cohort.slides:
        raise DataError(f"No slide can be read: {listed_reasons(list(cohort.left_out))}.")
    question, logits = _question(card, cohort), []
    config.out.mkdir(parents=True, exist_ok=True)
    rows = np.arange(len(cohort.slides))
    with Progress("answers", len(rows)) as progress:
        for row in rows:
            logits.append(slide_logits(found.model, bags[int(row)].images, spec, fabric.device))
            progress.update(int(row) + 1)
    answers = np.stack(logits)
    results = measured(cohort, question, rows, answers, config.resamples, config.seed)
    results["left_out"] = [{"slide": name, "why": why} for name, why in cohort.left_out]
    results["checkpoint"] = {"name": card.name, "sha256": found.sha256}
    write_text(config.out / RESULTS, json.dumps(plain(results), indent=2) + "\n")
    table = answer_columns(cohort, question, rows, answers)
    write_text(config.out / PREDICTIONS, predictions_csv({0: table}))
    for name, why in cohort.left_out:
        console.print(f"Left out: {name}: {why}.")
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


def _refuse_seen(config: SlideEvaluateConfig, card: Card, cohort: Cohort) -> None:
    if config.allow_overlap:
        return
    known = set(card.training_hashes)
    seen = [s.path.name for s in cohort.slides if file_sha256(s.path)[:16] in known]
    if seen:
        raise DataError(
            f"{config.checkpoint} was trained on {len(seen)} of these slides ({listed(seen)}); "
            "leave them out, or give --allow-overlap."
        )
