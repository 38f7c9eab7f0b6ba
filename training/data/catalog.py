"""Find the images of a data folder: a folder per class, or a manifest.csv."""

from __future__ import annotations

import os
import posixpath
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ssmamba.errors import DataError
from ssmamba.names import composed, folded
from training.data.images import EXTENSIONS
from training.data.names import Groups, class_problems, column_notes, group_column, label_problems
from training.data.tables import read_table

MANIFEST = "manifest.csv"
SPLITS = ("train", "val", "test")
SIDES = {*SPLITS, "training", "valid", "validation", "testing"}  # folders of a split, not classes
SHOWN = 20  # problems named in one message
LEAST_SHOWN = 5  # of each kind, however many kinds there are
OWN_FILES = frozenset({"dataset.yaml", MANIFEST})  # beside the class folders


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
    notes: tuple[str, ...] = ()  # what is no problem, but should be known


Found = tuple[list[Item], list[str], list[str]]  # images, problems, notes


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
    listed = manifest.is_file()
    items, problems, notes = _from_manifest(manifest) if listed else from_class_folders(root)
    items.sort(key=lambda item: item.path)
    classes = tuple(sorted({item.label for item in items}))
    return Survey(Catalog(root, tuple(items), classes), tuple(problems), tuple(notes))


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


def from_class_folders(root: Path) -> Found:
    """The images below a folder for each class, problems, and a note on what is not read."""
    folders = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not folders:
        raise DataError(
            f"{root} has neither a {MANIFEST} nor class folders; put the images of each class into "
            "their own folder."
        )
    refuse_sides(root, [folder.name for folder in folders])
    items: list[Item] = []
    problems: list[str] = []
    beside = [p for p in root.iterdir() if not p.is_dir() and p.name not in OWN_FILES]
    left_out: Counter[str] = Counter(_kind(p) or "beside the class folders" for p in beside)
    for folder in folders:
        inside = list(folder.rglob("*"))
        files = [p for p in inside if is_image(p)]
        items += [Item(p.relative_to(root).as_posix(), composed(folder.name)) for p in files]
        left_out.update(_kind(p) for p in inside)
        if not files:
            problems.append(
                f"{folder.name}: no image in this class folder; add images or remove the folder"
            )
    problems += class_problems({item.label: "a folder" for item in items})
    return items, problems, _told(left_out, len(items))


def _kind(path: Path) -> str:
    """What a file that is not read is called; "" for images and folders."""
    if path.is_dir():
        return "linked folder" if path.is_symlink() else ""
    if is_image(path):
        return ""
    return "hidden" if path.name.startswith(".") else path.suffix.lower() or "without an ending"


def _told(left_out: Counter[str], read: int) -> list[str]:
    """One note on the files that are not read; none where all are."""
    kinds = [f"{count} {kind}" for kind, count in sorted(left_out.items()) if kind and count]
    if not kinds:
        return []
    total = read + sum(left_out[kind] for kind in left_out if kind)
    return [
        f"{read} of {total} files are read; left out: {', '.join(kinds)} (images end in "
        f"{', '.join(sorted(EXTENSIONS))}; linked folders are not followed)."
    ]


def refuse_sides(root: Path, names: Sequence[str]) -> None:
    """Raise DataError where the folders are splits (train, val, test) instead of classes."""
    if names and {name.lower() for name in names} <= SIDES:
        raise DataError(
            f"{root} contains the splits of a data set ({', '.join(names)}), not a folder for each "
            f"class; put all images of a class into one folder, or name the splits in a {MANIFEST} "
            "(path,label,split)."
        )


def _from_manifest(manifest: Path) -> Found:
    root = manifest.parent
    rows = read_table(manifest, ("path", "label"))
    column = group_column(rows[0])
    items: list[Item] = []
    problems: list[str] = []
    labels: dict[str, str] = {}
    groups = Groups()
    for line, row in enumerate(rows, start=2):
        label, split = composed(row["label"]), folded(row.get("split", ""))
        group = groups.of(row.get(column, ""))
        item = Item(listed_path(row["path"], root), label, group, split)
        problems += [f"line {line}: {p}" for p in _row_problems(item, root)]
        labels.setdefault(label, f"first in line {line}")
        items.append(item)
    there = {_place(root, i): i for i in items if i.path and is_there(root / i.path)}
    problems += [f"{path}: listed more than once" for path in _repeated(root, items)]
    problems += [*_split_problems(items), *class_problems(labels)]
    notes = column_notes(rows[0], column)
    return [item for item in there.values() if item.label], problems, notes


def is_there(path: Path) -> bool:
    """Whether a file is there; a name that no file can have (too long) is not."""
    try:
        return path.is_file()
    except OSError:
        return False


def _place(root: Path, item: Item) -> Path:
    """The file itself: a path may be spelled in several ways."""
    return (root / item.path).resolve()


def listed_path(path: str, root: Path) -> str:
    """A table's path in one spelling: Windows' backslashes as slashes and accents as the folder has
    them, unless a file of this very name is there; without "./" and "//"."""
    ways = [path, *(unicodedata.normalize(form, path) for form in ("NFC", "NFD"))]
    ways += [way.replace("\\", "/") for way in ways] if os.sep == "/" else []
    found = next((way for way in ways if way and is_there(root / way)), path)
    plain = found if is_there(root / found) and os.sep == "/" else found.replace("\\", "/")
    return posixpath.normpath(plain) if plain else ""


def _row_problems(item: Item, root: Path) -> list[str]:
    problems = []
    if not item.path:
        problems.append("the path is empty")
    elif not is_there(root / item.path):
        problems.append(f"there is no file {item.path}")
    problems += label_problems(item.path, item.label)
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


def _repeated(root: Path, items: list[Item]) -> list[str]:
    seen: set[Path] = set()
    places = [(item.path, _place(root, item)) for item in items]
    return [path for path, place in places if place in seen or seen.add(place)]  # type: ignore[func-returns-value]
