"""Pictures of frozen features: maps in two dimensions, and probes over the epochs of a run."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ssmamba.explain.figure import RESEARCH_USE
from training.data.dataset import Dataset


def draw_maps(maps: dict[str, np.ndarray], dataset: Dataset, split: str, title: str) -> Figure:
    """A panel for each map {name: (N, 2)} of a split's images, a colour for each class."""
    figure = Figure(figsize=(5.2 * len(maps), 5.6), layout="constrained")
    panels = figure.subplots(1, len(maps), squeeze=False)[0]
    labels = dataset.labels(split)
    for axes, (name, places) in zip(panels, maps.items(), strict=True):
        for number, info in enumerate(dataset.info.classes):
            chosen = places[labels == number]
            colour = tuple(value / 255 for value in info.color)
            axes.scatter(chosen[:, 0], chosen[:, 1], s=9, color=colour, label=info.name, lw=0)
        axes.set_title(name, fontsize=9)
        axes.set_xticks([])
        axes.set_yticks([])
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, fontsize=7, frameon=False)
    figure.suptitle(f"{title}\n{RESEARCH_USE}", fontsize=8)
    return figure


def draw_guard(
    history: list[dict[str, Any]], titles: dict[str, str], probes: dict[str, str], title: str
) -> Figure:
    """A panel for each probe: balanced accuracy of the encoder by epoch, beside the random weights
    that it started from and colour. Bars and bands are 95 % intervals.

    history: entries of training.probe.guard by epoch; titles: of their features, the encoder's
    first; probes: titles of their probes.
    """
    figure = Figure(figsize=(5.2 * len(probes), 4.2), layout="constrained")
    panels = figure.subplots(1, len(probes), squeeze=False, sharey=True)[0]
    own, *others = titles
    for axes, (probe, name) in zip(panels, probes.items(), strict=True):
        entries = [found[probe] for found in history]
        for number, other in enumerate(others, start=1):
            low, high = entries[-1][other]["balanced_accuracy_ci"]
            colour = f"C{number}"
            axes.axhspan(low, high, color=colour, alpha=0.12, lw=0)
            level = entries[-1][other]["balanced_accuracy"]
            axes.axhline(level, color=colour, ls="--", lw=1.2, label=titles[other])
        values = np.array([entry[own]["balanced_accuracy"] for entry in entries])
        ends = np.array([entry[own]["balanced_accuracy_ci"] for entry in entries])
        reach = np.abs(ends - values[:, None]).T
        epochs = [found["epoch"] for found in history]
        axes.errorbar(epochs, values, reach, color="C0", marker="o", ms=4, capsize=3, lw=1.4)
        axes.plot([], [], color="C0", marker="o", ms=4, label=titles[own])
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("epoch", fontsize=8)
        axes.set_xlim(0, epochs[-1] + 1)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("balanced accuracy", fontsize=8)
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, fontsize=7, frameon=False)
    figure.suptitle(f"{title}\n{RESEARCH_USE}", fontsize=8)
    return figure
