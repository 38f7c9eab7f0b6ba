"""Results over folds: measures with intervals by patient, and a table of every answer."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ssmamba.files import write_text
from training.loop.progress import console
from training.metrics.classification import group_resamples, interval
from training.slides.cohort import Cohort
from training.slides.config import SlideFinetuneConfig
from training.slides.folds import Fold
from training.slides.questions import SlideQuestion, by_patient

RESULTS, PREDICTIONS = "results.json", "predictions.csv"
Answers = tuple[np.ndarray, np.ndarray]  # rows (n,) of the cohort's slides, logits (n, K)


def write_report(
    out: Path,
    cohort: Cohort,
    questions: Mapping[int, SlideQuestion],
    folds: list[Fold],
    answers: Mapping[int, Answers],
    config: SlideFinetuneConfig,
) -> None:
    """Measure each fold on its test patients, and write results.json and predictions.csv."""
    by_fold = {}
    for at, (rows, logits) in answers.items():
        found = measured(cohort, questions[at], rows, logits, config.resamples, config.seed)
        by_fold[at] = found
    names = [n for n in next(iter(by_fold.values())) if f"{n}_ci" in next(iter(by_fold.values()))]
    overall = {name: _mean_and_deviation([f[name] for f in by_fold.values()]) for name in names}
    results = {
        "cohort": str(config.cohort),
        "model": config.model,
        "question": config.question,
        "slides": len(cohort.slides),
        "patients": len({slide.patient for slide in cohort.slides}),
        "left_out": [{"slide": name, "why": why} for name, why in cohort.left_out],
        "over_folds": overall,
        "folds": {str(at): found for at, found in by_fold.items()},
    }
    write_text(out / RESULTS, json.dumps(plain(results), indent=2) + "\n")
    tables = {at: answer_columns(cohort, questions[at], *answers[at]) for at in answers}
    write_text(out / PREDICTIONS, predictions_csv(tables))
    for at, found in by_fold.items():
        _tell_undefined(at, found, names)
    for name, value in overall.items():
        over = f" ± {value['sd']:.4f} over {value['folds']} folds" if value["folds"] > 1 else ""
        console.print(f"Test {name}: {value['mean']:.4f}{over}")
    console.print(f"Wrote {out / RESULTS}, {out / PREDICTIONS} and fold-*/best.safetensors")


def _tell_undefined(fold: int, found: dict[str, Any], names: list[str]) -> None:
    """Say which measures a fold's test patients do not define, rather than leave them out."""
    missing = [name for name in names if not math.isfinite(found[name])]
    if missing:
        console.print(
            f"Fold {fold} has no {' and no '.join(missing)}: its {found['patients']} test patients "
            "are all censored or all alike; give fewer --folds, or more patients."
        )


def measured(
    cohort: Cohort,
    question: SlideQuestion,
    rows: np.ndarray,
    logits: np.ndarray,
    resamples: int,
    seed: int,
) -> dict[str, Any]:
    """All measures by patient, each with ``<name>_ci`` = [low, high] bootstrapped by patient."""
    patients, means = by_patient(cohort, rows, logits)
    result: dict[str, Any] = {"slides": len(rows), "patients": len(patients)}
    draws: dict[str, list[float]] = {}
    for drawn in group_resamples(np.arange(len(patients)), resamples, seed):
        for name, value in question.score(means[drawn], patients[drawn]).items():
            draws.setdefault(name, []).append(value)
    for name, value in question.score(means, patients).items():
        result[name] = value
        known = [v for v in draws.get(name, []) if math.isfinite(v)]
        defined = known or ([value] if math.isfinite(value) else [])
        result[f"{name}_ci"] = interval(defined) if defined else [math.nan, math.nan]
    return result | question.tests(means, patients)


def _mean_and_deviation(values: list[float]) -> dict[str, float]:
    """Over the folds in which the measure is defined."""
    known = [value for value in values if math.isfinite(value)]
    deviation = float(np.std(known, ddof=1)) if len(known) > 1 else 0.0
    mean = float(np.mean(known)) if known else float("nan")
    return {"mean": mean, "sd": deviation, "folds": len(known)}


def answer_columns(
    cohort: Cohort, question: SlideQuestion, rows: np.ndarray, logits: np.ndarray
) -> dict[str, list[Any]]:
    """A table's columns: what is known of each slide, then what the model says."""
    slides = [cohort.slides[row] for row in rows]
    known: dict[str, list[Any]] = {
        "slide": [slide.path.name for slide in slides],
        "patient": [slide.patient for slide in slides],
    }
    if slides[0].time is not None:
        known |= {"time": [s.time for s in slides], "event": [int(bool(s.event)) for s in slides]}
    if slides[0].label:
        known["label"] = [slide.label for slide in slides]
    said = {name: column.tolist() for name, column in question.columns(logits).items()}
    return {**known, **said}


def predictions_csv(tables: Mapping[int, dict[str, list[Any]]]) -> str:
    """All answers, with the fold whose model gave each."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    header = ["fold", *dict.fromkeys(name for table in tables.values() for name in table)]
    writer.writerow(header)
    for fold, table in tables.items():
        for row in zip(*table.values(), strict=True):
            values = dict(zip(table, row, strict=True))
            cells = [fold, *(values.get(name, "") for name in header[1:])]
            writer.writerow([f"{c:.6g}" if isinstance(c, float) else c for c in cells])
    return file.getvalue()


def plain(value: Any) -> Any:
    """JSON has no NaN: None stands for what is not defined."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
