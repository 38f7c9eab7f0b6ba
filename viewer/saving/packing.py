"""Dataclasses as JSON and back: numbers, texts, tuples and dicts as they are, bytes compressed."""

from __future__ import annotations

import base64
import binascii
import types
import zlib
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
LARGEST_BYTES = 64 * 2**20  # of one array, unpacked


def to_json(value: Any) -> Any:
    """A value of dataclasses, tuples, dicts with text keys, bytes and plain values, for JSON."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, bytes):
        return base64.b64encode(zlib.compress(value, 6)).decode("ascii")
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    return value


def from_json(kind: type[T], value: Any) -> T:
    """The value of a type from ``to_json``'s. Raises ValueError where it does not fit the type.

    A member that is missing has its default; one that the type does not know is left out.
    """
    return _read(kind, value)


def _read(kind: Any, value: Any) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _read_any(arguments, value)
    if origin is Literal:
        return _checked(value in arguments, value)
    if origin is tuple:
        return _read_tuple(arguments, value)
    if origin is dict:
        _checked(isinstance(value, dict), value)
        return {str(key): _read(arguments[1], item) for key, item in value.items()}
    if is_dataclass(kind):
        return _read_dataclass(kind, value)
    if kind is bytes:
        return _unpacked(value)
    if kind is float:
        _checked(isinstance(value, int | float) and not isinstance(value, bool), value)
        return _as_float(value)
    if kind is int:
        return _checked(isinstance(value, int) and not isinstance(value, bool), value)
    return _checked(isinstance(value, type(None) if kind is None else kind), value)


def _read_any(kinds: tuple[Any, ...], value: Any) -> Any:
    for kind in kinds:
        try:
            return _read(kind, value)
        except ValueError:
            continue
    raise ValueError(f"{value!r:.40} is of another type")


def _read_tuple(kinds: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    _checked(isinstance(value, list), value)
    if len(kinds) == 2 and kinds[1] is ...:
        return tuple(_read(kinds[0], item) for item in value)
    _checked(len(kinds) == len(value), value)
    return tuple(_read(kind, item) for kind, item in zip(kinds, value, strict=True))


def _read_dataclass(kind: Any, value: Any) -> Any:
    _checked(isinstance(value, dict), value)
    hints = _hints(kind)
    given: dict[str, Any] = {}
    for field in fields(kind):
        if field.name in value:
            given[field.name] = _read(hints[field.name], value[field.name])
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{kind.__name__} lacks {field.name}")
    return kind(**given)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _unpacked(value: Any) -> bytes:
    _checked(isinstance(value, str), value)
    try:
        packed = zlib.decompressobj()
        data = packed.decompress(base64.b64decode(value, validate=True), LARGEST_BYTES)
    except (binascii.Error, zlib.error) as error:
        raise ValueError(str(error)) from error
    return _checked(packed.eof, data)


def _as_float(number: int | float) -> float:
    try:
        return float(number)
    except OverflowError as error:  # a whole number of 400 digits
        raise ValueError(str(error)) from error


def _checked(fits: bool, value: Any) -> Any:
    if not fits:
        raise ValueError(f"{value!r:.40} does not fit")
    return value
