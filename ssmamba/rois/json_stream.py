"""Reads a large JSON document piece by piece.

``json.loads`` holds Python's global lock for the whole document: reading 100 MB of regions on a
worker thread would freeze the window for seconds. Here each feature is parsed on its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

_SPACE = re.compile(r"[ \t\n\r\x1e]*")  # with the record separator of GeoJSON text sequences
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},]', re.DOTALL)
_decoder = json.JSONDecoder()


@dataclass(frozen=True)
class Unreadable:
    """An element that is JSON, but more than Python reads."""

    why: str


def features(text: str, around: dict[str, Any] | None = None) -> Iterator[Any]:
    """Yield the elements of a top-level array, or of a FeatureCollection's ``features``.

    Any other document is yielded whole, and so is each of several objects in a row (one feature a
    line). ``around`` receives the members of a collection beside its features. An element that is
    nested too deeply or has a number of thousands of digits comes as ``Unreadable``. Raises
    ValueError if the text is not JSON.
    """
    around = {} if around is None else around
    start = _skip(text, 0)
    if text.startswith("[", start):
        end = yield from _elements(text, start)
    elif text.startswith("{", start):
        end = yield from _members(text, start, around)
        while text.startswith("{", _skip(text, end)):
            end = yield from _members(text, _skip(text, end), around)
    else:
        value, end = _value(text, start)
        yield value
    if _skip(text, end) != len(text):
        raise json.JSONDecodeError("Extra data", text, _skip(text, end))


def _value(text: str, at: int) -> tuple[Any, int]:
    """The value at a position, and the position after it."""
    try:
        return _decoder.raw_decode(text, at)
    except json.JSONDecodeError:
        raise
    except (RecursionError, ValueError) as error:
        deep = isinstance(error, RecursionError)
        why = "it is nested too deeply" if deep else "it has a number of too many digits"
        return Unreadable(why), _end_of(text, at)


def _end_of(text: str, at: int) -> int:
    """The position after a value that cannot be decoded."""
    depth = 0
    for token in _TOKEN.finditer(text, at):
        if token[0] in ("[", "{"):
            depth += 1
        elif token[0] in ("]", "}", ","):
            if depth == 0:
                return token.start()
            depth -= token[0] != ","
            if depth == 0 and token[0] != ",":
                return token.end()
    raise json.JSONDecodeError("Unterminated value", text, at)


def _members(text: str, start: int, around: dict[str, Any]) -> Generator[Any, None, int]:
    """Yield an object's ``features``, or the object itself; return the position after it."""
    at = _skip(text, start + 1)
    rest: dict[str, Any] = {}
    streamed = False
    unreadable: Unreadable | None = None
    while not text.startswith("}", at):
        key, at = _decoder.raw_decode(text, at)
        if not isinstance(key, str):
            raise json.JSONDecodeError("Expecting a name in double quotes", text, at)
        at = _expect(text, at, ":")
        if key == "features" and text.startswith("[", at):
            streamed = True
            at = yield from _elements(text, at)
        else:
            rest[key], at = _value(text, at)
            unreadable = rest[key] if isinstance(rest[key], Unreadable) else unreadable
        at = _separated(text, at, "}")
    if streamed:
        around.update((k, v) for k, v in rest.items() if not isinstance(v, Unreadable))
    else:
        yield unreadable or rest
    return at + 1


def _elements(text: str, start: int) -> Generator[Any, None, int]:
    """Yield an array's elements; return the position after it."""
    at = _skip(text, start + 1)
    while not text.startswith("]", at):
        value, at = _value(text, at)
        yield value
        at = _separated(text, at, "]")
    return at + 1


def _separated(text: str, at: int, closing: str) -> int:
    """The position of the next item, or of the closing bracket."""
    at = _skip(text, at)
    if text.startswith(closing, at):
        return at
    at = _expect(text, at, ",")
    if text.startswith(closing, at):
        raise json.JSONDecodeError("Trailing comma", text, at)
    return at


def _expect(text: str, at: int, mark: str) -> int:
    at = _skip(text, at)
    if not text.startswith(mark, at):
        raise json.JSONDecodeError(f"Expecting '{mark}'", text, at)
    return _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()
