"""What --help prints: each flag with the comment that stands beside its field, and its default."""

from __future__ import annotations

import argparse
import ast
import inspect
import io
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from textwrap import dedent
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

WIDTH = 28  # columns of the flags, before what they mean
VALUES = {int: "N", float: "X", Path: "PATH", str: "TEXT", tuple: "LIST", dict: "MAPPING"}
FOOTER = (
    "Flags may be written with dashes or underscores. A YAML file of `flag: value` lines gives "
    "flags with --config; what stands on the command line wins."
)


def help_text(
    config_class: type, section: str, positional: str | None, recipe: Mapping[str, str]
) -> str:
    """The page of a command.

    recipe: defaults that are not those of the dataclass, by field.
    """
    required = [f.name for f in _fields(config_class) if _required(f) and f.name != positional]
    usage = f"python -m training.{section}"
    if positional:
        usage += f" {positional.upper()}{' ...' if _is_many(config_class, positional) else ''}"
    usage += "".join(f" {_dashed(name)} {_value(config_class, name)}" for name in required)
    page = argparse.ArgumentParser(
        usage=f"{usage} [--flag VALUE ...]",
        description=_description(config_class),
        epilog=FOOTER,
        add_help=False,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=WIDTH),
    )
    told = field_comments(config_class)
    needed = page.add_argument_group("needed")
    if positional:
        needed.add_argument(positional.upper(), help=_escaped(told.get(positional, "")))
    for name in required:
        _add(needed, config_class, name, told.get(name, ""))
    for title, names in _groups(config_class, section, {positional, *required}):
        group = page.add_argument_group(title)
        for name in names:
            _add(
                group, config_class, name, told.get(name, ""), _default(config_class, name, recipe)
            )
    other = page.add_argument_group("and")
    other.add_argument("--config", metavar="PATH", help="YAML with values of these flags; may be "
                       "given several times")  # fmt: skip
    other.add_argument("--help", action="store_true", help="show this page and leave")
    return page.format_help()


def field_comments(config_class: type) -> dict[str, str]:
    """{field: comment} of a dataclass and its bases.

    The comment is the one on the field's line, with the lines below it that belong to no other
    field; or else the one above. Fields without one are left out, and so are all where the
    source is not at hand.
    """
    found: dict[str, str] = {}
    for base in reversed(config_class.__mro__):
        if is_dataclass(base):
            found.update(_own_comments(base))
    return found


def _own_comments(config_class: type) -> dict[str, str]:
    try:
        source = dedent(inspect.getsource(config_class))
    except OSError:
        return {}
    body = ast.parse(source).body[0]
    assert isinstance(body, ast.ClassDef)
    places = {n.end_lineno or 0: n for n in body.body if isinstance(n, ast.AnnAssign)}
    beside, alone = _comments(source)
    found = {}
    for line, node in places.items():
        assert isinstance(node.target, ast.Name)
        below = list(_run(alone, line + 1, 1))
        after = line + len(below) + 1
        if line not in beside:
            words = list(_run(alone, node.lineno - 1, -1))[::-1]
        else:
            words = [beside[line], *(below if after not in places or after in beside else [])]
        if words:
            found[node.target.id] = " ".join(words)
    return found


def _comments(source: str) -> tuple[dict[int, str], dict[int, str]]:
    """{line: comment} of those behind code, and of those with a line of their own."""
    beside: dict[int, str] = {}
    alone: dict[int, str] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            own = token.line.lstrip().startswith("#")
            (alone if own else beside)[token.start[0]] = token.string.lstrip("# ")
    return beside, alone


def _run(comments: dict[int, str], line: int, step: int) -> Iterator[str]:
    """Comments of adjoining lines from ``line`` on."""
    while line in comments:
        yield comments[line]
        line += step


def _groups(
    config_class: type, section: str, without: set[str | None]
) -> Iterator[tuple[str, list[str]]]:
    """The class's own fields, then those of its base."""
    taken = set(without)
    bases = [base for base in config_class.__mro__ if is_dataclass(base)]
    inherited = {f.name for base in bases[1:] for f in fields(base)}
    own = [f.name for f in _fields(config_class) if f.name not in inherited | taken]
    shared = [f.name for f in _fields(config_class) if f.name in inherited - taken]
    yield (f"flags of {section} alone" if shared else "flags"), own
    if shared:
        yield "flags of every training", shared


def _add(group: Any, config_class: type, name: str, comment: str, default: str = "") -> None:
    text = "; ".join(part for part in (comment, default) if part)
    group.add_argument(_dashed(name), metavar=_value(config_class, name), help=_escaped(text))


def _value(config_class: type, name: str) -> str:
    """What stands for the flag's value: its choices, or its kind."""
    kind = _kind(config_class, name)
    if get_origin(kind) is Literal:
        return "|".join(str(choice) for choice in get_args(kind))
    return "[true|false]" if kind is bool else VALUES.get(get_origin(kind) or kind, "VALUE")


def _default(config_class: type, name: str, recipe: Mapping[str, str]) -> str:
    """ "default 0.2"; nothing where no value means that something else decides."""
    value = recipe.get(name)
    if value is None:
        field = next(f for f in _fields(config_class) if f.name == name)
        value = field.default
    if value in (None, MISSING, "") or value is False:
        return ""
    return f"default {value:g}" if isinstance(value, float) else f"default {value}"


def _kind(config_class: type, name: str) -> Any:
    kind = get_type_hints(config_class)[name]
    choices = get_args(kind)
    return next(k for k in choices if k is not NoneType) if NoneType in choices else kind


def _is_many(config_class: type, name: str) -> bool:
    return get_origin(get_type_hints(config_class)[name]) is tuple


def _fields(config_class: type) -> tuple[Any, ...]:
    return fields(config_class)


def _required(field: Any) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _description(config_class: type) -> str:
    return inspect.cleandoc(config_class.__doc__ or "")


def _dashed(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _escaped(text: str) -> str:
    return text.replace("%", "%%")
