"""Result of the readers of published layouts, and how they find their folders."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from training.data.catalog import is_image

DEPTH = 4  # folders below the source in which a layout is looked for


@dataclass(frozen=True)
class Found:
    """One image of a download."""

    file: Path
    label: str  # class key
    name: str  # POSIX path below images/ in the prepared folder
    group: str = ""  # patient, slide or source field; "" = not known
    split: str = ""  # "train", "val" or "test" when the publishers give it


@dataclass(frozen=True)
class Gathered:
    """The images of a download, its problems, and notes for the user."""

    images: tuple[Found, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    mpp: float | None = None  # µm/px of all images, where the data set's description has none
    description: Path | None = None  # a dataset.yaml made from the data


def gather(
    images: list[Found], problems: list[str] | None = None, notes: list[str] | None = None
) -> Gathered:
    ordered = sorted(images, key=lambda found: found.name)
    return Gathered(tuple(ordered), tuple(problems or ()), tuple(notes or ()))


def class_folders(source: Path, keys: Mapping[str, str]) -> tuple[dict[str, Path], list[str]]:
    """Folders of the classes by their published names, anywhere below the source.

    keys: {published folder name: class key}. Returns {class key: folder} and a problem for each
    class that has no folder, more than one, or one without images.
    """
    wanted = {name.lower(): key for name, key in keys.items()}
    hits: dict[str, list[Path]] = {key: [] for key in keys.values()}
    for folder in _folders(source, set(wanted)):
        if folder.name.lower() in wanted:
            hits[wanted[folder.name.lower()]].append(folder)
    found, problems = {}, []
    for name, key in keys.items():
        if not hits[key]:
            problems.append(f"class {key}: no folder {name} below {source}")
        elif len(hits[key]) > 1:
            listed = ", ".join(str(p.relative_to(source)) for p in hits[key])
            problems.append(f"class {key}: several folders ({listed}); keep one of them")
        elif not any(is_image(p) for p in hits[key][0].rglob("*")):
            problems.append(f"class {key}: no image in {hits[key][0]}")
        else:
            found[key] = hits[key][0]
    return found, problems


def find_folder(source: Path, name: str) -> Path | None:
    """The source itself or a folder below it with this name."""
    folders = chain([source], _folders(source, {name.lower()}))
    return next((f for f in folders if f.name.lower() == name.lower()), None)


def images_of(folder: Path) -> list[Path]:
    """Images below a folder, in a fixed order."""
    return sorted(p for p in folder.rglob("*") if is_image(p))


def by_class(folders: Mapping[str, Path]) -> list[Found]:
    """Every image of each class folder, without groups."""
    return [
        Found(file, key, f"{key}/{file.relative_to(folder).as_posix()}")
        for key, folder in folders.items()
        for file in images_of(folder)
    ]


def _folders(source: Path, stop: set[str]) -> Iterator[Path]:
    """Folders below the source, nearest first; does not go into those named in ``stop``."""
    queue = deque([(source, 0)])
    while queue:
        folder, depth = queue.popleft()
        for child in sorted(p for p in folder.iterdir() if p.is_dir()):
            if child.name.startswith((".", "__MACOSX")):
                continue
            yield child
            if depth + 1 < DEPTH and child.name.lower() not in stop:
                queue.append((child, depth + 1))
