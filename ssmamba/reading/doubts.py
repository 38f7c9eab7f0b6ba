"""The reasons for which an answer is not sure: their order and their headlines."""

from __future__ import annotations

from collections.abc import Iterable

from ssmamba.reading.values import Doubt

# The most fundamental first: whoever has no tissue to look at need not ask whether it is foreign.
ORDER: tuple[Doubt, ...] = (
    "damaged", "fluorescence", "blank", "glass", "pen", "blurred", "background", "foreign",
    "unlike", "partial", "unsure",
)  # fmt: skip
# As a byte in arrays and files, so that new ones come at the end; 0 = no doubt.
CODES: tuple[Doubt, ...] = (
    "", "damaged", "blank", "glass", "pen", "blurred", "foreign", "partial", "unsure",
    "fluorescence", "unlike", "background",
)  # fmt: skip

_TEXTS: dict[Doubt, str] = {
    "": "",
    "unsure": "Not sure",
    "background": "Background",
    "foreign": "Foreign tissue",
    "unlike": "Unlike its classes",
    "partial": "Partly read",
    "blurred": "Out of focus",
    "glass": "No tissue",
    "blank": "Nothing to see",
    "pen": "Pen or ink",
    "fluorescence": "Fluorescence",
    "damaged": "Model damaged",
}


def doubt_text(doubt: Doubt) -> str:
    """The headline of a doubt, in English; empty for an answer without doubt."""
    return _TEXTS[doubt]


def foremost(doubts: Iterable[Doubt]) -> Doubt:
    """The most fundamental of some doubts; "" of none."""
    found = set(doubts)
    return next((doubt for doubt in ORDER if doubt in found), "")
