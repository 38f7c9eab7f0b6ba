"""Find the images of a data folder: a folder per class, or a manifest.csv."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from ssmamba.errors import DataError
from training.data.images import EXTENSIONS

MANIFEST = "manifest.csv"
COLUMNS = ("path", "label", "group", "split")
SPLITS = ("train", "val", "test")
SHOWN = 20  # problems listed in one message


@dataclass(frozen=True)
class Item:
    """One image of a data folder."""

    path: str  # relative to the folder, POSIX
    label: str  # class key
    group: str = ""  # images of one group stay on one side of a split; "" = on its own
    split: str = ""  # "train", "val", "test" when the manifest says so


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


def read_catalog(root: Path | str) -> Catalog:
    """List a data folder. Raises DataError that names everything that is wrong with it."""
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"There is no data folder {root}; check the path given with --data.")
    manifest = root / MANIFEST
    items = _from_manifest(manifest) if manifest.is_file() else _from_folders(root)
    items.sort(key=lambda item: item.path)
    return Catalog(root, tuple(items), tuple(sorted({item.label for item in items})))


def report(root: Path, problems: list[str], next_step: str) -> DataError:
    """One error that lists all problems (the first ones by name, the others as a count)."""
    lines = "".join(f"\n  {problem}" for problem in problems[:SHOWN])
    more = f"\n  and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    many = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return DataError(f"{root}: {many}:{lines}{more}\n{next_step}")


def _from_folders(root: Path) -> list[Item]:
    folders = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not folders:
        raise DataError(
            f"{root} has no {MANIFEST} and no class folders; put the images of each class into a "
            "folder of its own."
        )
    items, empty = [], []
    for folder in folders:
        files = [p for p in folder.rglob("*") if _is_image(p)]
        items += [Item(p.relative_to(root).as_posix(), folder.name) for p in files]
        if not files:
            empty.append(f"{folder.name}: no image in this class folder")
    if empty:
        raise report(root, empty, "Add images to these folders or remove them.")
    return items


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".") and path.is_file()


def _from_manifest(manifest: Path) -> list[Item]:
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            header = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = header
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{manifest} cannot be read ({error}); save it as CSV in UTF-8.") from error
    missing = [name for name in ("path", "label") if name not in header]
    if missing:
        raise DataError(
            f"{manifest} lacks the column {' and '.join(missing)} (it has: {', '.join(header)}); "
            "its first line must be path,label[,group][,split]."
        )
    if not rows:
        raise DataError(f"{manifest} lists no images; add a line for each image.")
    items, problems = [], []
    for line, row in enumerate(rows, start=2):
        values = {name: (row.get(name) or "").strip() for name in COLUMNS}
        item = Item(values["path"], values["label"], values["group"], values["split"].lower())
        problems += [f"line {line}: {p}" for p in _row_problems(item, manifest.parent)]
        items.append(item)
    problems += [f"{path}: listed more than once" for path in _repeated(items)]
    problems += _split_problems(items)
    if problems:
        raise report(manifest, problems, f"Correct {manifest.name} and start again.")
    return items


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
