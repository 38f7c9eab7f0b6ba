"""Which slide models answer for a slide that is open; without torch."""

from __future__ import annotations

from pathlib import Path

from ssmamba.checkpoints.card import Card, SlideSpec
from ssmamba.errors import CheckpointError


def require_answers(card: Card, name: Path | str) -> None:
    """Raise CheckpointError unless a slide model reads pixels and has a head."""
    spec = card.input
    if not isinstance(spec, SlideSpec):
        raise CheckpointError(
            "{name} reads regions and not slides; choose a slide model.", name=name
        )
    if spec.encoder:
        raise CheckpointError(
            "{name} is a slide model of the features of {encoder}, and only slide models of "
            "pixels answer here; extract the features with ssmamba.extract, then run "
            "training.slide_evaluate.",
            name=name,
            encoder=spec.encoder,
        )
    if not card.slide_outputs:
        raise CheckpointError(
            "{name} is a slide model without an answer, trained without labels; fine-tune it with "
            "training.slide_finetune --init.",
            name=name,
        )
