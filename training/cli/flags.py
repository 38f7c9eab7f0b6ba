"""The flags of a command: their parser, and the page of --help."""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args, get_origin, get_type_hints

from jsonargparse import ArgumentParser

from ssmamba.errors import DataError
from training.cli.flag_errors import dashed, in_a_sentence, without_none

WIDTH = 28  # columns of the flags, before their meaning
VALUES = {int: "N", float: "X", Path: "PATH", str: "TEXT", tuple: "LIST", dict: "MAPPING"}
FOOTER = (
    "Flags may be written with dashes or underscores. --config reads values from a YAML file of "
    "`flag: value` lines; the command line takes precedence."
)


class _Formatter(argparse.HelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=WIDTH)


class FlagParser(ArgumentParser):
    """A parser of the fields of a dataclass, whose errors are DataErrors of one sentence.

    Args:
        config_class: dataclass whose fields are the flags; their comments are the help.
        section: name of the command.
        positional: the field that is given without a flag; one that is a tuple takes several
            values.
        recipe: defaults to show that are not those of the dataclass, by field.
    """

    def __init__(
        self,
        config_class: type[Any],
        section: str,
        positional: str | None = None,
        recipe: Mapping[str, str] | None = None,
    ) -> None:
        prog = f"python -m training.{section}"
        super().__init__(
            prog=prog,
            description=inspect.cleandoc(config_class.__doc__ or ""),
            epilog=FOOTER,
            add_help=False,
            formatter_class=_Formatter,
        )
        self.config_class, self.positional = config_class, positional
        known = {f.name: f for f in fields(config_class)}
        needed = [n for n, f in known.items() if {f.default, f.default_factory} == {MISSING}]
        comments, kinds = field_comments(config_class), get_type_hints(config_class)
        usage = [prog]
        for title, names in (("needed", needed), *_groups(config_class, section, needed)):
            group = self.add_argument_group(title)
            for name in names:
                text = [comments.get(name, ""), _default(known[name], recipe or {})]
                told = "; ".join(part for part in text if part).replace("%", "%%")
                usage += self._add(group, name, kinds[name], told, name in needed)
        self.usage = " ".join([*usage, "[--flag VALUE ...]"])
        other = self.add_argument_group("other")
        files = "YAML file with values of these flags; may be given several times"
        other.add_argument("--config", type=str, metavar="PATH", help=files)
        other.add_argument("--help", action="store_true", help="show this help and exit")

    def _add(self, group: Any, name: str, kind: Any, told: str, needed: bool) -> list[str]:
        """Add a flag; its part of the usage line, if it is needed."""
        if name == self.positional:
            many = get_origin(kind) is tuple
            options = {"type": get_args(kind)[0], "nargs": "+"} if many else {"type": kind}
            group.add_argument(name, metavar=name.upper(), help=told, **options)
            return [f"{name.upper()} ..." if many else name.upper()]
        value = _value(kind)
        default = argparse.SUPPRESS  # the dataclass has it
        group.add_argument(
            dashed(name), type=kind, default=default, required=needed, metavar=value, help=told
        )
        return [f"{dashed(name)} {value}"] if needed else []

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        told = in_a_sentence(message, self.config_class, self.positional)
        raise DataError(f"{told}; {self.prog} --help lists the flags.") from ex


def field_comments(config_class: type[Any]) -> dict[str, str]:
    """{field: comment} of a dataclass and its bases: the comment beside a field, else the lines
    above it. Fields without one are left out, and so are all where there is no source."""
    found: dict[str, str] = {}
    for base in reversed(config_class.__mro__):
        if is_dataclass(base):
            found.update(_own_comments(base))
    return found


def _own_comments(config_class: type[Any]) -> dict[str, str]:
    try:
        lines = inspect.getsource(config_class).splitlines()
    except OSError:
        return {}
    found: dict[str, str] = {}
    above: list[str] = []
    for line in lines:
        code, _, beside = line.partition("  # ")
        field = re.match(r"\s+(\w+):", code)
        if field and (beside or above):
            found[field[1]] = beside or " ".join(above)
        own = re.match(r"\s+# (.*)", line)
        above = [*above, own[1]] if own else []
    return {f.name: found[f.name] for f in fields(config_class) if f.name in found}


def _groups(
    config_class: type[Any], section: str, needed: list[str]
) -> Iterator[tuple[str, list[str]]]:
    """Titles and flags: first the class's own, then those of its base."""
    bases = [base for base in config_class.__mro__ if is_dataclass(base)]
    inherited = {f.name for base in bases[1:] for f in fields(base)} - {*needed}
    names = [f.name for f in fields(config_class) if f.name not in needed]
    shared = [name for name in names if name in inherited]
    yield f"flags of {section}" if shared else "flags", [n for n in names if n not in inherited]
    if shared:
        yield "flags of every training", shared


def _value(kind: Any) -> str:
    """The placeholder of a flag's value: its choices, or its kind."""
    kind = without_none(kind)
    if get_origin(kind) is Literal:
        return "|".join(str(choice) for choice in get_args(kind))
    return "[true|false]" if kind is bool else VALUES.get(get_origin(kind) or kind, "VALUE")


def _default(field: Field[Any], recipe: Mapping[str, str]) -> str:
    """ "default 0.2"; nothing where no value means that something else decides."""
    value = recipe.get(field.name, field.default)
    if value in (None, MISSING, "") or value is False:
        return ""
    if value is True:
        return "default true"
    return f"default {value:g}" if isinstance(value, float) else f"default {value}"
