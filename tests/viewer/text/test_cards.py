"""A card in words."""

from __future__ import annotations

from ssmamba.checkpoints.card import Card
from tests.viewer.fakes import CLASSES
from viewer.text.cards import card_lines, headline


def test_a_figure_that_is_no_number_is_not_shown() -> None:
    figures = {"accuracy": float("nan"), "macro_f1": "high", "n": 3}
    card = Card(classes=CLASSES, metrics={"test": figures, "val": {"accuracy": 0.5}})
    assert headline(card) == "H&E\n50.0 % validation accuracy"
    assert dict(card_lines(card, "a.safetensors", None))["Performance"] == (
        "accuracy 50.0 % (validation)"
    )
