"""A cohort: slides, their patients, and what is known of them, from one CSV file."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ssmamba.errors import DataError
from ssmamba.headless.scan import cohort as scanned
from ssmamba.names import composed
from training.data.images import EXTENSIONS
from training.data.names import Groups, class_problems, group_of
from training.data.tables import read_table
from training.loop.progress import console

Question = Literal["classes", "grades", "survival"]
MANIFEST = "manifest.csv"
SPLITS = ("train", "val", "test")
SUFFIXES = scanned.SUFFIXES | EXTENSIONS  # of what is read from a folder
YES, NO = {"1", "true", "yes", "dead", "event"}, {"0", "false", "no", "alive", "censored"}
MOST_LISTED = 5  # problems of one kind that are written out


@dataclass(frozen=True)
class CohortSlide:
    """A slide and what is known of its patient."""

    path: Path
    patient: str  # the slide's own name where the table has none
    label: str = ""  # class, stage or grade
    time: float | None = None  # until death or the last time seen alive; any unit
    event: bool | None = None  # whether it ended with death; False = censored
    mpp: float | None = None  # µm per level-0 pixel, in place of the file's
    split: str = ""  # train | val | test; "" = by folds


@dataclass(frozen=True)
class Cohort:
    """Slides that can be used, and those that cannot with the reason."""

    slides: tuple[CohortSlide, ...]
    left_out: tuple[tuple[str, str], ...] = ()  # name of the slide, why


def read_cohort(table: Path, question: Question | None = None, opens: bool = True) -> Cohort:
    """Read ``slide[,patient][,label | time,event][,mpp][,split]``; paths are from the table.

    opens: whether the slides themselves will be read, and must be there. With a question, slides
    without its answer are left out, with the reason. Raises DataError for a table that cannot be
    read, values that cannot be, and patients that contradict themselves or lie in two splits.
    """
    needed = {"survival": ("time", "event")}.get(question or "", ("label",) if question else ())
    rows = read_table(table, ("slide", *needed))
    slides, left_out, problems = [], [], []
    patients = Groups()
    for number, row in enumerate(rows, start=2):
        try:
            slide = _slide(table, row, patients)
        except ValueError as error:
            problems.append(f"line {number}: {error}")
            continue
        missing = _missing(slide, question)
        if opens and not slide.path.is_file():
            left_out.append((row["slide"], f"there is no file {slide.path}"))
        elif missing:
            left_out.append((row["slide"], missing))
        else:
            slides.append(slide)
    problems += _contradictions(slides)
    labels = {slide.label: slide.path.name for slide in reversed(slides) if slide.label}
    problems += class_problems(labels) if question in ("classes", "grades") else []
    if problems:
        raise DataError(f"{table}: {listed(problems)}; correct the table.")
    if not slides:
        raise DataError(f"{table} has no slide that can be used: {listed_reasons(left_out)}.")
    return Cohort(tuple(slides), tuple(left_out))


def read_folder(folder: Path) -> Cohort:
    """The slides and images in a folder; those in folders of it have their names as labels.

    Each is a patient of its own. A manifest.csv (``path[,label][,group]``) says it instead, its
    groups as patients. Raises DataError where there is none.
    """
    if (folder / MANIFEST).is_file():
        rows = read_table(folder / MANIFEST, ("path",))
        patients = Groups()
        named = [
            (row["path"], composed(row.get("label", "")), patients.of(row.get("group", "")))
            for row in rows
        ]
        return Cohort(
            tuple(CohortSlide(folder / p, group or p, label) for p, label, group in named)
        )
    try:
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({error.strerror}); check it.") from error
    if not files:
        raise DataError(
            f"There is no slide or image in {folder}; give the folder that holds them, or a table "
            "with a column slide."
        )
    labels = ["" if path.parent == folder else path.parent.name for path in files]
    pairs = zip(files, labels, strict=True)
    return Cohort(
        tuple(CohortSlide(p, p.relative_to(folder).as_posix(), label) for p, label in pairs)
    )


def _slide(table: Path, row: dict[str, str], patients: Groups) -> CohortSlide:
    """Raises ValueError, which says what is wrong with the row."""
    if not row["slide"]:
        raise ValueError("the column slide is empty")
    split = row.get("split", "").lower()
    if split not in ("", *SPLITS):
        raise ValueError(f"the split '{split}' is none of {', '.join(SPLITS)}")
    path = table.parent / row["slide"]
    time, mpp = _number(row, "time"), _number(row, "mpp")
    if time is not None and time < 0:
        raise ValueError(f"the time {time:g} is before the start")
    if mpp is not None and mpp <= 0:
        raise ValueError(f"mpp is {mpp:g}, not above 0")
    patient = patients.of(row.get("patient", "")) or path.name
    label = composed(group_of(row.get("label", "")))
    return CohortSlide(path, patient, label, time, _event(row), mpp, split)


def _number(row: dict[str, str], column: str) -> float | None:
    text = group_of(row.get(column, ""))
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{column} '{text}' is no number; write it with a point, such as 12.5")
    return value


def _event(row: dict[str, str]) -> bool | None:
    text = group_of(row.get("event", "")).lower()
    if not text:
        return None
    plain = text.removesuffix(".0")
    if plain not in YES | NO:
        raise ValueError(f"the event '{text}' is neither 1 (happened) nor 0 (censored)")
    return plain in YES


def _missing(slide: CohortSlide, question: Question | None) -> str:
    if question == "survival" and (slide.time is None or slide.event is None):
        return "no time or no event"
    return "no label" if question in ("classes", "grades") and not slide.label else ""


def _contradictions(slides: list[CohortSlide]) -> list[str]:
    """A problem for each slide that is listed twice, and each patient with two answers."""
    problems, by_patient, paths = [], defaultdict(set), set()
    for slide in slides:
        same = slide.path.resolve()
        if same in paths:
            problems.append(f"{slide.path.name} is listed twice")
        paths.add(same)
        by_patient[slide.patient].add((slide.label, slide.time, slide.event, slide.split))
    for patient, answers in by_patient.items():
        if len(answers) > 1:
            differs = [len({a[at] for a in answers}) > 1 for at in range(4)]
            names = itertools.compress(("label", "time", "event", "split"), differs)
            problems.append(f"patient {patient} has more than one {' and '.join(names)}")
    return problems


def listed(sentences: list[str]) -> str:
    """The first few, and how many more."""
    more = len(sentences) - MOST_LISTED
    tail = f"; and {more} more" if more > 0 else ""
    return "; ".join(sentences[:MOST_LISTED]) + tail


def tell_left_out(cohort: Cohort) -> None:
    """A line for each slide that is not used."""
    for name, why in cohort.left_out:
        console.print(f"Left out: {name}: {why}.")


def listed_reasons(left_out: list[tuple[str, str]]) -> str:
    return listed([f"{name}: {why}" for name, why in left_out])
