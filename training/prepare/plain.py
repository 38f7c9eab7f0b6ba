"""A user's own images: a folder for each class, or a CSV of paths and labels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ssmamba.errors import DataError
from training.data.catalog import MANIFEST, is_image, refuse_sides
from training.data.tables import read_table
from training.prepare.config import PrepareConfig
from training.prepare.gather import Found, Gathered, gather, images_of

GROUP = "group"  # column of a manifest


def from_folders(config: PrepareConfig) -> Gathered:
    """A folder in --source gives its name as class to all images below it."""
    source = config.folder
    folders = sorted(p for p in source.iterdir() if p.is_dir() and not p.name.startswith("."))
    refuse_sides(source, [folder.name for folder in folders])
    images, problems = [], []
    for folder in folders:
        files = images_of(folder)
        if not files:
            problems.append(f"{folder.name}: no image in this class folder")
        for file in files:
            name = file.relative_to(source).as_posix()
            images.append(Found(file, folder.name, name, _group(config, name)))
    loose = [p.name for p in source.iterdir() if is_image(p)]
    if loose:
        problems.append(f"{len(loose)} images outside any class folder ({loose[0]}, …)")
    if not folders:
        problems.append(
            f"no class folders in {source}; put the images of each class into their own"
        )
    notes = _ungrouped(config, images)
    if (source / MANIFEST).is_file():
        notes.append(f"{MANIFEST} in {source} was ignored; `prepare csv` reads it.")
    return gather(images, problems, notes)


def from_table(config: PrepareConfig) -> Gathered:
    """Paths are relative to the CSV's folder."""
    table = _find_table(config)
    needed = [config.path_column, config.label_column]
    needed += [config.group_column] if config.group_column else []
    rows = read_table(table, needed)
    usual = GROUP if GROUP in rows[0] and not config.group_pattern else ""
    column = config.group_column or usual
    images: dict[str, Found] = {}
    problems = []
    for line, row in enumerate(rows, start=2):
        path, label = row[config.path_column], row[config.label_column]
        file = table.parent / path
        if not path or not file.is_file():
            problems.append(f"{table.name} line {line}: there is no file {path or '(empty)'}")
        elif not label:
            problems.append(f"{table.name} line {line}: {path} has no label")
        elif path in images:
            problems.append(f"{table.name} line {line}: {path} is listed more than once")
        else:
            group = row[column] if column else _group(config, path)
            images[path] = Found(file, label, _place(label, path), group)
    problems += _in_one_place(images)
    found = list(images.values())
    return gather(found, problems, _ungrouped(config, found))


def _place(label: str, path: str) -> str:
    """Path of an image of the table below a folder of its class, safe for any label and path."""
    parts = [part for part in Path(path).parts if part not in ("..", Path(path).anchor)]
    return "/".join([re.sub(r"[^\w .+-]", "_", label).replace("..", "_"), *parts])


def _in_one_place(images: Mapping[str, Found]) -> list[str]:
    """Problems of images by path whose new paths are equal: "a.png" and "../a.png"."""
    places: dict[str, list[str]] = {}
    for path, image in images.items():
        places.setdefault(image.name, []).append(path)
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
