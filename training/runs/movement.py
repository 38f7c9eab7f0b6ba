"""How far the parts of a network have moved in a run: a table and a picture of its log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.table import Table

from training.evaluation.tables import terminal_table
from training.loop.epoch_log import LOG_FILE
from training.loop.movement import Measured
from training.loop.progress import console

PARTS = "parts"  # entry of an epoch's line in the log
PICTURE = "parts.png"


def tell_movement(folder: Path, peak_lr: float, title: str) -> None:
    """Print the table of the last epoch with this peak rate, and draw all of its epochs.

    Nothing where the log has no such entries.
    """
    epochs = [line for line in read_log(folder / LOG_FILE) if line["peak_lr"] == peak_lr]
    history = {line["epoch"]: line[PARTS] for line in epochs if PARTS in line}
    if not history:
        return
    last = max(history)
    console.print(movement_table(history[last], f"Parts of the network after epoch {last}"))
    draw_movement(history, title).savefig(folder / PICTURE, dpi=150)
    console.print(f"Wrote {folder / PICTURE}")


def read_log(path: Path) -> list[dict[str, Any]]:
    """The epochs of a run's log."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def movement_table(parts: Measured, title: str) -> Table:
    """For the terminal: a row for each part, from the input on."""
    rows = [
        (name, f"{each['moved']:.1%}", f"{each['cosine']:.4f}", f"{each['gradient']:.1e}")
        for name, each in parts.items()
    ]
    caption = (
        "moved: change over the norm at the start; gradient: clipped, over the norm of the "
        "weights, mean of the last epoch"
    )
    return terminal_table(("part", "moved", "cosine", "gradient"), rows, title, caption)


def draw_movement(history: dict[int, Measured], title: str) -> Any:
    """A matplotlib figure: what moved and the gradient by epoch, with a line for each part."""
    from matplotlib.figure import Figure  # a second to import
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(9.6, 4.0), layout="constrained")
    panels = figure.subplots(1, 2)
    names = {
        "moved": "change of the weights / norm at the start",
        "gradient": "gradient / norm of the weights",
    }
    epochs = sorted(history)
    for axes, (key, label) in zip(panels, names.items(), strict=True):
        for part in history[epochs[0]]:
            values = [history[epoch][part][key] for epoch in epochs]
            axes.plot(epochs, values, marker="o", ms=3, lw=1.2, label=part)
        axes.set_xlabel("epoch", fontsize=8)
        axes.set_title(label, fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
    panels[1].set_yscale("log")
    handles, shown = panels[0].get_legend_handles_labels()
    figure.legend(handles, shown, loc="outside right upper", fontsize=7, frameon=False)
    figure.suptitle(title, fontsize=9)
    return figure
