"""Which slides there are, whose they are, and the annotations beside them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ssmamba.errors import DataError
from ssmamba.files import short_name
from ssmamba.names import folded
from ssmamba.rois.region_file import ENDINGS
from ssmamba.slides.picture import SANE_MPP, sane_mpp
from training.data.catalog import SPLITS, report
from training.data.names import Groups
from training.data.tables import read_table
from training.prepare.config import PrepareConfig

SLIDE_ENDINGS = (".svs", ".tif", ".tiff", ".ndpi", ".mrxs", ".scn", ".vms", ".vmu", ".bif",
                 ".svslide", ".czi")  # fmt: skip
# slides only where annotations lie beside them: other files of these kinds are common
OTHER_ENDINGS = (".dcm", ".png", ".jpg", ".jpeg", ".bmp", ".webp")
COLUMNS = ("patient", "mpp", "split", "annotations")  # of the table, besides slide


@dataclass(frozen=True)
class Listed:
    """A slide of the cohort."""

    path: Path
    name: str  # short, and of no other slide
    patient: str = ""  # "" = not known
    mpp: float | None = None  # as the user gives it; None = as the file says
    split: str = ""
    annotations: Path | None = None
    why_not: str = ""  # why it cannot be used; goes on from its name


@dataclass(frozen=True)
class Cohort:
    slides: tuple[Listed, ...]
    notes: tuple[str, ...]


def read_cohort(config: PrepareConfig) -> Cohort:
    """The slides of --source, a folder or a CSV. Raises DataError that lists all problems."""
    source = config.folder
    listed = _from_table(source) if source.is_file() else _from_folder(source, config)
    if not listed:
        raise DataError(
            f"There are no slides in {source}; give a folder of slides, or a CSV with a column "
            "slide."
        )
    places = [source.parent] if source.is_file() else []
    places = [config.annotations] if config.annotations is not None else places
    names = short_names([slide.path for slide in listed])
    slides = [
        _with_annotations(replace(slide, name=name), places)
        for slide, name in zip(listed, names, strict=True)
    ]
    used = {slide.annotations for slide in slides}
    folders = {slide.path.parent for slide in listed} | set(places)
    alone = sorted(
        path.name
        for folder in folders
        if folder.is_dir()
        for path in folder.iterdir()
        if path not in used and _is_annotation(path) and not _belongs(path, slides)
    )
    notes = []
    if alone:
        more = ", …" if len(alone) > 3 else ""
        notes.append(
            f"{len(alone)} annotation files have no slide beside them: "
            f"{', '.join(alone[:3])}{more}. Their names must be those of the slides."
        )
    return Cohort(tuple(slides), tuple(notes))


def _from_folder(source: Path, config: PrepareConfig) -> list[Listed]:
    found = [
        path
        for path in sorted(source.rglob("*"))
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(source).parts)
    ]
    places = [config.annotations] if config.annotations is not None else []
    slides = [
        path
        for path in found
        if path.suffix.lower() in SLIDE_ENDINGS
        or (path.suffix.lower() in OTHER_ENDINGS and annotations_of(path, places))
    ]
    return [Listed(path, path.stem, _patient(path, source, config)) for path in slides]


def _patient(path: Path, source: Path, config: PrepareConfig) -> str:
    if not config.group_pattern:
        return ""
    try:
        match = re.search(config.group_pattern, path.relative_to(source).as_posix())
    except re.error as error:
        raise DataError(
            f"--group-pattern {config.group_pattern} is not a regular expression ({error}); "
            "try one such as '(TCGA-..-....)'."
        ) from error
    return "" if match is None else match[match.re.groups and 1]


def _from_table(table: Path) -> list[Listed]:
    rows = read_table(table, ("slide",))
    columns = {name.lower(): name for name in rows[0]}
    problems, listed = [], []
    patients = Groups()
    for line, row in enumerate(rows, start=2):
        values = {name: row[columns[name]] for name in COLUMNS if name in columns}
        split, mpp = folded(values.get("split", "")), values.get("mpp", "")
        scale = _scale(mpp)
        if not row["slide"]:
            problems.append(f"line {line}: there is no slide")
        if mpp and scale is None:
            problems.append(
                f"line {line}: mpp '{mpp}' is not between {SANE_MPP[0]:g} and {SANE_MPP[1]:g} µm/px"
            )
        if split and split not in SPLITS:
            problems.append(f"line {line}: unknown split '{split}' (known: {', '.join(SPLITS)})")
        path = table.parent / row["slide"].replace("\\", "/")
        given = values.get("annotations", "").replace("\\", "/")
        listed.append(
            Listed(
                path, path.stem, patients.of(values.get("patient", "")), scale, split,
                table.parent / given if given else None,
            )
        )  # fmt: skip
    problems += _twice(listed)
    if any(s.split for s in listed) and not all(s.split for s in listed):
        problems.append("some slides have a split and others have none; give all of them one")
    if problems:
        raise report(table, [problems])
    return listed


def _scale(text: str) -> float | None:
    try:
        return sane_mpp(float(text.replace(",", "."))) if text else None
    except ValueError:
        return None


def _twice(listed: Sequence[Listed]) -> list[str]:
    counts = Counter(slide.path.resolve() for slide in listed)
    return [f"{path} is listed {count} times" for path, count in counts.items() if count > 1]


def short_names(paths: Sequence[Path]) -> list[str]:
    """A name for each slide: its own without ending, with its folders' where others share it."""
    parts = [tuple(file_name(part) for part in (*path.parts[:-1], path.stem)) for path in paths]
    lengths = [1] * len(paths)
    while True:
        names = [short_name("-".join(p[-n:])) for p, n in zip(parts, lengths, strict=True)]
        counts = Counter(folded(name) for name in names)
        longer = [
            i
            for i, name in enumerate(names)
            if counts[folded(name)] > 1 and lengths[i] < len(parts[i])
        ]
        if not longer:
            return _numbered(names)
        for index in longer:
            lengths[index] += 1


