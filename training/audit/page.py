"""The audit as a page: audit.md with audit.png, and audit.json for programs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ssmamba.explain.figure import RESEARCH_USE
from ssmamba.files import write_json
from training.audit.copies import PAIRS_TOLD
from training.audit.cues import CUES
from training.audit.findings import Audit
from training.data.catalog import SPLITS
from training.data.images import centre_square, read_rgb
from training.evaluation.written import markdown_table

PAGE, PICTURE, DATA = "audit.md", "audit.png", "audit.json"
SWATCHES = 60  # background colours shown of each class
PAIRS_SHOWN = 5


def write_page(audit: Audit, command: str, folder: Path) -> Path:
    """Write the page into a folder and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    _draw(audit).savefig(folder / PICTURE, dpi=110)
    write_json(folder / DATA, as_json(audit))
    (folder / PAGE).write_text(_text(audit, command), encoding="utf-8")
    return folder / PAGE


def as_json(audit: Audit) -> dict[str, Any]:
    return {
        "dataset": audit.dataset.info.name,
        "split_seed": audit.dataset.split_seed,
        "counts": audit.dataset.counts(),
        "findings": audit.findings,
        "copies": [
            {**asdict(kind), "across_sides": len(kind.across_sides),
             "across_labels": len(kind.across_labels)}
            for kind in audit.copies
        ],
        "commonest": audit.commonest,
        "cues": [asdict(cue) for cue in audit.cues],
        "groups": asdict(audit.groups) if audit.groups else None,
        "batches": asdict(audit.batches),
    }  # fmt: skip


def _text(audit: Audit, command: str) -> str:
    dataset = audit.dataset
    sides = ", ".join(f"{len(dataset.indices(split))} {split}" for split in SPLITS)
    parts = [
        f"# Audit of {dataset.info.name}",
        f"{len(dataset.catalog.items)} images, {len(dataset.classes)} classes; {sides} (split seed "
        f"{dataset.split_seed}). {RESEARCH_USE}",
        "## Findings",
        "\n".join(f"- {line}" for line in audit.findings) or "Nothing stands out.",
        "## What one cue alone predicts",
        f"Forests trained on the train split, measured on the test split ({audit.looked_at} images "
        f"in all); always naming the commonest class gives {audit.commonest:.3f}. 95 % intervals "
        "bootstrapped by group.",
        _cue_table(audit),
        "## Copies",
        _copy_table(audit),
        *_pair_lists(audit),
        "## Groups and batches",
        _origin(audit),
        f"![Accuracy of single cues, background colours of the classes, copies]({PICTURE})",
        f"Made by `{command}`.",
    ]
    return "\n\n".join(parts) + "\n"


def _cue_table(audit: Audit) -> str:
    rows = [
        (c.name, CUES[c.name], f"{c.accuracy:.3f}", f"{c.accuracy_ci[0]:.3f} – "
         f"{c.accuracy_ci[1]:.3f}", f"{c.balanced_accuracy:.3f}")
        for c in sorted(audit.cues, key=lambda c: -c.accuracy)
    ]  # fmt: skip
    head = ["cue", "what it is", "accuracy", "95 % interval", "balanced accuracy"]
    return markdown_table(head, rows)


def _copy_table(audit: Audit) -> str:
    head = [
        "kind",
        "pairs",
        "in two splits",
        "under two labels",
        "test images with a copy elsewhere",
    ]
    rows = [
        (k.kind, k.pairs, len(k.across_sides), len(k.across_labels), k.test_images)
        for k in audit.copies
    ]
    return markdown_table(head, rows)


def _pair_lists(audit: Audit) -> list[str]:
    parts = []
    for kind in audit.copies:
        for what, pairs in (("splits", kind.across_sides), ("labels", kind.across_labels)):
            if pairs:
                more = f"\n- and {len(pairs) - PAIRS_TOLD} more" if len(pairs) > PAIRS_TOLD else ""
                told = "\n".join(f"- `{a}` and `{b}`" for a, b in pairs[:PAIRS_TOLD])
                parts.append(f"Across {what}, {kind.kind}:\n\n{told}{more}")
    return parts


def _origin(audit: Audit) -> str:
    link, batches = audit.groups, audit.batches
    lines = ["No groups are known."]
    if link is not None:
        lines = [
            f"{link.groups} groups over {link.images} images; {link.single_class:.1%} of the "
            "groups of two or more images contain a single class. The class of the training image "
            f"with the most similar colour histogram is right for {link.neighbour_split:.3f} of "
            f"the test images with this split, and for {link.neighbour_random:.3f} when groups are "
            "broken up."
        ]
    lines.append(
        f"Eight clusters of background colour: normalised mutual information with the class "
        f"{batches.information:.3f} (99 % of shuffles of the labels stay below "
        f"{batches.chance:.3f}); naming each cluster's commonest class is right for "
        f"{batches.accuracy:.3f} of the test images."
    )
    if audit.modes:
        lines.append(f"Not 8-bit RGB: {audit.modes}.")
    return "\n\n".join(lines)


def _draw(audit: Audit) -> Figure:
    pairs = [p for kind in audit.copies for p in (*kind.across_sides, *kind.across_labels)]
    shown = pairs[:PAIRS_SHOWN]
    figure = Figure(figsize=(11, 4.2 + (2.6 if shown else 0)), layout="constrained")
    layout, heights = ("AB;CC", [1.4, 1]) if shown else ("AB", [1])
    axes = figure.subplot_mosaic(layout, height_ratios=heights)
    _bars(axes["A"], audit)
    _swatches(axes["B"], audit)
    if shown:
        _pairs(axes["C"], audit, shown)
    return figure


def _bars(axes: Axes, audit: Audit) -> None:
    cues = sorted(audit.cues, key=lambda c: c.accuracy)
    values = np.array([c.accuracy for c in cues])
    ends = np.array([c.accuracy_ci for c in cues])
    spread = np.abs(ends.T - values)
    axes.barh([c.name for c in cues], values, xerr=spread, color="#4c78a8", ecolor="#222222")
    axes.axvline(audit.commonest, color="#e45756", linestyle="--", label="commonest class")
    axes.set(xlim=(0, 1), xlabel="accuracy on the test split", title="Single cues")
    axes.legend(loc="lower right")


def _swatches(axes: Axes, audit: Audit) -> None:
    """A row for each class: background colours of its images, dark to bright."""
    rows = []
    for colours in audit.backgrounds.values():
        ordered = colours[np.argsort(colours.sum(1))]
        picked = np.linspace(0, len(ordered) - 1, SWATCHES).round().astype(int)
        rows.append(ordered[picked])
    axes.imshow(np.stack(rows).round().astype(np.uint8), aspect="auto", interpolation="nearest")
    names = {c.key: c.name for c in audit.dataset.info.classes}
    axes.set_yticks(range(len(rows)), [names[key] for key in audit.backgrounds])
    axes.set(xticks=[], title="Background colour by class")


def _pairs(axes: Axes, audit: Audit, pairs: list[tuple[str, str]]) -> None:
    root = audit.dataset.catalog.root
    for column, pair in enumerate(pairs):
        for offset, name in enumerate(pair):
            left = column * 2.2 + offset
            axes.imshow(centre_square(read_rgb(root / name)), extent=(left, left + 0.96, 0, 0.96))
    axes.set(
        xlim=(0, 2.2 * PAIRS_SHOWN), ylim=(0, 1), title="Copies in two splits or under two labels"
    )
    axes.axis("off")
