"""The argument parser's messages about wrong flags, as one sentence with the next step."""

from __future__ import annotations

import re
from dataclasses import fields
from difflib import get_close_matches
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

WANTED: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    tuple: "a list such as '[3, 5]'",
    dict: """a mapping such as '{"a": "b"}'""",
}


def in_a_sentence(message: str, config_class: type, positional: str | None = None) -> str:
    """The parser's message as a sentence without its full stop; as it is if not recognised.

    positional: the field that is given without a flag.
    """
    if found := re.match(r'Parser key "(\w+)"', message):
        value = re.search(r"(?:Got|Given) value: (.*)", message)
        return _wrong_value(found[1], value[1] if value else "", config_class)
    if found := re.match(r"unrecognized arguments: (\S+)", message):
        if not found[1].startswith("-"):
            return f"Unknown argument {found[1]}"
        names = [dashed(field.name) for field in fields(config_class)]
        flag = found[1].replace("_", "-")
        return f"Unknown flag {flag}{_guess(flag, names)}"
    if found := re.match(r"the following arguments are required: (.*)", message):
        given = [name.removeprefix("--") for name in found[1].split(", ")]
        names = [name.upper() if name == positional else dashed(name) for name in given]
        return f"{' and '.join(names)} must be given"
    return " ".join(message.split())


def _wrong_value(name: str, value: str, config_class: type) -> str:
    kind = without_none(get_type_hints(config_class)[name])
    flag = f"{dashed(name)} {value}".strip()
    if get_origin(kind) is Literal:
        known = [str(choice) for choice in get_args(kind)]
        return f"{flag}: choose one of {', '.join(known)}{_guess(value, known)}"
    wanted = WANTED.get(get_origin(kind) or kind)
    return f"{flag}: {'give ' + wanted if wanted else 'this value does not fit'}"


def _guess(name: str, known: list[str]) -> str:
    """The nearest name only: a list of all would fill a page or repeat the sentence."""
    near = get_close_matches(name, known, n=1, cutoff=0.7)
    return f" (did you mean '{near[0]}'?)" if near else ""


def dashed(name: str) -> str:
    """A field as a flag, "--split-seed"."""
    return f"--{name.replace('_', '-')}"


def without_none(kind: Any) -> Any:
    """The type itself of an optional one."""
    choices = get_args(kind)
    return next(k for k in choices if k is not NoneType) if NoneType in choices else kind
