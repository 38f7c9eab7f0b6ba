"""From this project's docstrings, which are plain text, to what Sphinx reads."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import textwrap
from typing import Any

LITERAL = re.compile(r"(``.+?``)")
SPECIAL = re.compile(r"[*|`]|(?<=\w)_(?=\W|$)")
BOX = re.compile("[├└│]")


def process(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Escape what Sphinx would take for markup; describe the fields of a dataclass."""
    if any(map(BOX.search, lines)):  # a tree drawn with lines is shown as it stands
        lines[:] = ["::", "", *(f"   {line}" for line in lines), ""]
        return
    lines[:] = [escaped(line) for line in lines]
    if inspect.isclass(obj) and dataclasses.is_dataclass(obj):
        if "".join(lines).startswith(f"{obj.__name__}("):
            lines.clear()  # the signature that dataclasses put in place of a docstring
        fields = field_comments(obj)
        lines += ["", *(f":param {field}: {escaped(text)}" for field, text in fields.items()), ""]


def escaped(line: str) -> str:
    parts = LITERAL.split(line)
    return "".join(
        part if LITERAL.fullmatch(part) else SPECIAL.sub(r"\\\g<0>", part) for part in parts
    )


def field_comments(owner: type) -> dict[str, str]:
    """The comments beside or above the fields of a dataclass."""
    source = textwrap.dedent(inspect.getsource(owner))
    lines = source.splitlines()
    found = {}
    for node in ast.parse(source).body[0].body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            text = _beside(lines, node) or _above(lines, node)
            if text and not node.target.id.startswith("_"):
                found[node.target.id] = text
    return found


def _beside(lines: list[str], node: ast.AnnAssign) -> str:
    _, mark, text = lines[node.end_lineno - 1][node.end_col_offset :].partition("#")
    return text.strip() if mark else ""


def _above(lines: list[str], node: ast.AnnAssign) -> str:
    texts: list[str] = []
    for line in reversed(lines[: node.lineno - 1]):
        if not line.strip().startswith("#"):
            break
        texts.insert(0, line.strip("# "))
    return " ".join(texts)
