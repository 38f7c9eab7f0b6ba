"""Description of a data set: readable class names, colours, stain, tissue, licence."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from rich.table import Table

from ssmamba.checkpoints.card import ClassInfo
from ssmamba.checkpoints.card_ranges import PICTURES
from ssmamba.errors import DataError
from ssmamba.names import composed
from training.cli.yaml_file import read_yaml

OWN_FILE = "dataset.yaml"  # beside the images
STAIN_BASES = ("he", "giemsa", "none")
NUMBERS: dict[str, Any] = {
    "source_px": int,
    "published_px": int,
    "mpp": int | float,
    "field_um": int | float,
    "magnification": int | float,
}


@dataclass(frozen=True)
class DatasetInfo:
    """Readable description of a data set."""

    name: str
    classes: tuple[ClassInfo, ...]  # in the order of the sorted class keys
    tissue: str = ""
    stain: str = ""  # "H&E", "May-Grünwald-Giemsa"
    stain_basis: str = "none"  # he | giemsa | none: the axes along which its colours vary
    licence: str = ""
    attribution: str = ""
    source_px: int | None = None  # side of the images, pixels; None = as found
    mpp: float | None = None  # µm per pixel of the images, None = unknown
    picture: str = "tissue"  # what an image shows: a field of "tissue", or one "cell"
    field_um: float | None = None  # side of an image, µm; None = as mpp says, or unknown
    magnification: float | None = None  # of the objective, as the data set states it
    published_px: int | None = None  # side of the published images; None = as source_px


def describe(keys: tuple[str, ...], root: Path, given: Path | None = None) -> DatasetInfo:
    """The description: ``given``, else ROOT/dataset.yaml, else a bundled one with the same
    classes, else readable names made from the keys. Raises DataError."""
    own = root / OWN_FILE
    if given is not None or own.is_file():
        return read_description(given or own, keys)
    return bundled_description(keys) or DatasetInfo(root.resolve().name, plain_classes(keys))


def read_description(path: Path, keys: tuple[str, ...]) -> DatasetInfo:
    """The description in a file. Raises DataError, also when a class is not in it."""
    return _fit(read_yaml(path, "correct it or check --dataset-info"), keys, path)


def bundled_description(keys: tuple[str, ...]) -> DatasetInfo | None:
    """The bundled description with the same classes."""
    for bundled in sorted(_bundled(), key=lambda f: f.name):
        raw = read_yaml(bundled, "install the package again")
        if set(raw.get("classes", {})) == set(keys):
            return _fit(raw, keys, Path(bundled.name))
    return None


def count_table(info: DatasetInfo, counts: dict[str, dict[str, int]], note: str = "") -> Table:
    """Images by class and split. counts: {split: {class key: images}}; note: end of the title."""
    table = Table(title=f"{info.name}: images by class{note}")
    table.add_column("class")
    for split in counts:
        table.add_column(split, justify="right")
    for c in info.classes:
        table.add_row(c.name, *(str(row.get(c.key, 0)) for row in counts.values()))
    table.add_section()
    table.add_row("all", *(str(sum(row.values())) for row in counts.values()))
    return table


def _bundled() -> list[Traversable]:
    folder = resources.files("resources") / "configs" / "datasets"
    return [f for f in folder.iterdir() if f.name.endswith(".yaml")] if folder.is_dir() else []


def _fit(raw: dict[str, Any], keys: tuple[str, ...], path: Path) -> DatasetInfo:
    described: Any = raw.get("classes", {})
    if not isinstance(described, dict):
        raise DataError(f"{path}: classes must be a mapping; see resources/configs/datasets.")
    described = {composed(str(key)): value for key, value in described.items()}
    missing = [key for key in keys if key not in described]
    if missing:
        raise DataError(
            f"{path} does not describe the classes {', '.join(missing)} of the images (it has: "
            f"{', '.join(described)}); add it there, or correct the labels."
        )
    basis = raw.get("stain_basis", "none")
    if basis not in STAIN_BASES:
        raise DataError(f"{path}: stain_basis must be one of {', '.join(STAIN_BASES)}.")
    plain = {c.key: c for c in plain_classes(tuple(described))}
    classes = tuple(_class_info(described[key], plain[key]) for key in keys)
    for name, kind in NUMBERS.items():
        value = raw.get(name)
        if value is not None and (not isinstance(value, kind) or not value > 0):
            raise DataError(f"{path}: {name} must be a number above 0, or be left out.")
    if raw.get("mpp") is not None and raw.get("field_um") is not None:
        raise DataError(f"{path}: mpp and field_um say the same; leave one of them out.")
    picture = str(raw.get("picture", PICTURES[0]))
    if picture not in PICTURES:
        raise DataError(f"{path}: picture must be one of {', '.join(PICTURES)}.")
    numbers: dict[str, Any] = {name: raw.get(name) for name in NUMBERS}
    texts: dict[str, Any] = {
        k: str(raw[k]) for k in ("tissue", "stain", "licence", "attribution") if raw.get(k)
    }
    return DatasetInfo(
        str(raw.get("name", path.stem)),
        classes,
        stain_basis=basis,
        picture=picture,
        **numbers,
        **texts,
    )


def _class_info(raw: Any, plain: ClassInfo) -> ClassInfo:
    raw = raw if isinstance(raw, dict) else {"name": raw}
    color = tuple(raw.get("color") or plain.color)
    if len(color) != 3 or not all(isinstance(c, int) and 0 <= c <= 255 for c in color):
        raise DataError(f"Class {plain.key}: its color must be three numbers from 0 to 255.")
    return ClassInfo(plain.key, str(raw.get("name") or plain.name), color)


def plain_classes(keys: tuple[str, ...]) -> tuple[ClassInfo, ...]:
    """Readable names from keys, colours spread around the wheel by the golden ratio."""
    classes = []
    for index, key in enumerate(keys):
        rgb = colorsys.hsv_to_rgb((0.58 + index * 0.618034) % 1.0, 0.65, 0.85)
        name = key.replace("_", " ").replace("-", " ").strip().capitalize() or key
        red, green, blue = (round(255 * c) for c in rgb)
        classes.append(ClassInfo(key, name, (red, green, blue)))
    return tuple(classes)
