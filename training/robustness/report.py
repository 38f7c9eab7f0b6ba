"""Robustness as Markdown tables, one long CSV, and a plot with a panel for each change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.table import Table

from ssmamba.explain.figure import RESEARCH_USE
from training.evaluation.tables import terminal_table
from training.evaluation.written import markdown_table, write_csv
from training.robustness.changes import CHANGES
from training.robustness.measure import Measured

NAME = "robustness"
COLUMNS = 4  # panels in a row


def write_report(
    results: Sequence[Measured], title: str, folder: Path, notes: Sequence[str] = ()
) -> list[Path]:
    """Write robustness.md, .csv, .png and .pdf into the folder.

    notes: lines at the end of the page, such as the paths of the models.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{NAME}.{ending}" for ending in ("md", "csv", "png", "pdf")]
    files[0].write_text(_page(results, title, notes), encoding="utf-8")
    write_csv(files[1], [_row(found) for found in results])
    figure = plot(results, title)
    for file in files[2:]:
        figure.savefig(file, dpi=150)
    return files


def kinds_of(results: Sequence[Measured]) -> list[str]:
    return list(dict.fromkeys(r.change for r in results if r.level is not None))


def summary_table(results: Sequence[Measured], title: str) -> Table:
    """For the terminal: accuracy unchanged, and the mean over the levels of each change."""
    head, rows = _means(results)
    cells = [(clean.label, f"{clean.accuracy:.3f}", *means) for clean, means in rows]
    caption = "accuracy; for each change, the mean over its levels"
    return terminal_table(head, cells, title, caption)


def _means(results: Sequence[Measured]) -> tuple[list[str], list[tuple[Measured, list[str]]]]:
    """Column heads, and a row for each model: its scores on unchanged images, and its mean accuracy
    over the levels of each change."""
    kinds, rows = kinds_of(results), []
    for clean in (r for r in results if r.level is None):
        own = [r for r in results if r.label == clean.label]
        means = [np.mean([r.accuracy for r in own if r.change == kind]) for kind in kinds]
        rows.append((clean, [f"{mean:.3f}" for mean in means]))
    return ["model", "unchanged", *(CHANGES[kind].title.lower() for kind in kinds)], rows


def _page(results: Sequence[Measured], title: str, notes: Sequence[str]) -> str:
    parts = [f"# {title}", "Research use only.", _summary(results)]
    parts += [_table(results, kind) for kind in kinds_of(results)]
    parts += ["\n".join(f"- {note}" for note in notes)] if notes else []
    return "\n\n".join(parts) + "\n"


def _summary(results: Sequence[Measured]) -> str:
    """Mean accuracy over the levels of each change."""
    head, rows = _means(results)
    cells = []
    for clean, means in rows:
        low, high = clean.accuracy_ci
        cells.append([clean.label, f"{clean.accuracy:.3f} [{low:.3f}, {high:.3f}]", *means])
    note = (
        "Accuracy; for each change, the mean over its levels. 95 % interval bootstrapped by group."
    )
    return f"{note}\n\n{markdown_table(head, cells)}"


def _table(results: Sequence[Measured], kind: str) -> str:
    change, rows = CHANGES[kind], []
    for label in _labels(results):
        own = {r.level: r for r in results if r.label == label and r.change == kind}
        cells = [f"{own[x].accuracy:.3f} ({own[x].agreement:.3f})" for x in change.levels]
        rows.append([label, *cells])
    table = markdown_table(["model", *(f"{level:g}" for level in change.levels)], rows)
    note = (
        f"Claim: {change.claim}. Accuracy (share of answers that agree with those on the "
        "unchanged image)."
    )
    return f"## {change.title} ({change.unit})\n\n{note}\n\n{table}"


def _labels(results: Sequence[Measured]) -> list[str]:
    return list(dict.fromkeys(r.label for r in results))


def _row(found: Measured) -> dict[str, Any]:
    low, high = found.accuracy_ci
    return {
        "model": found.label,
        "change": found.change,
        "level": found.level,
        "accuracy": found.accuracy,
        "low": low,
        "high": high,
        "macro_f1": found.macro_f1,
        "agreement": found.agreement,
    }


def plot(results: Sequence[Measured], title: str) -> Figure:
    """A panel for each change, a line for each model; the unchanged images are one point of it."""
    kinds = kinds_of(results)
    columns = max(min(COLUMNS, len(kinds)), 1)
    rows = max(math.ceil(len(kinds) / columns), 1)
    figure = Figure(figsize=(3.1 * columns, 2.6 * rows + 1.0), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for axes, kind in zip(panels, kinds, strict=False):
        _panel(axes, results, kind)
    for axes in panels[len(kinds) :]:
        axes.set_visible(False)
    for axes in panels[::columns]:
        axes.set_ylabel("accuracy")
    lines, labels = panels[0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside lower center", ncols=2, fontsize=7, frameon=False)
    figure.suptitle(f"{title}\n{RESEARCH_USE}", fontsize=8)
    return figure


def _panel(axes: Axes, results: Sequence[Measured], kind: str) -> None:
    change = CHANGES[kind]
    for label in _labels(results):
        own = [r for r in results if r.label == label and r.change in ("none", kind)]
        points = sorted((change.neutral if r.level is None else r.level, r) for r in own)
        places = [level for level, _ in points]
        line = axes.plot(places, [r.accuracy for _, r in points], marker=".", label=label)[0]
        low, high = zip(*(r.accuracy_ci for _, r in points), strict=True)
        axes.fill_between(places, low, high, color=line.get_color(), alpha=0.12, linewidth=0)
    if change.doubling:
        axes.set_xscale("log", base=2)
        ticks = sorted((*change.levels, change.neutral))
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
    axes.set_title(change.title, fontsize=9)
    axes.set_xlabel(change.unit, fontsize=8)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.3)