def file_name(text: str) -> str:
    """Text as part of a file's name."""
    return re.sub(r"[^\w .+-]", "_", text).replace("..", "_").strip() or "_"


def _numbered(names: list[str]) -> list[str]:
    """Names that are still shared (a.svs and a.tif in one folder) get a number."""
    seen: Counter[str] = Counter()
    out = []
    for name in names:
        seen[folded(name)] += 1
        count = seen[folded(name)]
        out.append(name if count == 1 else f"{name}-{count}")
    return out


def annotations_of(slide: Path, places: Sequence[Path]) -> list[Path]:
    """Annotation files that bear a slide's name, with or without its ending."""
    folders = places or [slide.parent]
    names = dict.fromkeys(
        f"{base}{ending}" for base in (slide.stem, slide.name) for ending in ENDINGS
    )
    return [folder / name for folder in folders for name in names if (folder / name).is_file()]


def _with_annotations(slide: Listed, places: Sequence[Path]) -> Listed:
    if slide.annotations is not None:
        missing = not slide.annotations.is_file()
        why = f"has no annotations: there is no file {slide.annotations}" if missing else ""
        return replace(slide, why_not=why)
    found = annotations_of(slide.path, [*places, slide.path.parent] if places else [])
    found = list(dict.fromkeys(path.resolve() for path in found))
    if len(found) == 1:
        return replace(slide, annotations=found[0])
    if found:
        names = " and ".join(path.name for path in found)
        return replace(slide, why_not=f"has several annotation files ({names}); keep one of them")
    return replace(slide, why_not=f"has no annotations: no {slide.path.stem}.geojson or .xml")


def _is_annotation(path: Path) -> bool:
    name = path.name.lower()
    other = name.startswith(".") or name.endswith(".json")  # .json is any program's
    return name.endswith(ENDINGS) and not other and path.is_file()


def _belongs(path: Path, slides: Sequence[Listed]) -> bool:
    """Whether an annotation file bears the name of a slide that uses another one, or none."""
    base = path.name
    for ending in sorted(ENDINGS, key=len, reverse=True):
        if base.lower().endswith(ending):
            base = base[: -len(ending)]
            break
    return any(base in (slide.path.stem, slide.path.name) for slide in slides)
