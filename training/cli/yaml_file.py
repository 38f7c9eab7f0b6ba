"""Mappings in YAML files."""

from __future__ import annotations

from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml

from ssmamba.errors import DataError

MOST_DEPTH, MOST_VALUES = 20, 10_000  # of a mapping; aliases count each time


class _Loader(yaml.SafeLoader):
    """Dates are texts."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if not tag.endswith(":timestamp")]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


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
