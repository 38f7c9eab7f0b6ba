"""What one slide offers: its windows of known class, before any patch is cut."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from ssmamba.errors import InputError
from ssmamba.files import read_json, write_text
from ssmamba.names import folded
from ssmamba.reading.grid import Grid, grid_on
from ssmamba.reading.tissue_map import tissue_map
from ssmamba.rois.clipping import cut_to_slide, is_within
from ssmamba.rois.reading import read_regions
from ssmamba.rois.roi import Roi
from ssmamba.slides.picture import sane_mpp
from ssmamba.slides.slide import Slide
from training.prepare.annotated.areas import (
    NONE,
    areas_of,
    label_windows,
    largest_region,
    overlaps,
)
from training.prepare.annotated.cohort import Listed
from training.prepare.annotated.rules import Rules, Sorted, sort_annotations

ROUNDING = 0.01  # of a window's side; more is told
ENLARGED = 1.02  # slide µm/px / patch µm/px above which patches are enlarged
DIFFERENT = 1.02  # µm/px of table and file that differ by more are told


@dataclass(frozen=True)
class Survey:
    """The windows of a slide that could become patches."""

    mpp: float  # µm per level-0 pixel
    side: int  # of a window, level-0 pixels
    classes: list[str] = field(default_factory=list)
    # (x, y, place in classes, annotation's number) of each window; no annotation is -1
    windows: list[list[int]] = field(default_factory=list)
    # windows: all of the grid, those with tissue; of these, outside of all annotations (free), in
    # several classes, and with too little of one (short)
    counts: dict[str, int] = field(default_factory=dict)
    colors: dict[str, list[int]] = field(default_factory=dict)  # of the classes, as drawn
    annotated: list[str] = field(default_factory=list)  # all classes of its annotations
    left: dict[str, int] = field(default_factory=dict)  # annotations of classes not used
    notes: list[str] = field(default_factory=list)  # each goes on from the slide's name
    why_not: str = ""  # why it gives nothing; goes on from its name
    of: list[float] = field(default_factory=list)  # the files, and the µm/px given; see _state
    remembered: bool = False  # an earlier run found the same


def survey_slide(listed: Listed, rules: Rules, record: Path) -> Survey:
    """Look at a slide, or take its record if the files are still the same.

    Raises InputError for what cannot be read.
    """
    with Slide.open(listed.path) as slide:
        state = _state(listed)
        kept = read_json(record)
        if kept is not None and kept["of"] == state:
            return replace(Survey(**kept), remembered=True)
        survey = replace(_survey(slide, listed, rules), of=state)
    record.parent.mkdir(parents=True, exist_ok=True)
    write_text(record, json.dumps(asdict(survey)))
    return survey


def _state(listed: Listed) -> list[float]:
    """What tells that a slide, its annotations and its given µm/px are as they were."""
    try:
        files = [path.stat() for path in (listed.path, listed.annotations) if path is not None]
    except OSError as error:
        raise InputError(f"{listed.path} cannot be read ({error}); check its disk.") from error
    return [*(v for file in files for v in (file.st_size, file.st_mtime)), listed.mpp or 0.0]


def _survey(slide: Slide, listed: Listed, rules: Rules) -> Survey:
    notes: list[str] = []
    mpp = _scale(slide, listed, rules, notes)
    if listed.annotations is None:
        raise InputError(f"{slide.path} has no annotations.")
    grid = grid_on(slide.dimensions, rules.px * rules.mpp / mpp, rules.overlap)
    rois = _annotations(slide, listed.annotations, notes)
    sorted_ = sort_annotations(rois, rules)
    _tell(sorted_, notes)
    if mpp > ENLARGED * rules.mpp:
        notes.append(f"is {mpp:.4g} µm/px: its patches of {rules.mpp:g} µm/px are enlarged")
    if abs(grid.rounding) > ROUNDING:
        notes.append(
            f"has windows of {grid.side} level-0 px for {grid.exact_side:.2f}, so its patches are "
            f"{100 * grid.rounding:+.1f} % off in scale"
        )
    windows = _on(grid, slide.dimensions)
    tissue = tissue_map(slide)
    with_tissue = tissue.shares(windows) >= rules.tissue
    dark = tissue.fluorescent and rules.tissue > 0
    counts = {"grid": len(windows), "tissue": 0 if dark else int(with_tissue.sum())}
    survey = Survey(
        mpp,
        grid.side,
        counts=counts,
        annotated=sorted({roi.class_name for roi in rois if roi.class_name}),
        left=dict(sorted_.left),
        notes=notes,
    )
    if dark:
        return replace(survey, why_not="is dark with little light in it, as fluorescence is")
    if not len(windows):
        return replace(survey, why_not=f"is smaller than one window of {grid.side} px")
    if not counts["tissue"]:
        share = 100 * rules.tissue
        return replace(survey, why_not=f"has no window with {share:g} % of tissue (--tissue)")
    return _labelled(survey, windows[with_tissue], sorted_, rules)


def _labelled(survey: Survey, windows: np.ndarray, found: Sorted, rules: Rules) -> Survey:
    areas = areas_of(found.used, found.others, found.cut, rules.inner)
    labels = label_windows(areas, windows, rules.inside)
    notes = [
        f"has {' and '.join(names)} at one place: {count} windows are left out (--several inner "
        "gives a place to the smaller annotation)"
        for names, count in overlaps(labels, areas.classes).items()
    ]
    names, chosen = list(areas.classes), labels.classes.copy()
    regions = largest_region([roi for _, roi in found.used], windows)
    if rules.background:
        names += [] if rules.background in names else [rules.background]
        chosen[labels.free] = names.index(rules.background)
    taken = np.flatnonzero(chosen != NONE)
    columns = [windows[taken, :2].astype(np.int64), chosen[taken], regions[taken]]
    rows = np.column_stack(columns).tolist()
    free = 0 if rules.background else int(labels.free.sum())
    several = int(labels.several.any(axis=1).sum())
    counts = {
        **survey.counts,
        "free": free,
        "several": several,
        "short": len(windows) - len(rows) - free - several,
    }
    return replace(
        survey,
        classes=names,
        windows=rows,
        counts=counts,
        colors=_colors(found),
        notes=[*survey.notes, *notes],
        why_not="" if rows else _why_none(found, rules),
    )


def _why_none(found: Sorted, rules: Rules) -> str:
    if not found.used:
        others = sorted(name for name in found.left if name)
        if others:
            return f"has no annotation of a class that is used (it has: {', '.join(others)})"
        without = found.left[""]
        return f"has {without} annotations without a class" if without else "has no annotation"
    return (
        f"has no window of {rules.px * rules.mpp:g} µm with {100 * rules.inside:g} % inside one "
        "class (--inside, --roi-px, --overlap)"
    )


def _scale(slide: Slide, listed: Listed, rules: Rules, notes: list[str]) -> float:
    own = slide.mpp
    given = listed.mpp or (None if own else sane_mpp(rules.slide_mpp))
    if given is None and own is None:
        more = f" {slide.info.notes[0]}" if slide.info.notes else ""
        raise InputError(
            f"{slide.path.name} has no µm/px; give it in a column mpp of the CSV, or with "
            f"--slide-mpp for all slides without one.{more}"
        )
    if given and own and max(given, own) > DIFFERENT * min(given, own):
        notes.append(f"is {own:.4g} µm/px by its file and {given:.4g} by the table, which is used")
    return float(given or own or 0.0)


def _annotations(slide: Slide, path: Path, notes: list[str]) -> list[Roi]:
    """The regions on the slide, cut to it. Raises RoiError."""
    file = read_regions(path, slide.info.bounds_offset)
    notes += [f"has annotations of which {note[0].lower()}{note[1:]}" for note in file.notes]
    width, height = slide.dimensions
    kept, off, partly = [], 0, 0
    for roi in file.rois:
        cut = cut_to_slide(roi, width, height)
        left, top, right, bottom = roi.bounds
        if cut is None or right <= 0 or bottom <= 0 or left >= width or top >= height:
            off += 1
            continue
        partly += not is_within(roi, width, height)
        kept.append(cut)
    if off and not kept:
        raise InputError(
            f"{slide.path.name} has all {off} annotations of {path.name} outside of it; check that "
            "the file belongs to this slide."
        )
    if off:
        notes.append(f"has {off} of {len(file.rois)} annotations outside of it")
    if partly:
        notes.append(f"has {partly} annotations over its edge, which were cut to it")
    return kept


def _tell(found: Sorted, notes: list[str]) -> None:
    if found.lines:
        notes.append(f"has {found.lines} lines or points, which have no area")
    if found.left[""]:
        notes.append(f"has {found.left['']} annotations without a class, which are not used")


def _on(grid: Grid, size: tuple[int, int]) -> np.ndarray:
    """The windows that lie on the slide with all of their area, (N, 3) float64."""
    windows = grid.windows(grid.all_cells())
    right, bottom = windows[:, 0] + grid.side, windows[:, 1] + grid.side
    return windows[(right <= size[0]) & (bottom <= size[1])]


def _colors(found: Sorted) -> dict[str, list[int]]:
    """The commonest colour of each class."""
    seen: dict[str, Counter[tuple[int, int, int]]] = {}
    for name, roi in found.used:
        if roi.color is not None:
            seen.setdefault(folded(name), Counter())[roi.color] += 1
    return {key: list(counts.most_common(1)[0][0]) for key, counts in seen.items()}
