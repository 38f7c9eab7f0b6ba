"""A slide of the cohort, and what has become of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.prepare.annotated.cohort import Listed
from training.prepare.annotated.survey import Survey


@dataclass(frozen=True)
class Taken:
    """A window that became a patch, level-0 pixels."""

    x: int
    y: int
    label: str
    region: int  # number of the annotation that has most of it; -1 = none


@dataclass
class Outcome:
    """A slide and what has become of it."""

    listed: Listed
    survey: Survey | None = None
    why_not: str = ""  # why it gives no patches; goes on from its name
    taken: tuple[Taken, ...] = ()

    def fail(self, why: str) -> None:
        self.why_not, self.taken = why, ()


def surveys_of(outcomes: Sequence[Outcome]) -> list[Survey]:
    return [outcome.survey for outcome in outcomes if outcome.survey is not None]
