"""Sentences for people that can be said in another language.

What the models say is English. A window in another language needs to know the sentence before its
values were filled in; ``Words`` are the English text and keep both.
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real

Value = str | int | float


class Words(str):
    """A filled-in text: equal to its English, the same in JSON, and pickled with its parts."""

    __slots__ = ("template", "values")

    template: str  # "{name} is empty; draw it again."
    values: Mapping[str, Value]  # some may be Words themselves

    def __new__(cls, template: str, values: Mapping[str, Value]) -> Words:
        made = super().__new__(cls, template.format(**values) if values else template)
        made.template, made.values = template, values
        return made

    def __str__(self) -> str:
        return self  # str(error) keeps the parts, too

    def __reduce__(self) -> tuple[type[Words], tuple[str, Mapping[str, Value]]]:
        return Words, (self.template, self.values)


def words(template: str, /, **values: object) -> Words:
    """``template``, a literal, with its values: ``words("{name} is empty", name=roi.name)``.

    Without values, braces stay as they are.
    """
    if isinstance(template, Words) and not values:
        return template
    return Words(template, {name: _plain(value) for name, value in values.items()})


def _plain(value: object) -> Value:
    """What every process can unpickle."""
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else str(value)


def without_stop(text: str) -> str:
    """A sentence without its full stop, to stand among notes."""
    if isinstance(text, Words):
        return Words(text.template.rstrip("."), text.values)
    return text.rstrip(".")
