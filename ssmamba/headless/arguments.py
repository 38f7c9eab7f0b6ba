"""Command lines: errors in one sentence, and values in their ranges."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from ssmamba.errors import InputError, did_you_mean


class CommandParser(argparse.ArgumentParser):
    """A parser whose errors are InputErrors of one sentence."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see {self.prog} --help.")


def positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be a positive number")
    return value


def share(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError("must be from 0 to below 1")
    return value


def count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def some_of(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """ "geojson,csv" as formats, each of ``known``. Raises InputError for another one."""
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip()))
    for name in names:
        if name not in known:
            raise InputError(f"There is no format '{name}'{did_you_mean(name, known)}.")
    if not names:
        raise InputError(f"No format was given; choose of {', '.join(known)}.")
    return names
