"""Mutations of valid files, the same for the same random numbers."""

from __future__ import annotations

import copy
import json
import random
import re
import struct
from collections.abc import Sequence
from typing import Any

NUMBERS = (0, 1, 2, 3, 7, 8, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000,
           0xFFFFFFFE, 0xFFFFFFFF, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)  # fmt: skip
EDGE = 512  # bytes at the head and the tail, where formats keep what matters
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|\w+')
ODD = (
    "NaN", "-Infinity", "1e999", "1e-320", "-1", "0", "-0.0", "99999999999999999999", "1e18",
    "null", "true", '""', "[]", "{}", '"\\u0000"', '"\\ud800"', "2024-05-01", "'", '"', ",", ":",
    "0x10", "é" * 200, "&a [*a]", "!!python/name:os", "[[[[[[[[", "]]", "..", "\t", "\r", "% 5",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**70), 0.5, 1e300, 1e-320, float("nan"),
    float("inf"), "", "0", "1,5", "true", "\0", "\ud800", "é" * 300, [], [[]], {}, {"a": 1}, [0],
    [1, 2], [1, 2, 3], [1.5, None], ["a"], [[0, 0], [1e9, 0], [1, 1]], [[[0, 0]]], "Polygon",
)  # fmt: skip
NESTED = 300
ENCODINGS = ("utf-16", "utf-8-sig", "latin-1", "utf-32")


def mutated(data: bytes, others: Sequence[bytes], rng: random.Random, text: bool) -> bytes:
    """A copy of a file with one to eight changes; others: files to take pieces from."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        if text and rng.random() < 0.5 and (values := _of_json(bytes(out), rng)):
            out = bytearray(values)
        elif text and rng.random() < 0.75:
            out = bytearray(_of_text(bytes(out), rng))
        else:
            _of_bytes(out, others, rng)
    return bytes(out)


def _of_bytes(out: bytearray, others: Sequence[bytes], rng: random.Random) -> None:
    if not out:
        out += b"\0"
    place, length = _place(out, rng), rng.choice((1, 2, 4, 8, 16, 64, 256))
    match rng.randrange(9):
        case 0:
            out[place] ^= 1 << rng.randrange(8)
        case 1:
            out[place] = rng.choice((0, 255, 127, 128, rng.randrange(256)))
        case 2 | 3:
            size = rng.choice((2, 4, 8))
            number = rng.choice((*NUMBERS, len(out), len(out) - 1)) & ((1 << 8 * size) - 1)
            number = (number + rng.choice((0, 0, 1, -1))) & ((1 << 8 * size) - 1)
            kind = rng.choice("<>") + {2: "H", 4: "I", 8: "Q"}[size]
            out[place : place + size] = struct.pack(kind, number)
        case 4:
            del out[place : place + length]
        case 5:
            out[place:place] = out[place : place + length]
        case 6:
            del out[rng.randrange(len(out)) :]
        case 7:
            out[place : place + length] = bytes(length)
        case 8:
            other = rng.choice(others)
            start = rng.randrange(max(len(other), 1))
            out[place : place + length] = other[start : start + length]


def _place(out: bytearray, rng: random.Random) -> int:
    edge = min(EDGE, len(out))
    where = rng.randrange(4)
    if where == 0:
        return rng.randrange(edge)
    if where == 1:
        return len(out) - 1 - rng.randrange(edge)
    return rng.randrange(len(out))


def _of_json(data: bytes, rng: random.Random) -> bytes | None:
    """JSON with a value replaced, added, removed or doubled; None for what is no JSON."""
    try:
        root = [json.loads(data)]
    except (ValueError, RecursionError):
        return None
    places: list[tuple[Any, Any]] = []
    _collect(root, places)
    holder, key = rng.choice(places)
    what = rng.randrange(5)
    if what == 0 and len(places) > 1 and holder is not root:
        del holder[key]
    elif what == 1:
        other, there = rng.choice(places)
        holder[key] = copy.deepcopy(other[there])
    elif what == 2 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    elif what == 3 and isinstance(holder, dict):
        holder[rng.choice((*holder, "", "name", "id", "type"))] = holder.pop(key)
    else:
        holder[key] = copy.deepcopy(rng.choice(VALUES))
    return json.dumps(root[0]).encode()


def _collect(value: Any, places: list[tuple[Any, Any]]) -> None:
    """Every (list or dict, index or key) below a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in list(inner):
        places.append((value, key))
        if isinstance(each, dict | list):
            _collect(each, places)


def _of_text(data: bytes, rng: random.Random) -> bytes:
    text = data.decode("utf-8", "surrogateescape")
    tokens = list(TOKEN.finditer(text))
    lines = text.splitlines(keepends=True)
    what = rng.randrange(8)
    if what <= 3 and tokens:
        token = rng.choice(tokens)
        new = rng.choice((*ODD, rng.choice(tokens)[0]))
        text = text[: token.start()] + new + text[token.end() :]
    elif what == 4 and lines:
        lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))
        text = "".join(lines)
    elif what == 5 and lines:
        del lines[rng.randrange(len(lines))]
        text = "".join(lines)
    elif what == 6 and tokens:
        token = rng.choice(tokens)
        opening, closing = rng.choice(("[]", "{}", "()"))
        depth = rng.choice((2, 30, NESTED))
        value = opening * depth + token[0] + closing * depth
        text = text[: token.start()] + value + text[token.end() :]
    elif rng.random() < 0.3:
        return text.encode(rng.choice(ENCODINGS), "replace")
    return text.encode("utf-8", "surrogateescape")
