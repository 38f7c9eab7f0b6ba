"""A user's own images: a folder for each class, or a CSV of paths and labels."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from ssmamba.errors import DataError
from ssmamba.names import composed
from training.data.catalog import (
    MANIFEST,
    from_class_folders,
    is_image,
    is_there,
    listed_path,
)
from training.data.names import (
    Groups,
    class_problems,
    column_notes,
    group_column,
    label_problems,
)
from training.data.tables import read_table
from training.prepare.config import PrepareConfig
from training.prepare.gather import Found, Gathered, gather


def from_folders(config: PrepareConfig) -> Gathered:
    """A folder in --source gives its name as class to all images below it."""
    source = config.folder
    folders = [p for p in source.iterdir() if p.is_dir() and not p.name.startswith(".")]
    items, problems, notes = from_class_folders(source) if folders else ([], [], [])
    images = [
        Found(source / item.path, item.label, item.path, _group(config, item.path))
        for item in items
    ]
    loose = [p.name for p in source.iterdir() if is_image(p)]
    if loose:
        problems.append(f"{len(loose)} images outside any class folder ({loose[0]}, …)")
    if not folders:
        problems.append(
            f"no class folders in {source}; put the images of each class into their own"
        )
    notes += _ungrouped(config, images)
    if (source / MANIFEST).is_file():
        notes.append(f"{MANIFEST} in {source} was ignored; `prepare csv` reads it.")
    return gather(images, problems, notes)


def from_table(config: PrepareConfig) -> Gathered:
    """Paths are relative to the CSV's folder."""
    table = _find_table(config)
    needed = [config.path_column, config.label_column]
    needed += [config.group_column] if config.group_column else []
    rows = read_table(table, needed)
    usual = "" if config.group_pattern else group_column(rows[0])
    column = config.group_column or usual
    images: dict[Path, Found] = {}
    problems = []
    labels: dict[str, str] = {}
    groups = Groups()
    for line, row in enumerate(rows, start=2):
        path = listed_path(row[config.path_column], table.parent)
        label = composed(row[config.label_column])
        file = table.parent / path
        wrong = label_problems(path, label)
        if not path or not is_there(file):
            wrong = [f"there is no file {path or '(empty)'}"]
        elif file.resolve() in images:
            wrong = [f"{path} is listed more than once"]
        problems += [f"{table.name} line {line}: {problem}" for problem in wrong]
        if not wrong:
            labels.setdefault(label, f"first in line {line}")
            group = groups.of(row[column]) if column else _group(config, path)
            images[file.resolve()] = Found(file, label, _place(label, path), group)
    problems += [*class_problems(labels), *_in_one_place(images.values(), table.parent)]
    found = list(images.values())
    notes = [] if config.group_pattern else column_notes(rows[0], column, needed)
    return gather(found, problems, [*notes, *_ungrouped(config, found)])


def _place(label: str, path: str) -> str:
    """Path of an image of the table below a folder of its class, safe for any label and path."""
    parts = [part for part in Path(path).parts if part not in ("..", Path(path).anchor)]
    return "/".join([re.sub(r"[^\w .+-]", "_", label).replace("..", "_"), *parts])


def _in_one_place(images: Iterable[Found], root: Path) -> list[str]:
    """Problems of images whose new paths are equal: "a.png" and "../a.png"."""
    places: dict[str, list[str]] = {}
    for image in images:
        places.setdefault(image.name, []).append(os.path.relpath(image.file, root))
    return [
        f"{' and '.join(same)} would both be images/{name}; rename one of them"
        for name, same in places.items()
        if len(same) > 1
    ]


def _find_table(config: PrepareConfig) -> Path:
    if config.labels is not None:
        return config.labels
    tables = sorted(config.folder.glob("*.csv"))
    named = [t for t in tables if t.name == MANIFEST]
    if len(named or tables) != 1:
        raise DataError(
            f"{config.folder} has {len(tables)} CSV files; name the one with the labels "
            "with --labels."
        )
    return (named or tables)[0]


def _ungrouped(config: PrepareConfig, images: Sequence[Found]) -> list[str]:
    """A note on a pattern that does not match all paths."""
    matched = sum(bool(image.group) for image in images)
    if not config.group_pattern or matched == len(images):
        return []
    return [
        f"--group-pattern matches {matched} of {len(images)} images; each of the others is a group "
        "of its own."
    ]


def _group(config: PrepareConfig, name: str) -> str:
    """The match of --group-pattern in the path, or of its first group if it has one."""
    if not config.group_pattern:
        return ""
    try:
        match = re.search(config.group_pattern, name)
    except re.error as error:
        raise DataError(
            f"--group-pattern {config.group_pattern} is not a regular expression ({error}); "
            "try one such as '(patient[0-9]+)'."
        ) from error
    return "" if match is None else match[match.re.groups and 1]
