"""Table and figure of the few-label curve, with paired differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ssmamba.checkpoints.card import Card
from ssmamba.explain.figure import RESEARCH_USE
from ssmamba.files import write_json
from training.curve.frozen import COLOUR, FROZEN, RANDOM, Values
from training.data.dataset import Dataset
from training.evaluation.tables import terminal_table
from training.evaluation.written import markdown_table
from training.loop.progress import console
from training.probe.few_labels import difference, score

PRETRAINED, SCRATCH = "pretrained", "scratch"
TITLES = {
    FROZEN: "pre-trained",
    RANDOM: "random weights",
    COLOUR: "colour histograms",
    PRETRAINED: "pre-trained",
    SCRATCH: "from scratch",
}


@dataclass(frozen=True)
class Half:
    """One half of the curve: its first line is compared with the others."""

    key: str
    title: str
    names: tuple[str, ...]
    note: str

    def head(self) -> list[str]:
        own, *others = (TITLES[name] for name in self.names)
        return ["labels a class", "draws", own, *others, *(f"minus {name}" for name in others)]


HALVES = (
    Half(
        "frozen",
        "Frozen features",
        (FROZEN, RANDOM, COLOUR),
        "A logistic regression on features that do not change.",
    ),
    Half(
        "fine_tuned",
        "Fine-tuned",
        (PRETRAINED, SCRATCH),
        "The same fine-tuning from the pre-trained encoder and from random weights.",
    ),
)


def entries(values: dict[str, Values], half: Half, groups: np.ndarray) -> dict[str, Any]:
    """{number of labels: {curve: score, with the difference of the first one from the others}}."""
    found: dict[str, Any] = {}
    first, *others = half.names
    for count, curves in values.items():
        found[count] = {name: score(curves[name], groups) for name in half.names}
        found[count]["draws"] = len(curves[first])
        for name in others:
            found[count][name] |= difference(curves[first], curves[name], groups)
    return found


def write_report(
    folder: Path,
    card: Card,
    dataset: Dataset,
    probed: dict[str, Values],
    tuned: dict[str, Values],
    failures: dict[str, str],
) -> None:
    """Print the curve, and write curve.md, curve.json and curve.png."""
    groups = dataset.groups("test")
    halves = [
        (half, entries(values, half, groups))
        for half, values in zip(HALVES, (probed, tuned), strict=True)
        if values
    ]
    title = f"{dataset.info.name}: {card.name}"
    page = [f"# {title}", "", _caption(dataset), ""]
    for half, found in halves:
        rows = [_cells(count, entry, half) for count, entry in found.items()]
        console.print(terminal_table(half.head(), rows, f"{title}: {half.title.lower()}"))
        said = verdict(found, half)
        console.print(said)
        page += [f"## {half.title}", "", half.note, "", markdown_table(half.head(), rows), ""]
        page += [said, ""]
    page += [f"- failed: {key}: {why}" for key, why in failures.items()]
    (folder / "curve.md").write_text("\n".join(page).rstrip() + "\n", encoding="utf-8")
    result = {"checkpoint": card.name, "dataset": dataset.info.name, "failures": failures}
    write_json(folder / "curve.json", {**result, **{h.key: found for h, found in halves}})
    draw_figure(halves, title).savefig(folder / "curve.png", dpi=150)
    for name in ("curve.md", "curve.json", "curve.png"):
        console.print(f"Wrote {folder / name}")


def _caption(dataset: Dataset) -> str:
    groups = "grouped" if dataset.catalog.grouped else "no groups known"
    return (
        f"Balanced accuracy on {len(dataset.indices('test'))} test images ({groups}), mean over "
        "draws of the labelled images. Intervals of 95 % are bootstrapped over groups of images "
        "and over draws; differences are paired by image and draw, and `*` marks those whose "
        "interval leaves out zero. One pre-training with one seed: the intervals do not hold the "
        "luck of another."
    )


def _cells(count: str, entry: dict[str, Any], half: Half) -> list[str]:
    cells = [count, str(entry["draws"])]
    for name in half.names:
        low, high = entry[name]["balanced_accuracy_ci"]
        cells.append(f"{entry[name]['balanced_accuracy']:.3f} [{low:.3f}, {high:.3f}]")
    for name in half.names[1:]:
        low, high = entry[name]["difference_ci"]
        mark = " *" if side(entry[name]) else ""
        cells.append(f"{entry[name]['difference']:+.3f} [{low:+.3f}, {high:+.3f}]{mark}")
    return cells


def side(entry: dict[str, Any]) -> int:
    """1 where the first curve is ahead beyond chance, -1 where it is behind, else 0."""
    low, high = entry["difference_ci"]
    return int(low > 0) - int(high < 0)


def verdict(found: dict[str, Any], half: Half) -> str:
    """One sentence for each comparison: where pre-training is ahead or behind beyond chance."""
    said = []
    for name in half.names[1:]:
        sides = {count: side(entry[name]) for count, entry in found.items()}
        parts = [
            f"{word} with {', '.join(count for count in sides if sides[count] == value)} labels"
            for value, word in ((1, "ahead"), (-1, "behind"), (0, "no different beyond chance"))
            if value in sides.values()
        ]
        said.append(f"Pre-trained against {TITLES[name]}: {'; '.join(parts)}.")
    return " ".join(said)


def draw_figure(halves: Sequence[tuple[Half, dict[str, Any]]], title: str) -> Figure:
    """A panel for each half: balanced accuracy by the number of labels, with 95 % intervals."""
    figure = Figure(figsize=(4.8 * len(halves), 4.0), layout="constrained")
    panels = figure.subplots(1, len(halves), squeeze=False, sharey=True)[0]
    for axes, (half, found) in zip(panels, halves, strict=True):
        places = np.arange(len(found))
        for number, name in enumerate(half.names):
            values = np.array([entry[name]["balanced_accuracy"] for entry in found.values()])
            ends = np.array([entry[name]["balanced_accuracy_ci"] for entry in found.values()])
            reach = np.abs(ends - values[:, None]).T
            axes.errorbar(
                places + 0.06 * number, values, reach, color=f"C{number}", marker="o", ms=4,
                capsize=3, lw=1.4, label=TITLES[name],
            )  # fmt: skip
        axes.set_xticks(places, list(found))
        axes.set_title(half.title, fontsize=9)
        axes.set_xlabel("labelled images a class", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7, frameon=False)
    panels[0].set_ylabel("balanced accuracy", fontsize=8)
    figure.suptitle(f"{title}\n{RESEARCH_USE}", fontsize=8)
    return figure
