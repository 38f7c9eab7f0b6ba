"""Cohorts made from labelled patches: real bags with a derived answer, and synthetic montages.

Both exist to test models of slides where real cohorts with outcomes are not at hand. What is
synthetic is said in cohort.txt, beside the table.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ssmamba.errors import DataError
from ssmamba.features.encoders import open_encoder
from ssmamba.features.hdf5 import TileAttributes, write_features
from ssmamba.files import short_name, unwritten, write_text
from ssmamba.headless.extract.request import magnification
from ssmamba.names import folded
from ssmamba.runtime.device import choose_device
from training.data.catalog import SPLITS, Item, report, survey_folder
from training.data.dataset import load_dataset, load_images
from training.data.tables import read_table
from training.loop.progress import console
from training.slides.config import CohortConfig
from training.slides.montages import Montage, draw_montages, write_montage, write_patches

TABLE, TOLD = "cohort.csv", "cohort.txt"
HIGH, LOW = "high", "low"


def make_cohort(config: CohortConfig) -> None:
    """Write ``cohort.csv`` with its bags or slides. Raises DataError before anything is written."""
    if (config.out / TABLE).exists():
        raise DataError(f"{config.out} holds a cohort already; choose another --out.")
    survey = survey_folder(config.data)
    if survey.problems:
        raise report(config.data, [survey.problems])
    for note in survey.notes:
        console.print(note)
    make = {"bags": _bags, "patients": _patients, "montages": _montages}[config.kind]
    make(config, survey.catalog.items)


def _class(config_value: str, flag: str, items: Sequence[Item]) -> str:
    names = {folded(item.label): item.label for item in items}
    if folded(config_value) not in names:
        known = ", ".join(sorted(names.values()))
        raise DataError(f"{flag} '{config_value}' is no class of the data; give one of {known}.")
    return names[folded(config_value)]


# --- bags
def _bags(config: CohortConfig, items: Sequence[Item]) -> None:
    positive = _class(config.positive, "--positive", items)
    if not config.encoder:
        raise DataError("Give --encoder, a checkpoint or timm:NAME that turns patches to features.")
    groups, shares, middle = _patients_of(items, positive)
    device = "cuda" if config.accelerator in ("cuda", "gpu") else config.accelerator
    encoder = open_encoder(config.encoder, choose_device(device))
    places = _places(config.data)
    parts, column = _parts_of(config, groups)
    rows = []
    for number, (group, own) in enumerate(sorted(groups.items()), start=1):
        paths = [config.data / item.path for item in own]
        features = encoder.encode(load_images(paths, encoder.spec.window_px))
        side = _side(paths[0])
        corners = [places.get(item.path, (side * n, 0)) for n, item in enumerate(own)]
        name = short_name(group)
        target = config.mpp * side / encoder.spec.window_px
        tiles = TileAttributes(
            patch_size=encoder.spec.window_px,
            patch_size_level0=side,
            level0_magnification=magnification(config.mpp),
            target_magnification=magnification(target),
            overlap=0,
            name=name,
        )
        said = {
            "encoder": encoder.name, "encoder_sha256": encoder.sha256,
            "slide_mpp": config.mpp, "target_mpp": target,
        }  # fmt: skip
        path = config.out / "features" / f"{name}.h5"
        write_features(path, np.array(corners), features, tiles, said)
        label = HIGH if shares[group] > middle else LOW
        rows.append([f"{name}.tif", group, label, config.mpp, *parts[group]])
        if number % 50 == 0:
            console.print(f"{number}/{len(groups)} bags")
    _write(config, ["slide", "patient", "label", "mpp", *column], rows)
    _tell(config, (
        f"{len(rows)} bags of the patches in {config.data.name}, a patient each, encoded by "
        f"{encoder.name}. The patches are real; the answer is made: whether the patient's share of "
        f"{positive} among the published patches is above the median ({middle:.3f}). The slides "
        "of the table do not exist: give --features."
    ))  # fmt: skip


def _patients_of(
    items: Sequence[Item], positive: str
) -> tuple[dict[str, list[Item]], dict[str, float], float]:
    """Patches by patient, the share of the positive class in each, and the median share."""
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        if not item.group:
            raise DataError(f"{item.path} has no group; a patient is needed for each patch.")
        groups[item.group].append(item)
    shares = {g: float(np.mean([i.label == positive for i in own])) for g, own in groups.items()}
    return groups, shares, float(np.median(list(shares.values())))


def _parts_of(
    config: CohortConfig, groups: Iterable[str]
) -> tuple[dict[str, list[str]], list[str]]:
    """What --split-seed adds to each patient's row, and to the table's header."""
    if config.split_seed is None:
        return {group: [] for group in groups}, []
    dataset = load_dataset(config.data, config.split_seed, quiet=True)
    parts = {item.group: [name] for name in SPLITS for item in dataset.items(name)}
    return parts, ["split"]


# --- patients
def _patients(config: CohortConfig, items: Sequence[Item]) -> None:
    positive = _class(config.positive, "--positive", items)
    groups, shares, middle = _patients_of(items, positive)
    places = _places(config.data)
    missing = [item.path for item in items if item.path not in places]
    if missing:
        raise DataError(
            f"{config.data} says no place (x and y in manifest.csv) of {missing[0]}; make bags."
        )
    parts, column = _parts_of(config, groups)
    (config.out / "slides").mkdir(parents=True, exist_ok=True)
    rows = []
    for number, (group, own) in enumerate(sorted(groups.items()), start=1):
        name = f"{short_name(group)}.tif"
        side = _side(config.data / own[0].path)
        images = load_images([config.data / item.path for item in own], side)
        corners = np.array([places[item.path] for item in own])
        write_patches(config.out / "slides" / name, images, corners, config.mpp)
        label = HIGH if shares[group] > middle else LOW
        share = f"{shares[group]:.4f}"
        rows.append([f"slides/{name}", group, label, share, config.mpp, *parts[group]])
        if number % 50 == 0:
            console.print(f"{number}/{len(groups)} slides")
    _write(config, ["slide", "patient", "label", "share", "mpp", *column], rows)
    _tell(config, (
        f"{len(rows)} slides of the patches in {config.data.name}, a patient each, at their "
        "published places, with glass where none was published. The patches are real; the answer "
        f"is made: whether the patient's share of {positive} among them is above the median "
        f"({middle:.3f})."
    ))  # fmt: skip


def _places(root: Path) -> dict[str, tuple[int, int]]:
    """Corners of the patches on their slides, level-0 pixels, where the manifest has them."""
    manifest = root / "manifest.csv"
    if not manifest.is_file():
        return {}
    rows = read_table(manifest, ("path",))
    if not {"x", "y"} <= set(rows[0]):
        return {}
    try:
        return {row["path"]: (round(float(row["x"])), round(float(row["y"]))) for row in rows}
    except ValueError as error:
        raise DataError(f"{manifest}: a place is no number ({error}).") from error


def _side(path: Path) -> int:
    from PIL import Image

    with Image.open(path) as image:
        return max(image.size)


# --- montages
def _montages(config: CohortConfig, items: Sequence[Item]) -> None:
    kinds = [
        _class(config.positive, "--positive", items),
        _class(config.other, "--other", items),
    ]
    if kinds[0] == kinds[1]:
        raise DataError("--positive and --other are the same class; give two.")
    pictures = [
        load_images([config.data / i.path for i in items if i.label == kind], config.patch_px)
        for kind in kinds
    ]
    rng = np.random.default_rng([config.seed, 11])
    montages = draw_montages(config.count, config.side, config.censored, rng)
    (config.out / "slides").mkdir(parents=True, exist_ok=True)
    rows = []
    for number, montage in enumerate(montages):
        name = f"montage-{number:03d}.tif"
        write_montage(config.out / "slides" / name, montage, pictures, config.mpp, rng)
        rows.append(_row(f"slides/{name}", number, montage, config.mpp))
    _write(config, ["slide", "patient", "label", "time", "event", "contact", "mpp"], rows)
    _tell(config, (
        f"{len(rows)} made slides, half {kinds[0]} and half {kinds[1]} from {config.data.name}, "
        f"{config.side} x {config.side} patches each. The patches are real; arrangement, grades "
        "and times are synthetic. The grade says whether the first tissue lies in one clump, in "
        "several or scattered; the hazard rises with the length along which the tissues touch. All "
        "slides have the same share of each tissue: a mean over patches cannot tell them apart."
    ))  # fmt: skip


def _row(slide: str, number: int, montage: Montage, mpp: float) -> list[Any]:
    return [
        slide, f"P{number:03d}", montage.grade, f"{montage.time:.3f}", int(montage.event),
        f"{montage.contact:.4f}", mpp,
    ]  # fmt: skip


def _write(config: CohortConfig, header: list[str], rows: list[list[Any]]) -> None:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    _keep(config.out / TABLE, file.getvalue())


def _tell(config: CohortConfig, text: str) -> None:
    _keep(config.out / TOLD, text + "\n")
    console.print(text)
    console.print(f"Wrote {config.out / TABLE}")


def _keep(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    except OSError as error:
        raise unwritten(path, error) from error
