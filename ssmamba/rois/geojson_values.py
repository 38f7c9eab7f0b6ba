"""Members of a GeoJSON feature as QuPath and other programs write them, read as what they mean."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Callable
from typing import Any, TypeVar

RGB = tuple[int, int, int]
T = TypeVar("T")

ODD = (TypeError, ValueError, KeyError, AttributeError, IndexError, OverflowError, RecursionError)
MAX_DEPTH = 64  # of members that are only kept: deeper ones could not be written again
LONGEST_COLOR = 64  # letters
SHOWN_LETTERS = 40  # of a value that was not understood
NO_CLASS = ("None", "null", "<NA>")  # as QuPath and tables name it
_NUMBERS = re.compile(r"[\[(]?([-+.\deE\s,;]+)[\])]?")


class Members:
    """The members of one object; what cannot be understood stays and is noted in ``odd``."""

    def __init__(self, values: dict[str, Any], odd: list[str]) -> None:
        self.rest = dict(values)  # not taken yet
        self.odd = odd

    def take(self, name: str, meaning: Callable[[Any], T], otherwise: T) -> T:
        """The meaning of a member, which is removed; ``otherwise`` when it has none."""
        value = self.rest.get(name)
        try:
            found = otherwise if is_missing(value) else meaning(value)
        except ODD:
            self.odd.append(f"{name} {shown(value)} was not understood")
            return otherwise
        self.rest.pop(name, None)
        return found


def shown(value: Any) -> str:
    """A value for a message, shortened."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = type(value).__name__
    return text if len(text) <= SHOWN_LETTERS else f"{text[:SHOWN_LETTERS]}…"


def is_missing(value: Any) -> bool:
    """None, or what tables write in its place: NaN, also as text."""
    return value is None or value in ("", "nan", "NaN") or value != value


def text_of(value: Any) -> str:
    """A name: text or a number."""
    if isinstance(value, dict | list):
        raise ValueError("not a text")
    return "" if is_missing(value) else encodable(str(value))


def encodable(text: str) -> str:
    """Text that UTF-8 can hold: a lone surrogate, which JSON can hold, becomes U+FFFD."""
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def truth_of(value: Any) -> bool:
    """A switch: true, "true", 1 or 1.0."""
    if isinstance(value, str):
        word = value.strip().lower()
        if word not in ("true", "yes", "1", "1.0", "false", "no", "0", "0.0"):
            raise ValueError("neither true nor false")
        return word in ("true", "yes", "1", "1.0")
    if not isinstance(value, bool | int | float):
        raise ValueError("neither true nor false")
    return bool(value)


def color_of(value: Any) -> RGB | None:
    """A colour: [r, g, b] of 0..255 or of fractions, one packed integer, or any of these as text.

    Text may also be "#c80000", "rgb(200, 0, 0)" or a name.
    """
    if isinstance(value, str):
        value = _color_in(value.strip())
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):  # older files: 0xAARRGGBB, signed
        return (value >> 16) & 255, (value >> 8) & 255, value & 255
    if not isinstance(value, list | tuple) or len(value) not in (3, 4):
        raise ValueError("not a colour")
    channels = [float(v) for v in value[:3]]
    if not all(math.isfinite(v) for v in channels):
        raise ValueError("not a colour")
    parts = any(isinstance(v, float) for v in value[:3]) and all(0 <= v <= 1 for v in channels)
    red, green, blue = (min(max(round(v * 255 if parts else v), 0), 255) for v in channels)
    return red, green, blue


def _color_in(text: str) -> Any:
    if len(text) > LONGEST_COLOR:
        raise ValueError("not a colour")
    found = _NUMBERS.fullmatch(text)
    if found is None:
        from PIL import ImageColor

        return ImageColor.getrgb(text)
    numbers = [float(n) if set(n) & set(".eE") else int(n)
               for n in re.split(r"[\s,;]+", found[1].strip())]  # fmt: skip
    return numbers[0] if len(numbers) == 1 else numbers


def class_of(value: Any, odd: list[str]) -> tuple[str, RGB | None, dict[str, Any]]:
    """(name, colour, other members) of a class: text, names, an object, or one of these as text."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "[", '"'):
        found = _written_out(value)
        if found is not None:
            return class_of(found, odd)
    if is_missing(value) or value in NO_CLASS:
        return "", None, {}
    if isinstance(value, str):
        return value, None, {}
    if isinstance(value, list):
        value = {"names": value}
    if not isinstance(value, dict):
        raise ValueError("not a class")
    members = Members(value, odd)
    packed = members.take("colorRGB", color_of, None)
    color = members.take("color", color_of, None) or packed
    name = members.take("name", text_of, "")
    names = members.rest.get("names")
    if not name and names:
        if not isinstance(names, list):
            raise ValueError("not a class")
        name = ": ".join(text_of(n) for n in names)
    return name, color, members.rest


def _written_out(text: str) -> Any:
    """What JSON, or Python's own way to print, says; None if neither does: a name begins so."""
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (*ODD, SyntaxError, MemoryError):
            continue
    return None


def measurements_of(value: Any, odd: list[str]) -> dict[str, float]:
    """Numbers by name: an object, a list of {"name", "value"}, or one of these as JSON text."""
    if isinstance(value, str):
        value = json.loads(value)
    if isinstance(value, list):
        value = {m["name"]: m.get("value", "") for m in value}
    found: dict[str, float] = {}
    for name, number in value.items():
        try:  # JSON has no NaN: QuPath writes "NaN" and "Infinity", which float() reads
            found[str(name)] = math.nan if number is None else float(number)
        except ODD:
            odd.append(f"the measurement {shown(name)} is not a number")
    return found


def kept(members: dict[str, Any], odd: list[str]) -> dict[str, Any]:
    """Members that are only kept, without those nested deeper than MAX_DEPTH."""
    deep = [name for name, value in members.items() if _is_deep(value)]
    odd += [f"{shown(name)} is nested too deeply and was left out" for name in deep]
    return {name: value for name, value in members.items() if name not in deep}


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        groups = [v.values() if isinstance(v, dict) else v
                  for v in level if isinstance(v, dict | list)]  # fmt: skip
        if not groups:
            return False
        level = [v for group in groups for v in group]
    return True


def writable(value: Any) -> Any:
    """A value that JSON can hold: NaN becomes null, infinities become text as in QuPath."""
    if isinstance(value, dict):
        return {k: writable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [writable(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else number_out(value)
    return value


def number_out(value: float) -> float | str:
    """A measurement for JSON: QuPath writes what is not finite as text."""
    return value if math.isfinite(value) else json.dumps(value)  # NaN, Infinity, -Infinity
