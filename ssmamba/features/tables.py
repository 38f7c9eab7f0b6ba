"""CSV tables of tiles: WSInfer's, and any with columns for x and y in level-0 pixels."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from ssmamba.errors import DataError
from ssmamba.features.values import TileFile, tile_file

# names of the columns that say where a tile is, in order of preference
X, Y = ("minx", "x", "x0", "left", "coord_x"), ("miny", "y", "y0", "top", "coord_y")
WIDTH, HEIGHT = ("width", "side", "size", "tile_size"), ("height", "side", "size", "tile_size")
DELIMITERS = (",", ";", "\t")


def read_tile_table(path: Path) -> TileFile:
    """Places, and every other column that holds numbers. Raises DataError.

    Tiles of several sizes are refused: a grid has one.
    """
    names, rows = _rows(path)
    lower = {name.strip().lower(): index for index, name in enumerate(names)}
    x, y, width, height = (_found(lower, wanted) for wanted in (X, Y, WIDTH, HEIGHT))
    if x is None or y is None:
        raise DataError(
            "{path} has no columns for the places of tiles (it has: {names}); name "
            "them x and y, or as WSInfer minx and miny.",
            path=path,
            names=", ".join(names),
        )
    columns = [_numbers(rows, index) for index in range(len(names))]
    places = [column for index in (x, y) if (column := columns[index]) is not None]
    if len(places) < 2 or not all(np.isfinite(column).all() for column in places):
        raise DataError("{path} has places that are no numbers; correct them.", path=path)
    side = None
    for index in (width, height):
        if index is not None and (sides := columns[index]) is not None and len(sides):
            if np.ptp(sides) > 0 or (side is not None and side != sides[0]):
                raise DataError(
                    "{path} has tiles of several sizes; give one file for each size.", path=path
                )
            side = float(sides[0])
    used = {index for index in (x, y, width, height) if index is not None}
    values = {
        name.strip(): column
        for index, name in enumerate(names)
        if index not in used and (column := columns[index]) is not None
    }
    layout = "WSInfer" if "minx" in lower and any(n.startswith("prob_") for n in values) else "CSV"
    return tile_file(
        path,
        layout,
        np.column_stack(places),
        side,
        columns=values,
        slide=path.stem,
    )


def _rows(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            lines = csv.reader(file, delimiter=max(DELIMITERS, key=first.count), strict=True)
            names = next(lines, [])
            rows = [row for row in lines if row]
    except FileNotFoundError as error:
        raise DataError("There is no file {path}; check the path.", path=path) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            "{path} cannot be read ({error}); save it as CSV in UTF-8.", path=path, error=error
        ) from error
    wrong = next((number for number, row in enumerate(rows, 2) if len(row) != len(names)), None)
    if wrong is not None:
        raise DataError(
            "{path}, line {wrong} has not {count} values; correct it.",
            path=path,
            wrong=wrong,
            count=len(names),
        )
    return names, rows


def _found(lower: dict[str, int], wanted: tuple[str, ...]) -> int | None:
    return next((lower[name] for name in wanted if name in lower), None)


def _numbers(rows: list[list[str]], index: int) -> np.ndarray | None:
    """A column as (N,) float64, empty cells as NaN; None where it holds text."""
    try:
        return np.array([float(row[index]) if row[index] else np.nan for row in rows], np.float64)
    except ValueError:
        return None
