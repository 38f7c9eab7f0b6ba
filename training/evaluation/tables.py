"""Tables of results for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.table import Column, Table

from training.metrics.classification import METRICS

TITLES = {"macro_f1": "macro-F1", "auc": "AUC", "nll": "NLL", "brier": "Brier", "ece": "ECE"}


def terminal_table(
    head: Sequence[str], rows: Iterable[Sequence[str]], title: str = "", caption: str = ""
) -> Table:
    """Names in the first column, numbers aligned to the right in the others."""
    columns = [Column(name, justify="right") for name in head[1:]]
    table = Table(head[0], *columns, title=title or None, caption=caption or None)
    for row in rows:
        table.add_row(*row)
    return table


def score_table(result: dict[str, Any], title: str) -> Table:
    """Each metric with its interval."""
    rows = []
    for name in METRICS:
        low, high = result[f"{name}_ci"]
        label = TITLES.get(name, name.replace("_", " "))
        rows.append((label, f"{result[name]:.4f}", f"{low:.4f} – {high:.4f}"))
    rows.append(("not sure (share)", f"{result['unsure']:.4f}", ""))
    return terminal_table(("metric", "value", "95 % interval"), rows, title)


def class_table(per_class: dict[str, dict[str, float]], names: list[str]) -> Table:
    """Scores of each class; ``names``: readable class names in the order of ``per_class``."""
    rows = [
        (name, str(int(row["n"])), *(f"{row[key]:.3f}" for key in ("precision", "recall", "f1")))
        for name, row in zip(names, per_class.values(), strict=True)
    ]
    return terminal_table(("class", "n", "precision", "recall", "F1"), rows)


def confusion_table(confusion: list[list[int]], names: list[str]) -> Table:
    """Rows are the true classes, columns the predicted ones, in the same order."""
    numbers = [str(number) for number in range(1, len(names) + 1)]
    rows = [
        (f"{number} {name}", *(str(count) if count else "·" for count in counts))
        for number, name, counts in zip(numbers, names, confusion, strict=True)
    ]
    title = "Confusion (rows: truth, columns: prediction)"
    return terminal_table(("class", *numbers), rows, title)


def reconstruction_table(scores: dict[str, dict[str, float]], title: str) -> Table:
    """PSNR and SSIM of each method, {method: {"psnr", "ssim"}}."""
    rows = [
        (name.replace("_", " "), f"{values['psnr']:.2f}", f"{values['ssim']:.3f}")
        for name, values in scores.items()
    ]
    return terminal_table(("fill of hidden pixels", "PSNR, dB", "SSIM"), rows, title)
