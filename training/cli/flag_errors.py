"""What the argument parser says of wrong flags, as one sentence with the next step."""

from __future__ import annotations

import re
from dataclasses import fields
from difflib import get_close_matches
from types import NoneType
from typing import Any, Literal, NoReturn, get_args, get_origin, get_type_hints

from jsonargparse import ArgumentParser

from ssmamba.errors import DataError

WANTED: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    tuple: "a list such as '[3, 5]'",
    dict: """a mapping such as '{"a": "b"}'""",
}


class FlagParser(ArgumentParser):
    """A parser whose errors are DataErrors.

    Args:
        config_class: dataclass whose fields are the flags.
        positional: the field that is given without a flag.
    """

    def __init__(self, config_class: type, positional: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.config_class, self.positional = config_class, positional

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        told = in_a_sentence(message, self.config_class, self.positional)
        raise DataError(f"{told}; {self.prog} --help lists the flags.") from ex


def in_a_sentence(message: str, config_class: type, positional: str | None = None) -> str:
    """The parser's message, without its last stop; its own words where the kind is not known.

    positional: the field that is given without a flag.
    """
    if found := re.match(r'Parser key "(\w+)"', message):
        value = re.search(r"(?:Got|Given) value: (.*)", message)
        return _wrong_value(found[1], value[1] if value else "", config_class)
    if found := re.match(r"unrecognized arguments: (\S+)", message):
        if not found[1].startswith("-"):
            return f"Unknown argument {found[1]}"
        names = [f"--{_dashed(field.name)}" for field in fields(config_class)]
        return f"Unknown flag {_dashed(found[1])}{_guess(_dashed(found[1]), names)}"
    if found := re.match(r"the following arguments are required: (.*)", message):
        names = [_written(name, positional) for name in found[1].split(", ")]
        return f"{' and '.join(names)} must be given"
    return " ".join(message.split())


def _wrong_value(name: str, value: str, config_class: type) -> str:
    kind = get_type_hints(config_class)[name]
    kinds = (
        [k for k in get_args(kind) if k is not NoneType] if NoneType in get_args(kind) else [kind]
    )
    flag = f"--{_dashed(name)} {value}".strip()
    if get_origin(kinds[0]) is Literal:
        known = [str(choice) for choice in get_args(kinds[0])]
        return f"{flag}: choose one of {', '.join(known)}{_guess(value, known)}"
    wanted = WANTED.get(get_origin(kinds[0]) or kinds[0])
    return f"{flag}: {'give ' + wanted if wanted else 'this value does not fit'}"


def _written(name: str, positional: str | None) -> str:
    """As --help shows it."""
    return name.upper() if name == positional else f"--{_dashed(name)}"


def _guess(name: str, known: list[str]) -> str:
    """A near miss alone: all names would be a page, or stand there already."""
    near = get_close_matches(name, known, n=1, cutoff=0.7)
    return f" (did you mean '{near[0]}'?)" if near else ""


def _dashed(name: str) -> str:
    return name.replace("_", "-")
