"""Patches of slides with annotations: every slide is surveyed, windows are chosen, then cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from ssmamba.errors import DataError, InputError, did_you_mean
from ssmamba.files import write_text
from ssmamba.names import folded
from ssmamba.rois.reading import read_regions
from ssmamba.slides.slide import Slide
from training.data.describe import OWN_FILE, plain_classes
from training.loop.progress import Progress
from training.prepare.annotated.choose import Caps, choose_windows
from training.prepare.annotated.cohort import Cohort, Listed, file_name
from training.prepare.annotated.maps import RGB, draw_map
from training.prepare.annotated.outcome import Outcome, Taken, surveys_of
from training.prepare.annotated.rules import Rules, rules_of
from training.prepare.annotated.split import split_groups
from training.prepare.annotated.survey import Survey, survey_slide
from training.prepare.annotated.told import MAPS, TABLE, description, missing, notes_on, write_table
from training.prepare.config import PrepareConfig
from training.prepare.gather import Found, Gathered
from training.prepare.regions import WRITERS, write_patch
from training.prepare.write import IMAGES

RECORDS = "slides"  # folder of what was found, in the work folder only
LEAST_GROUPS = 3  # of a class, for a split
NAMED_AT_MOST = 20  # slides in a message


def annotated_slides(config: PrepareConfig, cohort: Cohort, work: Path) -> Gathered:
    """Cut the patches of a cohort below ``work``, with a table and a map of each slide.

    A slide that cannot be used costs itself alone and is named. Raises DataError where none is
    left, or a class is asked for that no slide has.
    """
    rules = rules_of(config)
    outcomes = _surveyed(cohort, rules, work)
    spelled = _one_spelling(outcomes)
    _refuse_unknown(outcomes, rules, config)
    caps = Caps(config.per_slide, config.per_class, config.balance, config.split_seed)
    _choose(outcomes, spelled, caps)
    colors = _colors(outcomes, spelled)
    images = _cut(outcomes, rules, config, colors, work)
    images, problems = _split(images, config)
    if problems:  # a class may be rare because slides are missing
        problems += missing(outcomes)
    write_table(outcomes, list(colors), work / TABLE)
    write_text(work / OWN_FILE, description(colors, rules))
    notes = [*cohort.notes, *notes_on(outcomes, spelled)]
    found = tuple(sorted(images, key=lambda image: image.name))
    return Gathered(found, tuple(problems), tuple(notes), rules.mpp, work / OWN_FILE)


def _surveyed(cohort: Cohort, rules: Rules, work: Path) -> list[Outcome]:
    outcomes = [Outcome(listed, why_not=listed.why_not) for listed in cohort.slides]
    with Progress("Looking at slides", len(outcomes)) as progress:
        for number, outcome in enumerate(outcomes, start=1):
            if not outcome.why_not:
                try:
                    record = work / RECORDS / f"{outcome.listed.name}.json"
                    outcome.survey = survey_slide(outcome.listed, rules, record)
                    outcome.why_not = outcome.survey.why_not
                except InputError as error:
                    outcome.why_not = _failed(error)
            progress.update(number)
    return outcomes


def _failed(error: InputError) -> str:
    return f"cannot be used: {error}"


def _one_spelling(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """{folded class: the way in which most slides write it}."""
    ways: dict[str, Counter[str]] = {}
    for survey in surveys_of(outcomes):
        for name in survey.classes:
            ways.setdefault(folded(name), Counter())[name] += 1
    return {key: max(sorted(counts), key=lambda n: counts[n]) for key, counts in ways.items()}


def _refuse_unknown(outcomes: Sequence[Outcome], rules: Rules, config: PrepareConfig) -> None:
    surveys = surveys_of(outcomes)
    if not any(survey.windows for survey in surveys):
        lines = "".join(f"\n  {o.listed.path.name} {o.why_not}" for o in outcomes[:NAMED_AT_MOST])
        rest = len(outcomes) - NAMED_AT_MOST
        more = f"\n  and {rest} more" if rest > 0 else ""
        raise DataError(f"No slide of {config.source} gives a patch:{lines}{more}")
    annotated = {folded(name) for survey in surveys for name in survey.annotated}
    missing = [name for name in rules.asked if folded(name) not in annotated]
    if missing:
        names = sorted({name for survey in surveys for name in survey.annotated})
        raise DataError(
            f"--classes: no annotation has the class '{missing[0]}'"
            f"{did_you_mean(missing[0], names)}."
        )


def _choose(outcomes: Sequence[Outcome], spelled: Mapping[str, str], caps: Caps) -> None:
    offered = {}
    for outcome in outcomes:
        if outcome.survey is not None and not outcome.why_not:
            names = [spelled[folded(name)] for name in outcome.survey.classes]
            offered[outcome.listed.name] = [names[row[2]] for row in outcome.survey.windows]
    chosen = choose_windows(offered, caps)
    for outcome in outcomes:
        name = outcome.listed.name
        if outcome.survey is not None and name in chosen:
            rows = outcome.survey.windows
            outcome.taken = tuple(
                Taken(rows[i][0], rows[i][1], offered[name][i], rows[i][3]) for i in chosen[name]
            )


def _colors(outcomes: Sequence[Outcome], spelled: Mapping[str, str]) -> dict[str, RGB]:
    """A colour for each class: as drawn on most slides, else one of a wheel."""
    drawn: dict[str, Counter[RGB]] = {}
    for survey in surveys_of(outcomes):
        for key, (red, green, blue) in survey.colors.items():
            drawn.setdefault(key, Counter())[red, green, blue] += 1
    names = sorted({taken.label for outcome in outcomes for taken in outcome.taken})
    colors: dict[str, RGB] = {}
    for plain in plain_classes(tuple(names)):
        own = drawn.get(folded(plain.key))
        color = own.most_common(1)[0][0] if own else plain.color
        colors[plain.key] = plain.color if color in colors.values() else color
    return colors


def _cut(
    outcomes: Sequence[Outcome],
    rules: Rules,
    config: PrepareConfig,
    colors: Mapping[str, RGB],
    work: Path,
) -> list[Found]:
    images: list[Found] = []
    with Progress("Cutting patches", len(outcomes)) as progress:
        for number, outcome in enumerate(outcomes, start=1):
            if outcome.survey is not None and not outcome.why_not:
                try:
                    images += _cut_slide(outcome, outcome.survey, rules, config, colors, work)
                except InputError as error:
                    outcome.fail(_failed(error))
            progress.update(number)
    _remove_others(images, work / IMAGES)
    return images


def _remove_others(images: Sequence[Found], folder: Path) -> None:
    """Remove patches that an earlier, stopped run wrote and that are no longer chosen."""
    chosen = {image.file for image in images}
    for path in folder.rglob("*"):
        if path.is_file() and path not in chosen:
            path.unlink()


def _cut_slide(
    outcome: Outcome,
    survey: Survey,
    rules: Rules,
    config: PrepareConfig,
    colors: Mapping[str, RGB],
    work: Path,
) -> list[Found]:
    listed = outcome.listed
    with Slide.open(listed.path) as slide:
        write = partial(_write, slide, survey, rules.px, listed.name, work)
        with ThreadPoolExecutor(WRITERS) as pool:
            names = list(pool.map(write, outcome.taken))
        assert listed.annotations is not None  # else there is no survey
        rois = read_regions(listed.annotations, slide.info.bounds_offset).rois
        picture = work / MAPS / f"{listed.name}.jpg"
        draw_map(slide, survey.side, outcome.taken, rois, colors, picture)
    return [
        Found(work / IMAGES / name, t.label, name, _group(t, listed, config), listed.split)
        for name, t in zip(names, outcome.taken, strict=True)
    ]


def _write(slide: Slide, survey: Survey, px: int, name: str, work: Path, window: Taken) -> str:
    stem = f"{file_name(window.label)}/{name}_{window.x}_{window.y}_{px}"
    square = (window.x, window.y, survey.side)
    return write_patch(slide, square, px, work / IMAGES, stem, keep=survey.remembered)


def _group(window: Taken, listed: Listed, config: PrepareConfig) -> str:
    if config.group_by == "region":
        return f"{listed.name}/{window.region}"
    return (listed.patient if config.group_by == "patient" else "") or listed.name


def _split(images: list[Found], config: PrepareConfig) -> tuple[list[Found], list[str]]:
    """The images with their splits, and problems of classes that cannot be split."""
    if all(image.split for image in images):
        return images, []
    counts: dict[str, Counter[str]] = {}
    for image in images:
        counts.setdefault(image.group, Counter())[image.label] += 1
    what, region = config.group_by, ""
    if what != "region":
        region = ", or give --group-by region, whose test is not one of new patients"
    problems = [
        f"'{name}' comes from {'one ' + what if many == 1 else f'{many} {what}s'}, and a split "
        f"needs {LEAST_GROUPS}; annotate it on more, leave it out with --classes{region}"
        for name in sorted({image.label for image in images})
        if (many := sum(name in group for group in counts.values())) < LEAST_GROUPS
    ]
    if problems:
        return images, problems
    sides = split_groups(counts, config.split_seed)
    return [replace(image, split=sides[image.group]) for image in images], []
