"""Images of a data folder that a model was not trained on."""

from __future__ import annotations

import csv
import hashlib
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssmamba.checkpoints.card import Card, ClassInfo, read_card
from ssmamba.errors import CheckpointError, DataError
from viewer.text.tr import tr

MANIFEST, DESCRIPTION = "manifest.csv", "dataset.yaml"
ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
HASH_DIGITS = 16  # of each training image in a card


@dataclass(frozen=True)
class Labelled:
    """An image of known class."""

    file: Path
    label: str  # class key
    split: str = ""


@dataclass(frozen=True)
class HeldOut:
    """Images by class key, and what is known of them."""

    by_class: Mapping[str, Sequence[Path]]
    names: Mapping[str, ClassInfo]  # by class key
    mpp: float | None  # µm per pixel; None = not known
    note: str  # "" or why images may have been trained on


def held_out_images(data: Path, models: Sequence[str], per_class: int) -> HeldOut:
    """Up to ``per_class`` images of each class, the same at each call.

    Those of the test split where the manifest names one, else those that no model was trained
    on, by the cards of the models' files. Raises DataError.
    """
    items = _listed(data / MANIFEST) if (data / MANIFEST).is_file() else _in_folders(data)
    cards = [card for card in map(_card, models) if card is not None]
    seen = {digest for card in cards for digest in card.training_hashes}
    test = [item for item in items if item.split == "test"]
    note = ""
    if not test and not seen:
        note = tr(
            "{data} names no test split and no model says what it was trained on: some of these "
            "images may be from its training."
        ).format(data=data.name)
    groups: dict[str, list[Path]] = {}
    for item in test or items:
        groups.setdefault(item.label, []).append(item.file)
    chosen = {key: _unseen(groups[key], set() if test else seen, per_class) for key in groups}
    chosen = {key: files for key, files in sorted(chosen.items()) if files}
    if not chosen:
        raise DataError(tr("{data} has no image that was held out of training.").format(data=data))
    described, mpp = _described(data)
    known = {c.key: c for card in cards for c in card.classes} | described
    return HeldOut(chosen, known, mpp, note)


def _card(path: str) -> Card | None:
    try:
        return read_card(path)
    except CheckpointError:
        return None  # reported where the model is added


def _unseen(files: Iterable[Path], seen: set[str], count: int) -> list[Path]:
    """Some of the files, drawn at random, whose content is not among ``seen`` hashes."""
    found: list[Path] = []
    ordered = sorted(files)
    random.Random(0).shuffle(ordered)
    for file in ordered:
        if len(found) == count:
            break
        digest = hashlib.sha256(file.read_bytes()).hexdigest() if seen else ""
        if digest[:HASH_DIGITS] not in seen:
            found.append(file)
    return found


def _in_folders(data: Path) -> list[Labelled]:
    if not data.is_dir():
        raise DataError(tr("There is no data folder {data}; check its path.").format(data=data))
    found = [
        Labelled(file, folder.name)
        for folder in sorted(data.iterdir())
        if folder.is_dir() and not folder.name.startswith(".")
        for file in sorted(folder.rglob("*"))
        if file.suffix.lower() in ENDINGS and not file.name.startswith(".")
    ]
    if not found:
        text = tr("{data} has neither a {manifest} nor class folders with images.")
        raise DataError(text.format(data=data, manifest=MANIFEST))
    return found


def _listed(manifest: Path) -> list[Labelled]:
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as file:
            head = file.readline()
            file.seek(0)
            rows = list(csv.DictReader(file, delimiter=max(",;\t", key=head.count)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        text = tr("{file} cannot be read ({error}); save it as CSV in UTF-8.")
        raise DataError(text.format(file=manifest, error=error)) from error
    found = []
    for raw in rows:
        row = {str(k).strip().lower(): str(v or "").strip() for k, v in raw.items()}
        image = manifest.parent / row.get("path", "").replace("\\", "/")
        if row.get("label") and image.is_file():
            found.append(Labelled(image, row["label"], row.get("split", "").lower()))
    if not found:
        text = tr("{file} lists no image that is there; it needs the columns path and label.")
        raise DataError(text.format(file=manifest))
    return found


def _described(data: Path) -> tuple[dict[str, ClassInfo], float | None]:
    """Class names, colours and µm/px of a description beside the images, where there is one."""
    file = data / DESCRIPTION
    if not file.is_file():
        return {}, None
    import yaml

    try:
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
        classes = {
            str(key): ClassInfo(str(key), str(value["name"]), tuple(value["color"]))
            for key, value in raw["classes"].items()
        }
        return classes, None if raw.get("mpp") is None else float(raw["mpp"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError) as error:
        text = tr("{file} does not describe the data as training needs it ({error}); correct it.")
        raise DataError(text.format(file=file, error=error)) from error
