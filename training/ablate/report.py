"""The paper's tables from the results of a grid, as Markdown and CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.ablate.cost import ROUNDS, Cost
from training.ablate.results import BUDGET, Result, mean_sd
from training.ablate.tables import TABLES, Row
from training.evaluation.written import markdown_table, write_csv
from training.metrics.localisation import SCORES

Scores = Mapping[str, Sequence[dict[str, float]]]  # cell -> localisation scores of each seed
PAPER = {"epochs": 100, "pretrain_epochs": 100}  # §4.2


@dataclass(frozen=True)
class Study:
    """Results of a grid so far."""

    dataset: str  # its name
    images: dict[str, int]  # images by split
    command: str
    tables: tuple[str, ...]
    results: dict[str, list[Result]]  # by cell
    costs: dict[str, Cost]  # by cell
    device: str  # on which images/s were measured, in words
    more_rows: Mapping[str, Sequence[Row]] = field(default_factory=dict)  # by table
    failures: dict[str, str] = field(default_factory=dict)  # run -> why
    mosaics: Scores = field(default_factory=dict)
    masks: Scores = field(default_factory=dict)
    # accuracy and NLL minus the full model's, by cell (answers.differences)
    differences: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)  # cell -> its name for people
    figures: tuple[Path, ...] = ()  # PNG files in the report's folder


def write_report(study: Study, folder: Path) -> Path:
    """Write results.md, a table<N>.md and table<N>.csv each, and runs.csv; returns results.md."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in study.tables:
        rows = table_rows(study, number)
        text = f"{_table_text(study, number)}\n\n{budget_note(study)}\n"
        (folder / f"table{number}.md").write_text(text, encoding="utf-8")
        write_csv(folder / f"table{number}.csv", rows)
    write_csv(folder / "runs.csv", run_rows(study), "cell")
    for name, scores in (("mosaics", study.mosaics), ("masks", study.masks)):
        if scores:
            write_csv(folder / f"cam_{name}.csv", evidence_rows(scores))
    path = folder / "results.md"
    path.write_text(_page(study), encoding="utf-8")
    return path


def table_rows(study: Study, number: str) -> list[dict[str, Any]]:
    """One table with a dict for each row; shares as fractions, absent values None."""
    rows = (*TABLES[number].rows, *study.more_rows.get(number, ()))
    return [_table_row(study, row) for row in rows]


def _table_row(study: Study, row: Row) -> dict[str, Any]:
    runs, cost = study.results.get(row.cell, []), study.costs.get(row.cell)
    paper = row.paper.get(study.dataset, (None, None))
    found: dict[str, Any] = {"method": row.label, "cell": row.cell, "seeds": len(runs)}
    found["pretraining"] = runs[0].card.pretraining if runs else None
    for name in ("accuracy", "macro_f1", "nll"):
        found |= _mean_and_sd(name, [run.score(name) for run in runs])
    gap = study.differences.get(row.cell, {})
    for name in ("difference", "nll_difference"):
        low, high = gap.get(f"{name}_ci", (None, None))
        found |= {name: gap.get(name), f"{name}_low": low, f"{name}_high": high}
    found |= {"paper_accuracy": _share(paper[0]), "paper_f1": _share(paper[1])}
    costs = ("parameters", "macs", "images_per_s")
    return found | {name: getattr(cost, name, None) for name in costs}


def _share(percent: float | None) -> float | None:
    return None if percent is None else round(percent / 100, 6)


def run_rows(study: Study) -> list[dict[str, Any]]:
    """Every fine-tuning with its scores and its budget."""
    return [_run_row(run) for runs in study.results.values() for run in runs]


def _run_row(run: Result) -> dict[str, Any]:
    training, val = run.card.training, run.card.metrics["val"]
    return {
        "cell": run.cell,
        "seed": run.seed,
        "arch": run.card.arch,
        "pretraining": run.card.pretraining,
        **{name: run.score(name) for name in ("accuracy", "macro_f1", "nll")},
        "n_test": run.card.metrics["test"].get("n"),
        "val_macro_f1": val.get("macro_f1"),
        "val_nll": val.get("nll"),
        "lr": float(training["lr"]),
        "lrs_tried": " ".join(f"{lr:g}" for lr in run.lrs_tried),
        **{name: training[name] for name in BUDGET},
        "pretrain_images_seen": (run.pretraining or {}).get("images_seen", 0),
        "training_seconds": training["seconds"],
    }


def evidence_rows(scores: Scores) -> list[dict[str, Any]]:
    rows = []
    for cell, runs in scores.items():
        row: dict[str, Any] = {"cell": cell, "seeds": len(runs)}
        for name in SCORES:
            row |= _mean_and_sd(name, [run[name] for run in runs])
        rows.append(row)
    return rows


def _mean_and_sd(name: str, values: list[float]) -> dict[str, float | None]:
    mean, sd = mean_sd(values) if values else (None, None)
    return {name: mean, f"{name}_sd": sd}


def _page(study: Study) -> str:
    parts = [f"# Ablation study on {study.dataset}", "Research use only.", budget_note(study)]
    parts.append(f"```bash\n{study.command}\n```")
    parts += [_table_text(study, number) for number in study.tables]
    for title, scores in (
        ("CAM against known locations: mosaics of four tiles", study.mosaics),
        ("CAM against masks", study.masks),
    ):
        if scores:
            table = _evidence_table(scores, study.titles)
            parts.append(f"## {title}\n\n{table}\n\n{EVIDENCE_NOTE}")
    parts += [f"![{figure.stem}]({figure.name})" for figure in study.figures]
    if study.failures:
        listed = "\n".join(f"- {run}: {why}" for run, why in study.failures.items())
        parts.append(f"## Not finished\n\n{listed}")
    return "\n\n".join(parts) + "\n"


