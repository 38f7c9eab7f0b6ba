"""Whether the values that a card was read with are what its fields say."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

WORDS: dict[Any, str] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "an object",
    tuple: "a list",
}


def check_types(made: Any, where: str = "") -> None:
    """Check a dataclass and all in it against the annotations of its fields.

    Raises TypeError that names the first value that does not fit: "metrics.test is 3, not …".
    """
    hints = get_type_hints(type(made))
    for field in fields(made):
        _check(getattr(made, field.name), hints[field.name], f"{where}{field.name}")


def _check(value: Any, hint: Any, name: str) -> None:
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if hint is Any:
        return
    if kind is UnionType:  # X | None
        if value is not None:
            _check(value, inner[0], name)
    elif is_dataclass(kind):
        check_types(value, f"{name}.")
    elif not _is_a(value, kind):
        raise TypeError(f"{name} is {str(value)[:40]!r}, not {WORDS[kind]}")
    elif kind is tuple:
        _check_each(value, inner, name)
    elif kind is dict:
        for key, each in value.items():
            _check(each, inner[1], f"{name}.{key}")


def _check_each(values: tuple[Any, ...], inner: tuple[Any, ...], name: str) -> None:
    hints = (inner[0],) * len(values) if inner[-1] is Ellipsis else inner
    if len(values) != len(hints):
        raise TypeError(f"{name} has {len(values)} values, not {len(hints)}")
    for at, (value, hint) in enumerate(zip(values, hints, strict=True)):
        _check(value, hint, f"{name}[{at}]")


def _is_a(value: Any, kind: Any) -> bool:
    """As in JSON: a whole number is a number too, true is none."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)
