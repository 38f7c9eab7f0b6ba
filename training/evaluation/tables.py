"""Tables of results for the terminal."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from training.metrics.classification import METRICS

TITLES = {"macro_f1": "macro-F1", "auc": "AUC", "nll": "NLL", "brier": "Brier", "ece": "ECE"}


def score_table(result: dict[str, Any], title: str) -> Table:
    """Each metric with its interval."""
    table = Table(title=title)
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("95 % interval", justify="right")
    for name in METRICS:
        low, high = result[f"{name}_ci"]
        table.add_row(
            TITLES.get(name, name.replace("_", " ")),
            f"{result[name]:.4f}",
            f"{low:.4f} – {high:.4f}",
        )
    table.add_row("not sure (share)", f"{result['unsure']:.4f}", "")
    return table


def class_table(per_class: dict[str, dict[str, float]], names: list[str]) -> Table:
    table = Table()
    table.add_column("class")
    for column in ("n", "precision", "recall", "F1"):
        table.add_column(column, justify="right")
    for name, row in zip(names, per_class.values(), strict=True):
        shares = (f"{row[key]:.3f}" for key in ("precision", "recall", "f1"))
        table.add_row(name, str(int(row["n"])), *shares)
    return table


def confusion_table(confusion: list[list[int]], names: list[str]) -> Table:
    """Rows are the true classes, columns the predicted ones, in the same order."""
    table = Table(title="Confusion (rows: truth, columns: prediction)")
    table.add_column("class")
    for number in range(1, len(names) + 1):
        table.add_column(str(number), justify="right")
    for number, (name, row) in enumerate(zip(names, confusion, strict=True), start=1):
        table.add_row(f"{number} {name}", *(str(count) if count else "·" for count in row))
    return table
