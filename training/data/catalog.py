"""Find the images of a data folder: a folder per class, or a manifest.csv."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ssmamba.errors import DataError
from training.data.images import EXTENSIONS

MANIFEST = "manifest.csv"
COLUMNS = ("path", "label", "group", "split")
SPLITS = ("train", "val", "test")
DELIMITERS = (",", ";", "\t")
SIDES = {*SPLITS, "training", "valid", "validation", "testing"}  # folders of a split, not classes
SHOWN = 20  # problems named in one message
LEAST_SHOWN = 5  # of each kind, however many kinds there are


@dataclass(frozen=True)
class Item:
    """One image of a data folder."""

    path: str  # relative to the folder, POSIX
    label: str  # class key
    group: str = ""  # images of one group stay in one split; "" = none
    split: str = ""  # "train", "val", "test" when the manifest names one


@dataclass(frozen=True)
class Catalog:
    """All images of a data folder, sorted by path, and its class keys, sorted."""

    root: Path
    items: tuple[Item, ...]
    classes: tuple[str, ...]

    def file(self, item: Item) -> Path:
        return self.root / item.path

    @property
    def grouped(self) -> bool:
        return any(item.group for item in self.items)


@dataclass(frozen=True)
class Survey:
    """The images and problems found from file names alone, before any image is opened."""

    catalog: Catalog  # the images that exist and have a label
    problems: tuple[str, ...]  # one line each


def survey_folder(root: Path | str) -> Survey:
    """The images of a data folder and its problems.

    Raises DataError only where nothing can be listed: no folder, no classes, no label column.
    """
    root = Path(root)
    if root.is_file():
        raise DataError(f"{root} is a file; give the folder that holds the images.")
    if not root.is_dir():
        raise DataError(f"There is no data folder {root}; check its path.")
    manifest = root / MANIFEST
    items, problems = _from_manifest(manifest) if manifest.is_file() else _from_folders(root)
    items.sort(key=lambda item: item.path)
    classes = tuple(sorted({item.label for item in items}))
    return Survey(Catalog(root, tuple(items), classes), tuple(problems))


def refuse_out(root: Path, out: Path) -> None:
    """Raise DataError for an --out that is a file, or that would become a class of a data folder
    without a manifest."""
    if out.exists() and not out.is_dir():
        raise DataError(f"{out} is a file; give a folder as --out.")
    own, target = root.resolve(), out.resolve()
    if own in (target, *target.parents) and not (root / MANIFEST).is_file():
        raise DataError(
            f"{out} lies in the data folder {root}, where it would count as a class; choose an "
            "--out outside of it."
        )


def report(root: Path, kinds: Sequence[Sequence[str]]) -> DataError:
    """One error that lists all problems by kind.

    The first of each kind are shown, so that many of one kind do not hide another; the rest are
    counted.
    """
    filled = [kind for kind in kinds if kind]
    share = max(SHOWN // max(len(filled), 1), LEAST_SHOWN)
    lines = []
    for kind in filled:
        lines += [f"\n  {problem}" for problem in kind[:share]]
        if len(kind) > share:
            lines.append(f"\n  and {len(kind) - share} more")
    total = sum(len(kind) for kind in filled)
    many = "1 problem" if total == 1 else f"{total} problems"
    return DataError(f"{root}: {many}:{''.join(lines)}\nFix this and start again.")


def is_image(path: Path) -> bool:
    """Whether this is a visible file with an image's extension; a broken link counts, and fails
    when it is read."""
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".") and not path.is_dir()


def _from_folders(root: Path) -> tuple[list[Item], list[str]]:
    folders = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not folders:
        raise DataError(
            f"{root} has neither a {MANIFEST} nor class folders; put the images of each class into "
            "their own folder."
        )
    refuse_sides(root, [folder.name for folder in folders])
    items, empty = [], []
    for folder in folders:
        files = [p for p in folder.rglob("*") if is_image(p)]
        items += [Item(p.relative_to(root).as_posix(), folder.name) for p in files]
        if not files:
            empty.append(
                f"{folder.name}: no image in this class folder; add images or remove the folder"
            )
    return items, empty


def refuse_sides(root: Path, names: Sequence[str]) -> None:
    """Raise DataError where the folders are splits (train, val, test) instead of classes."""
    if names and {name.lower() for name in names} <= SIDES:
        raise DataError(
            f"{root} contains the splits of a data set ({', '.join(names)}), not a folder for each "
            f"class; put all images of a class into one folder, or name the splits in a {MANIFEST} "
            "(path,label,split)."
        )


def read_table(path: Path, needed: Sequence[str]) -> list[dict[str, str]]:
    """Rows of a CSV file with a header line, every value stripped.

    Columns are separated by commas, semicolons or tabs. Our own column names may be written with
    capitals. Raises DataError when the file cannot be read, has no
    rows, or lacks one of the needed columns.
    """
    if not path.is_file():
        raise DataError(f"There is no table {path}; check its path.")
    ours = {name.lower(): name for name in (*COLUMNS, *needed)}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            reader = csv.DictReader(file, delimiter=max(DELIMITERS, key=first.count))
            given = [name.strip() for name in reader.fieldnames or ()]
            header = [n if (own := ours.get(n.lower(), n)) in given else own for n in given]
            reader.fieldnames = header
            rows = [{k: (row.get(k) or "").strip() for k in header} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read ({error}); save it as CSV in UTF-8.") from error
    missing = [name for name in needed if name not in header]
    if missing:
        raise DataError(
            f"{path} lacks the column {' and '.join(missing)} (it has: "
            f"{', '.join(header) or 'none'}); "
            f"its first line must name {', '.join(needed)}."
        )
    if not rows:
        raise DataError(f"{path} lists no images; add a line for each image.")
    return rows


def _from_manifest(manifest: Path) -> tuple[list[Item], list[str]]:
    rows = read_table(manifest, ("path", "label"))
    items: list[Item] = []
    problems: list[str] = []
    for line, row in enumerate(rows, start=2):
        values = {name: row.get(name, "") for name in COLUMNS}
        path = _posix(values["path"], manifest.parent)
        item = Item(path, values["label"], values["group"], values["split"].lower())
        problems += [f"line {line}: {p}" for p in _row_problems(item, manifest.parent)]
        items.append(item)
    problems += [f"{name}: listed more than once" for name in _repeated(items)]
    problems += _split_problems(items)
    there = [i for i in items if i.label and i.path and (manifest.parent / i.path).is_file()]
    return list({item.path: item for item in there}.values()), problems


def _posix(path: str, root: Path) -> str:
    """The path with slashes for Windows' backslashes, unless a file of this name exists."""
    if "\\" not in path or (os.sep == "/" and (root / path).is_file()):
        return path
    return path.replace("\\", "/")


def _row_problems(item: Item, root: Path) -> list[str]:
    problems = []
    if not item.path:
        problems.append("the path is empty")
    elif not (root / item.path).is_file():
        problems.append(f"there is no file {item.path}")
    if not item.label:
        problems.append(f"{item.path} has no label")
    if item.split and item.split not in SPLITS:
        problems.append(f"{item.path}: unknown split '{item.split}' (known: {', '.join(SPLITS)})")
    return problems


def _split_problems(items: list[Item]) -> list[str]:
    """A manifest that names splits must name one for each image and keep groups whole."""
    if not any(item.split for item in items):
        return []
    problems = [f"{item.path}: the split is empty" for item in items if not item.split]
    sides: dict[str, set[str]] = {}
    for item in items:
        if item.group:
            sides.setdefault(item.group, set()).add(item.split)
    problems += [
        f"group {group} is in several splits ({', '.join(sorted(names))})"
        for group, names in sorted(sides.items())
        if len(names) > 1
    ]
    return problems


def _repeated(items: list[Item]) -> list[str]:
    seen: set[str] = set()
    return [i.path for i in items if i.path in seen or seen.add(i.path)]  # type: ignore[func-returns-value]
