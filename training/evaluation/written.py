"""Tables of results in files: Markdown and CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ssmamba.files import written_whole


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table: a header line, a separator, and a line for each row."""
    lines = [head, *rows]
    text = [f"| {' | '.join(str(cell) for cell in line)} |" for line in lines]
    return "\n".join([text[0], "|---" * len(head) + "|", *text[1:]])


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], empty: str = "") -> None:
    """Rows under the names of the first one; numbers to six decimals, None as nothing.

    empty: the head of a file without rows.
    """
    with written_whole(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(rows[0] if rows else [empty])
        writer.writerows([_plain(value) for value in row.values()] for row in rows)


def _plain(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else "" if value is None else value