EVIDENCE_NOTE = (
    "Dice: overlap between the truth and equally many of the map's highest pixels. "
    "Pointing: share of maps whose peak is in the truth. Energy: share of the positive evidence "
    "that lies inside. By chance each equals the truth's share of the picture (a quarter of a "
    "mosaic of four classes)."
)


def _table_text(study: Study, number: str) -> str:
    table = TABLES[number]
    head = ["method", "pre-training", "seeds", "accuracy, %", "against SSMamba, points",
            "macro-F1, %", "NLL", "against SSMamba", "paper: accuracy / F1", "parameters, M",
            "GMACs", "images/s"]  # fmt: skip
    rows = []
    for row in table_rows(study, number):
        cells = [
            row["method"],
            row["pretraining"] or "—",
            str(row["seeds"]),
            _mean(row, "accuracy", 100, 2),
            _gap(row, "difference", 100, 2),
            _mean(row, "macro_f1", 100, 2),
            _mean(row, "nll", 1, 3),
            _gap(row, "nll_difference", 1, 3),
            _paper(row),
            _number(row["parameters"], 1e-6, 2),
            _number(row["macs"], 1e-9, 3),
            _number(row["images_per_s"], 1, 0),
        ]
        rows.append(cells)
    text = f"## Table {number}. {table.title}\n\n" + markdown_table(head, rows)
    return text + (f"\n\n{table.note}" if table.note else "")


def _gap(row: dict[str, Any], name: str, scale: float, digits: int) -> str:
    if row[name] is None:
        return "—"
    mean, low, high = (scale * row[key] for key in (name, f"{name}_low", f"{name}_high"))
    return f"{mean:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"


def _paper(row: dict[str, Any]) -> str:
    if row["paper_accuracy"] is None and row["paper_f1"] is None:
        return "—"
    return " / ".join(_number(row[f"paper_{name}"], 100, 2) for name in ("accuracy", "f1"))


def _mean(row: dict[str, Any], name: str, scale: float, digits: int) -> str:
    sd = row[f"{name}_sd"]
    spread = "" if sd is None else f" ± {scale * sd:.{digits}f}"
    return _number(row[name], scale, digits) + spread


def _number(value: float | None, scale: float, digits: int) -> str:
    return "—" if value is None else f"{value * scale:.{digits}f}"


def _evidence_table(scores: Scores, titles: Mapping[str, str]) -> str:
    rows = []
    for row in evidence_rows(scores):
        values = [_mean(row, name, 1, 3) for name in SCORES]
        rows.append([titles.get(row["cell"], row["cell"]), row["seeds"], *values])
    return markdown_table(["model", "seeds", "Dice", "pointing game", "energy inside"], rows)


def budget_note(study: Study) -> str:
    """The budget of the numbers beside the paper's, and how they were measured."""
    runs = [run for cell in study.results.values() for run in cell]
    if not runs:
        return "No run has finished yet."
    training = runs[0].card.training
    before = next((run.pretraining for run in runs if run.pretraining), None)
    counts = ", ".join(f"{n} {split}" for split, n in study.images.items())
    rates = ", ".join(f"{lr:g}" for lr in runs[0].lrs_tried)
    size = next((r.card.config["size"] for r in runs if "size" in r.card.config), None)
    parts = [
        f"Mean ± standard deviation over seeds of initialisation, order and augmentation; a single "
        f"split (seed {training['split_seed']}): {counts} images.",
        f"Budget{_reduced(training, before)}: fine-tuning {_spent(training)}"
        + (f"; pre-training {_spent(before)}, learning rate {before['lr']:g}" if before else "")
        + (f"; SSMamba {size}" if size else "")
        + f", {training['image_size']}-px windows. Equal for all rows (checked from the cards: "
        "steps, images seen, batch, learning rates tried; pre-training where there is one).",
        f"Learning rate chosen on validation ({rates}), separately for each run; in this grid only "
        "the chosen one was scored on the test split, once.",
        "NLL: negative log likelihood on the test split (nats, with the temperature fitted on "
        "validation; lower is better).",
        "Against SSMamba: accuracy or NLL minus SSMamba's on the same test images, with a 95 % "
        "interval from resampling whole groups and, if there are several, seeds; where it contains "
        "zero, the two do not differ beyond chance. With a single seed the interval leaves out the "
        "luck of that seed. Each interval stands alone: one in twenty misses by chance.",
        f"images/s: inference, best of {ROUNDS} passes, alternating with the other models, "
        f"{study.device}.",
    ]
    return " ".join(parts)


def _reduced(training: dict[str, Any], before: dict[str, Any] | None) -> str:
    """Only the epochs are compared, as the paper has other images."""
    less = training["epochs"] < PAPER["epochs"]
    less |= before is not None and before["epochs"] < PAPER["pretrain_epochs"]
    return " (reduced; the paper has 100 epochs of each)" if less else ""


def _spent(training: dict[str, Any]) -> str:
    epochs = training["epochs"]
    return (
        f"{epochs} epoch{'s' * (epochs != 1)}, {training['steps']:,} steps, "
        f"{training['images_seen']:,} images, batch {training['batch_size']}"
    )
