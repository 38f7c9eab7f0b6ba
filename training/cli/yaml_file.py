"""Mappings in YAML files."""

from __future__ import annotations

from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml

from ssmamba.errors import DataError


def read_yaml(file: Path | Traversable, next_step: str) -> dict[str, Any]:
    """The mapping in a YAML file. Raises DataError, which ends with ``next_step``."""
    if not file.is_file():
        raise DataError(f"There is no file {file}; {next_step}.")
    try:
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        line = str(error).splitlines()[0]
        raise DataError(f"{file} cannot be read as YAML ({line}); {next_step}.") from error
    if not isinstance(raw, dict):
        raise DataError(f"{file} must contain a mapping; see resources/configs.")
    return raw
