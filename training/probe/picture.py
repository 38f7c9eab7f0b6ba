"""Maps of frozen features in two dimensions, as a picture."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

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
