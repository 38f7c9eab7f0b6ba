"""What several readers drew on one slide, compared and merged."""

from __future__ import annotations

import csv
import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import shapely
from shapely.geometry.base import BaseGeometry

from ssmamba.errors import InputError, RoiError
from ssmamba.files import refuse_unwritable, unwritten, written_whole
from ssmamba.names import folded
from ssmamba.rois.geojson import write_rois
from ssmamba.rois.geometry import roi_shape
from ssmamba.rois.readers import (
    UNCLASSIFIED,
    Agreement,
    Merge,
    Pair,
    Reader,
    agreement_on,
    classes_of,
    domain_of,
    marked_by,
    merged_regions,
    pairs_of,
    reader_of,
)
from ssmamba.rois.reading import read_regions
from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import Slide

Within = Literal["tissue", "slide", "annotated"]
WITHIN: tuple[Within, ...] = ("tissue", "slide", "annotated")
CLASSES_FILE, PAIRS_FILE, MERGED_FILE = "classes.csv", "pairs.csv", "merged.geojson"


@dataclass(frozen=True)
class AgreementRequest:
    """The command line's request."""

    files: tuple[Path, ...]  # a region file of each reader
    out: Path
    slide: Path | None = None
    merge: Merge = "majority"
    within: Within | None = None  # None = tissue with a slide, else annotated
    mpp: float | None = None  # µm per level-0 pixel, where the slide has none


@dataclass(frozen=True)
class _Place:
    """What is known of the slide."""

    offset: tuple[float, float] = (0.0, 0.0)
    mpp: float | None = None
    domain: tuple[BaseGeometry, ...] = ()  # beside what was marked


def compare_readers(request: AgreementRequest) -> list[Agreement]:
    """Write the tables and the merged regions, and return the rows by class. Raises InputError."""
    names = _names(request.files)
    place = _place(request)
    rois: list[Roi] = []
    readers: list[Reader] = []
    for name, path in zip(names, request.files, strict=True):
        found = read_regions(path, place.offset)
        for note in [*found.notes, *_left_out(found.rois)]:
            print(f"{path}: {note}", file=sys.stderr)
        rois += found.rois
        readers.append(reader_of(name, found.rois))
    classes = classes_of(rois)
    if not classes:
        raise RoiError("No file has a region with an area; draw some and export them again.")
    domain = float(domain_of(readers, *place.domain).area)
    pairs: list[Pair] = []
    rows: list[Agreement] = []
    merged: list[Roi] = []
    for one in classes:
        own = pairs_of(readers, one, domain)
        marked = marked_by([reader.area(one.key) for reader in readers])
        pairs += own
        rows.append(agreement_on(readers, one, own, marked, domain))
        merged += merged_regions(readers, one, marked, request.merge)
    try:
        request.out.mkdir(parents=True, exist_ok=True)
        refuse_unwritable(request.out)
        write_rois(request.out / MERGED_FILE, merged, place.offset)
        _write(request.out / PAIRS_FILE, pairs, place.mpp)
        _write(request.out / CLASSES_FILE, rows, place.mpp)
    except OSError as error:
        raise unwritten(request.out, error) from error
    for note in _overlaps(merged):
        print(note, file=sys.stderr)
    return rows


def _names(files: Sequence[Path]) -> list[str]:
    """A name for each reader, from the file. Raises InputError for fewer than two files."""
    if len(files) < 2:
        raise InputError("One reader agrees with nobody; give the region files of two or more.")
    twice = [p for p, n in Counter(path.resolve() for path in files).items() if n > 1]
    if twice:
        raise InputError(f"{twice[0]} is given twice; give each reader's file once.")
    stems = [path.name.split(".")[0] for path in files]
    return [stem if stems.count(stem) == 1 else str(path)
            for stem, path in zip(stems, files, strict=True)]  # fmt: skip


def _place(request: AgreementRequest) -> _Place:
    if request.slide is None:
        if request.within not in (None, "annotated"):
            raise InputError(f"--within {request.within} needs the slide; give it with --slide.")
        return _Place(mpp=request.mpp)
    from ssmamba.reading.tissue_rois import tissue_rois

    with Slide.open(request.slide) as slide:
        for note in slide.info.notes:
            print(f"{request.slide}: {note}", file=sys.stderr)
        width, height = slide.info.width, slide.info.height
        domain: tuple[BaseGeometry, ...] = ()
        if request.within == "slide":
            domain = (shapely.box(0, 0, width, height),)
        elif request.within != "annotated":
            domain = tuple(roi_shape(roi) for roi in tissue_rois(slide))
        return _Place(slide.info.bounds_offset, request.mpp or slide.info.mpp, domain)


def _left_out(rois: Sequence[Roi]) -> list[str]:
    """Sentences about what a reader's file holds that is not compared as it stands."""
    thin = sum(not roi.has_area for roi in rois)
    plain = sum(roi.has_area and not roi.user_class.strip() for roi in rois)
    notes = [f"{thin} points or lines have no area and are left out."] if thin else []
    if plain:
        notes.append(f"{plain} regions have no class of the reader's: they are '{UNCLASSIFIED}'.")
    return notes


def _overlaps(merged: Sequence[Roi]) -> list[str]:
    """Pairs of classes that share places, which readers mark or a union makes."""
    by_class: dict[str, list[BaseGeometry]] = {}
    for roi in merged:
        by_class.setdefault(roi.class_name or UNCLASSIFIED, []).append(roi_shape(roi))
    areas = {name: shapely.union_all(shapes) for name, shapes in by_class.items()}
    names, notes = sorted(areas, key=folded), []
    for at, first in enumerate(names):
        for second in names[at + 1 :]:
            shared = shapely.intersection(areas[first], areas[second]).area
            if shared >= 1:
                notes.append(
                    f"Merged regions of '{first}' and '{second}' overlap on {shared:,.0f} px²."
                )
    return notes


def _write(path: Path, rows: Sequence[Pair | Agreement], mpp: float | None) -> None:
    """A table with areas in mm² where µm/px is known, else in squared level-0 pixels."""
    unit, factor = ("px2", 1.0) if mpp is None else ("mm2", (mpp / 1000) ** 2)
    table = [_told(asdict(row), unit, factor) for row in rows]
    with (
        written_whole(path) as partial,
        partial.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)


def _told(row: dict[str, Any], unit: str, factor: float) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, value in row.items():
        if name.startswith("area"):
            told[f"{name}_{unit}"] = f"{value * factor:.6g}"
        elif isinstance(value, float):
            told[name] = "" if math.isnan(value) else f"{value:.4f}"
        else:
            told["class" if name == "class_name" else name] = value
    return told
