"""Preparation of a data set in steps: gathered, checked, grouped, split and written."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from pathlib import Path

from ssmamba.errors import DataError, InputError
from ssmamba.files import write_text
from ssmamba.lock import LOCK_FILE, locked_folder, refuse_locked
from training.data.describe import count_table
from training.loop.progress import Progress, console
from training.prepare import plain
from training.prepare.annotated.cohort import read_cohort
from training.prepare.annotated.patches import annotated_slides
from training.prepare.annotated.rules import rules_of
from training.prepare.checked import check, settings
from training.prepare.config import PrepareConfig
from training.prepare.gather import Found, Gathered
from training.prepare.generated import chosen_seeds, draw_images
from training.prepare.regions import Cut, common_scale, cut_slide
from training.prepare.registry import (
    ANNOTATED,
    GENERATED,
    IMAGE_SETS,
    SLIDE_SETS,
    WITH_PUBLISHED_SPLIT,
    SlideDefaults,
    find_name,
)
from training.prepare.write import REPORT, SHEET, Prepared, place_images, write_tables

SETTINGS, RECORDS = "settings.json", "slides"  # in the work folder only


def prepare(config: PrepareConfig) -> Prepared:
    """Read, check, group, split and write. Raises DataError that lists all problems.

    Everything is made in a folder beside --out, which is renamed to --out when it is complete.
    """
    name = find_name(config.dataset)
    _check_folders(name, config)
    work = config.out.parent / f".{config.out.name}.partial"
    with ExitStack() as held:
        data = check(name, config, _gather(name, config, work, held))
        if name not in SLIDE_SETS and name not in (GENERATED, ANNOTATED):
            _claim(name, config, work, held)
        place_images(data.images, work, config.files == "link")
        write_tables(data, work)
    if config.out.exists():
        config.out.rmdir()  # empty: checked at the start
    work.rename(config.out)
    for name_in_work in (SETTINGS, LOCK_FILE):
        (config.out / name_in_work).unlink(missing_ok=True)
    shutil.rmtree(config.out / RECORDS, ignore_errors=True)
    _tell(data, config.out)
    return data


def _check_folders(name: str, config: PrepareConfig) -> None:
    if name == GENERATED:
        if config.source is not None:
            raise DataError("generated draws its images itself; omit --source.")
    elif name == ANNOTATED and not config.folder.exists():
        raise DataError(f"There is no folder or table {config.folder}; check --source.")
    elif name != ANNOTATED and not config.folder.is_dir():
        raise DataError(f"There is no folder {config.folder}; check --source.")
    elif config.folder.resolve() in config.out.resolve().parents:
        raise DataError(
            f"{config.out} lies in --source, where it would be read as data; choose an --out "
            "outside of it."
        )
    if config.out.exists() and (config.out.is_file() or any(config.out.iterdir())):
        raise DataError(f"{config.out} already exists; choose another --out, or remove it.")


def _gather(name: str, config: PrepareConfig, work: Path, held: ExitStack) -> Gathered:
    if config.split == "published" and name not in WITH_PUBLISHED_SPLIT:
        raise DataError(f"'{name}' has no published split; omit --split published.")
    if name == GENERATED:
        seeds = chosen_seeds(config)
        _claim(name, config, work, held)
        return draw_images(seeds, work)
    if name == ANNOTATED:
        cohort = read_cohort(config)
        rules_of(config)  # refuses before a folder is made
        _claim(name, config, work, held)
        return annotated_slides(config, cohort, work)
    if name in SLIDE_SETS:
        return _cut_slides(name, config, SLIDE_SETS[name], work, held)
    if name in IMAGE_SETS:
        return IMAGE_SETS[name](config.folder, config.split == "published")
    return plain.from_table(config) if name == "csv" else plain.from_folders(config)


def _cut_slides(
    name: str, config: PrepareConfig, defaults: SlideDefaults, work: Path, held: ExitStack
) -> Gathered:
    """Cut the regions of all slides into ``work``, unless the layout has problems."""
    lesion = config.lesion or defaults.lesion
    slides = defaults.read(config.folder, config.split == "published", lesion)
    if slides.problems:
        return Gathered((), slides.problems, slides.notes)
    _claim(name, config, work, held)
    px, most = config.roi_px or defaults.px, config.per_slide or defaults.per_slide
    cut = Cut(px, config.mpp, most, config.tissue, config.split_seed)
    images: list[Found] = []
    problems, notes, finished = [], list(slides.notes), []
    with Progress("Cutting slides", len(slides.cases)) as progress:
        for number, case in enumerate(slides.cases, start=1):
            try:
                done = cut_slide(case, cut, work)
            except InputError as error:
                problems.append(str(error))
                continue
            finished.append(done)
            images += done.regions
            notes += [done.note] if done.note else []
            progress.update(number)
    ordered = tuple(sorted(images, key=lambda found: found.name))
    mpp, why = common_scale(finished)
    notes += [why] if why else []
    return Gathered(ordered, tuple(problems), tuple(notes), mpp)


def _claim(name: str, config: PrepareConfig, work: Path, held: ExitStack) -> None:
    """Make the work folder, or continue in that of a stopped preparation.

    It belongs to this process as long as ``held`` is open.
    """
    refuse_locked(work)
    file, now = work / SETTINGS, json.dumps(settings(name, config), default=str)
    if work.exists() and not config.resume:
        raise DataError(
            f"{work} contains a preparation that was stopped; give --resume to continue it, or "
            "remove it."
        )
    held.enter_context(locked_folder(work))
    if file.is_file() and file.read_text(encoding="utf-8") != now:
        raise DataError(
            f"{work} was started with different flags; give the same ones, or remove the folder."
        )
    write_text(file, now)


def _tell(data: Prepared, out: Path) -> None:
    console.print(count_table(data.info, data.counts()))
    groups = {i.group for i in data.images if i.group}
    many = "1 group" if len(groups) == 1 else f"{len(groups)} groups"
    console.print(f"{many}." if groups else "No groups are known.")
    for line in data.differences:
        console.print(f"Differs from the published data: {line}")
    for note in data.notes:
        console.print(note)
    console.print(f"Wrote {out} (read {out / REPORT} and look at {out / SHEET})")
