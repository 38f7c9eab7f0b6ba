"""Mappings in YAML files."""

from __future__ import annotations

import re
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml

from ssmamba.errors import DataError

MOST_DEPTH, MOST_VALUES = 20, 10_000  # of a mapping; aliases count each time


class _Loader(yaml.SafeLoader):
    """Dates are texts, and so are 1:30, 010 and no, which YAML 1.1 takes for 90, 8 and false."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise ValueError(f"'{key.value[:40]}' is there twice, again in line {line}")
                seen.add(key.value)
        return super().construct_mapping(node, deep)


_PLAIN = {  # tag: its texts, and what they begin with
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?(?:0|[1-9][0-9_]*)", "-+0123456789"),
    "float": (r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
              r"|[-+]?[0-9]+[eE][-+]?[0-9]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
              "-+0123456789."),
}  # fmt: skip
_OTHERS = (*_PLAIN, "timestamp")
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag.rsplit(":", 1)[1] not in _OTHERS]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _name, (_texts, _first) in _PLAIN.items():
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_name}", re.compile(f"(?:{_texts})$"), list(_first)
    )


def read_yaml(file: Path | Traversable, next_step: str) -> dict[str, Any]:
    """The mapping in a YAML file. Raises DataError, which ends with ``next_step``."""
    if not file.is_file():
        raise DataError(f"There is no file {file}; {next_step}.")
    try:
        raw = yaml.load(file.read_text(encoding="utf-8"), _Loader)  # a SafeLoader
        _refuse_unplain(raw, "the file", MOST_DEPTH, [MOST_VALUES])
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:  # ValueError: UTF-8 too
        line = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(f"{file} cannot be read as YAML ({line}); {next_step}.") from error
    if not isinstance(raw, dict):
        raise DataError(f"{file} must contain a mapping; see resources/configs.")
    return raw


def _refuse_unplain(value: Any, name: str, depth: int, left: list[int]) -> None:
    """Raise ValueError that names a value which no recipe has, or too many of them.

    depth: levels that may still follow; left: values that may still follow, counted down.
    """
    left[0] -= 1
    if depth < 0 or left[0] < 0:
        raise ValueError(f"{name} is nested too deeply, repeats itself or is too long")
    if isinstance(value, dict):
        for key, each in value.items():
            if not isinstance(key, str | int | float | bool):
                raise ValueError(f"{name} has a key that is no text")
            _refuse_unplain(each, f"'{str(key)[:40]}'", depth - 1, left)
    elif isinstance(value, list):
        for each in value:
            _refuse_unplain(each, name, depth - 1, left)
    elif value is not None and not isinstance(value, str | int | float | bool):
        raise ValueError(f"{name} is neither text nor a number, a list or a mapping")
