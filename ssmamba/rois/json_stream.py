"""Reads a large JSON document piece by piece.

``json.loads`` holds Python's global lock for the whole document: reading 100 MB of regions on a
worker thread would freeze the window for seconds. Here each feature is parsed on its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from typing import Any

_SPACE = re.compile(r"[ \t\n\r]*")
_decoder = json.JSONDecoder()


def features(text: str) -> Iterator[Any]:
    """Yield the elements of a top-level array, or of a FeatureCollection's ``features``.

    Any other document is yielded whole. Raises ValueError if the text is not JSON.
    """
    start = _skip(text, 0)
    if text.startswith("[", start):
        end = yield from _elements(text, start)
    elif text.startswith("{", start):
        end = yield from _members(text, start)
    else:
        value, end = _decoder.raw_decode(text, start)
        yield value
    if _skip(text, end) != len(text):
        raise json.JSONDecodeError("Extra data", text, _skip(text, end))


def _members(text: str, start: int) -> Generator[Any, None, int]:
    """Yield an object's ``features``, or the object itself; return the position after it."""
    at = _skip(text, start + 1)
    rest: dict[str, Any] = {}
    streamed = False
    while not text.startswith("}", at):
        key, at = _decoder.raw_decode(text, at)
        if not isinstance(key, str):
            raise json.JSONDecodeError("Expecting a name in double quotes", text, at)
        at = _expect(text, at, ":")
        if key == "features" and text.startswith("[", at):
            streamed = True
            at = yield from _elements(text, at)
        else:
            rest[key], at = _decoder.raw_decode(text, at)
        at = _separated(text, at, "}")
    if not streamed:
        yield rest
    return at + 1


def _elements(text: str, start: int) -> Generator[Any, None, int]:
    """Yield an array's elements; return the position after it."""
    at = _skip(text, start + 1)
    while not text.startswith("]", at):
        value, at = _decoder.raw_decode(text, at)
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
