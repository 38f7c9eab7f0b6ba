"""Which slide models answer for a slide that is open; without torch."""

from __future__ import annotations

from pathlib import Path

from ssmamba.checkpoints.card import Card, SlideSpec
from ssmamba.errors import CheckpointError


def require_answers(card: Card, name: Path | str) -> None:
    """Raise CheckpointError unless a slide model reads pixels and has a head."""
    spec = card.input
    if not isinstance(spec, SlideSpec):
        raise CheckpointError(f"{name} reads regions and not slides; choose a slide model.")
    if spec.encoder:
        raise CheckpointError(
            f"{name} is a slide model of the features of {spec.encoder}, and only slide models of "
            "pixels answer here; extract the features with ssmamba.extract, then run "
            "training.slide_evaluate."
        )
    if not card.slide_outputs:
        raise CheckpointError(
            f"{name} is a slide model without an answer, trained without labels; fine-tune it with "
            "training.slide_finetune --init."
        )
