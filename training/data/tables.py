"""CSV tables of a data folder, read strictly: no row is lost in silence."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from ssmamba.errors import DataError

COLUMNS = ("path", "label", "group", "split")
DELIMITERS = (",", ";", "\t")


def read_table(path: Path, needed: Sequence[str]) -> list[dict[str, str]]:
    """Rows of a CSV file with a header line, every value stripped.

    Columns are parted by commas, or by the semicolons or tabs that a spreadsheet writes. A column
    of ours may be written with capitals. Raises DataError when the file cannot be read, has no
    rows, lacks one of the needed columns, has a column twice, or has a line with a stray quotation
    mark or with more values than columns.
    """
    if not path.is_file():
        raise DataError(f"There is no table {path}; check its path.")
    ours = {name.lower(): name for name in (*COLUMNS, *needed)}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            lines = list(_lines(path, file, max(DELIMITERS, key=first.count)))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error}); save it as CSV in UTF-8.") from error
    given = lines[0][1] if lines else []
    header = [n if (own := ours.get(n.lower(), n)) in given else own for n in given]
    twice = [name for name, count in Counter(header).items() if name and count > 1]
    if twice:
        raise DataError(f"{path} has two columns {twice[0]}; remove or rename one of them.")
    missing = [name for name in needed if name not in header]
    if missing:
        raise DataError(
            f"{path} lacks the column {' and '.join(missing)} (it has: "
            f"{', '.join(header) or 'none'}); "
            f"its first line must name {', '.join(needed)}."
        )
    if len(lines) < 2:
        raise DataError(f"{path} lists no images; add a line for each image.")
    return [_row(path, number, header, values) for number, values in lines[1:]]


def _lines(path: Path, file: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Number and values of each line that is not empty.

    A value that goes on in the next line is a quotation mark that nobody closed: it would swallow
    all rows up to the next one.
    """
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    number = 1
    try:
        for values in reader:
            if reader.line_num > number or any(value.count('"') % 2 for value in values):
                raise csv.Error
            if any("\0" in value for value in values):
                raise DataError(
                    f"{path}, line {number} has a character that no text has; save the table as "
                    "CSV in UTF-8."
                )
            if values:
                yield number, [value.strip() for value in values]
            number += 1
    except csv.Error as error:
        raise DataError(
            f"{path}, line {number} has a quotation mark without its partner; remove it, or put "
            "the whole value in quotation marks and write the one inside twice."
        ) from error


def _row(path: Path, number: int, header: list[str], values: list[str]) -> dict[str, str]:
    if any(values[len(header) :]):
        raise DataError(
            f"{path}, line {number} has {len(values)} values for {len(header)} columns; put a "
            "value that contains the separator in quotation marks."
        )
    return dict(zip(header, [*values, *[""] * len(header)], strict=False))
