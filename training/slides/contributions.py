"""What each tile adds to a slide's answer, as a table that can be laid on the slide."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np

from ssmamba.checkpoints.card import Card
from ssmamba.checkpoints.checkpoint import Checkpoint
from ssmamba.explain.contributions import contributions
from ssmamba.files import write_text
from ssmamba.models.slides.encoder import SlideModel
from training.slides.bags import AnyBags, FeatureBags

FOLDER = "contributions"


def write_contributions(out: Path, found: Checkpoint, bags: AnyBags, row: int) -> None:
    """Write ``contributions/SLIDE.csv``: x, y, width, height (level-0 pixels), and a column for
    each output; beside it ``SLIDE.json`` says of which model and answer.
    """
    assert isinstance(bags, FeatureBags) and isinstance(found.model, SlideModel)
    tiles, features = bags[row]
    device = next(found.model.parameters()).device
    parts = contributions(found.model, bags.tensor(bags.sample(row, None), bags.spec).to(device))
    names = outputs_of(found.card, len(parts.logits))
    side = tiles.side if tiles.side is not None else tiles.likely_side or 0.0
    places = np.column_stack([tiles.places, np.full((len(features), 2), side)])
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["x", "y", "width", "height", *names])
    for place, values in zip(places, parts.parts, strict=True):
        writer.writerow([*(f"{v:g}" for v in place), *(f"{v:.6g}" for v in values)])
    stem = bags.cohort.slides[row].path.stem
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    write_text(out / FOLDER / f"{stem}.csv", file.getvalue())
    credentials = {
        "slide": bags.cohort.slides[row].path.name,
        "model": found.card.name,
        "sha256": found.sha256,
        "tiles": len(features),
        "scale": "logits; the tiles' parts and the base add up to the answer",
        "logits": dict(zip(names, parts.logits.tolist(), strict=True)),
        "base": dict(zip(names, parts.base.tolist(), strict=True)),
        "method": "the model's own sum" if parts.exact else "integrated gradients from zeros",
        "largest_error_of_the_sum": parts.error,
    }
    write_text(out / FOLDER / f"{stem}.json", json.dumps(credentials, indent=2) + "\n")


def outputs_of(card: Card, count: int) -> list[str]:
    """Readable names of the logits."""
    if card.classes:
        return card.class_names
    return [f"hazard_{n}" for n in range(1, count + 1)]
