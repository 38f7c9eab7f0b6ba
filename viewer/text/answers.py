"""A model's answer in words, doubt first; no Qt."""

from __future__ import annotations

from dataclasses import dataclass

from ssmamba.checkpoints.card import Card
from ssmamba.engine.messages import ClassifyResult
from ssmamba.headless.answers import Answer, whole_percent
from ssmamba.reading.values import Doubt
from viewer.text import formats
from viewer.text.tr import tr

DOUBTS: dict[Doubt, str] = {  # ssmamba.reading.doubts has the same in English, for `predict`
    "": "",
    "unsure": tr("Not sure"),
    "background": tr("Background"),
    "foreign": tr("Foreign tissue"),
    "unlike": tr("Unlike its classes"),
    "partial": tr("Partly read"),
    "blurred": tr("Out of focus"),
    "glass": tr("No tissue"),
    "blank": tr("Nothing to see"),
    "pen": tr("Pen or ink"),
    "fluorescence": tr("Fluorescence"),
    "damaged": tr("Model damaged"),
}
NO_BREAK = "\u00a0"  # a space at which no line ends


def doubt_name(key: str) -> str:
    """The headline of a doubt; its key where a newer version of the program has found one."""
    return {str(doubt): text for doubt, text in DOUBTS.items()}.get(key, key)


@dataclass(frozen=True)
class Said:
    """What an answer says. Without a class to name, all but the doubt is empty."""

    doubt: str = ""  # headline of an answer that is not sure; empty where it is
    name: str = ""  # of the class
    share: str = ""  # "77.2 %"
    color: tuple[int, int, int] | None = None  # of the class
    agrees: bool | None = None  # with the user's class; None: cannot be said

    @property
    def headline(self) -> str:
        return self.doubt or self.name

    @property
    def aside(self) -> str:
        """The class beside a doubt; else empty."""
        return self.name if self.doubt else ""

    @property
    def spoken(self) -> str:
        """All of it on one line, for a screen reader or a tooltip."""
        parts = (self.doubt, self.name, self.share, agreement_text(self.agrees))
        return ", ".join(part for part in parts if part)


def said(card: Card, result: ClassifyResult, user_class: str = "") -> Said:
    """user_class: of the region, "" for none."""
    answer = Answer("", card, result)
    named = answer.named
    doubt = DOUBTS[result.trust.doubt]
    if named is None:
        return Said(doubt)
    share = formats.percent(result.probabilities[named.key])
    return Said(doubt, named.name, share, named.color, answer.agrees_with(user_class))


def agreement_text(agrees: bool | None) -> str:
    """The words behind a check or a cross; empty where there is neither."""
    told = {True: tr("agrees with your class"), False: tr("differs from your class")}
    return "" if agrees is None else told[agrees]


def basis(result: ClassifyResult) -> str:
    """What an answer rests on: "12 windows · 94 % read"; lines end between the parts only."""
    read = tr("{share} read").format(share=whole_percent(result.read_share))
    parts = (formats.windows(len(result.windows)), read)
    return " · ".join(part.replace(" ", NO_BREAK) for part in parts)


def left_out_line(result: ClassifyResult) -> str:
    """The windows that had no vote, by reason; empty where all had one."""
    text = tr("{windows} left out: {doubt}")
    return "; ".join(
        text.format(windows=formats.windows(number), doubt=formats.within(DOUBTS[doubt]))
        for doubt, number in result.left_out
    )
