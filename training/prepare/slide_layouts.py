"""Published layouts of the data sets of slides with annotations.

CAMELYON16: training/{normal,tumor}/*.tif, testing/images/test_NNN.tif, and ASAP XML files of the
slides with metastases (lesion_annotations.zip, unpacked), each named like its slide. The newer
layout, images/ and annotations/, has the same names. Group _2 is cut out of groups _0 and _1.
PAIP2019: a folder for each case (Training_phase_1_001/) with 01_01_0083.svs, its XML, and the
masks 01_01_0083_viable.tif and 01_01_0083_whole.tif at level 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from training.prepare.masks import read_mask
from training.prepare.truth import polygon_share, read_lesions

CAMELYON_NAME = re.compile(r"(normal|tumor|test)_\d+")
CAMELYON = ("metastasis", "no_metastasis")
PAIP = ("viable_tumor", "non_tumor")
NO_SLIDES = {"background_tissue", "evaluation", "__MACOSX"}  # pixel masks named like slides
MASK_ENDINGS = ("_viable", "_whole")

Judge = Callable[[float, float, float], str]  # (x, y, side) level-0 px -> class key, "" = neither


@dataclass(frozen=True)
class SlideCase:
    """One slide and the judge of the classes of its squares."""

    slide: Path
    group: str
    split: str  # as published; "" = not asked for, or none
    # reads the truth for a slide of (width, height) level-0 px; raises DataError
    open_judge: Callable[[tuple[int, int]], Judge]


@dataclass(frozen=True)
class GatheredSlides:
    cases: tuple[SlideCase, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def camelyon16(source: Path, published_split: bool, lesion: float) -> GatheredSlides:
    """Squares of slides without metastasis are negative, squares with at least ``lesion`` of
    metastasis positive. Other squares of tumour slides are left out: some slides are not
    annotated exhaustively. The slide is the group; patients are not published."""
    slides = [p for p in _files(source, ".tif") if CAMELYON_NAME.fullmatch(p.stem.lower())]
    xml = {p.stem.lower(): p for p in _files(source, ".xml")}
    problems = [] if slides else [f"no slides (normal_001.tif, tumor_001.tif, …) below {source}"]
    cases = []
    any_test_xml = any(name.startswith("test") for name in xml)
    for slide in slides:
        name = slide.stem.lower()
        truth = xml.get(name)
        if name.startswith("tumor") and truth is None:
            problems.append(f"{slide.name}: no {slide.stem}.xml; unpack lesion_annotations.zip")
        elif name.startswith("test") and not any_test_xml:
            problems.append(f"{slide.name}: no XML of any test slide; unpack the ones for testing/")
        elif name.startswith("normal") and truth is not None:
            problems.append(
                f"{slide.name}: a normal slide that comes with {truth.name}; remove one of them"
            )
        else:
            split = "test" if published_split and name.startswith("test") else ""
            judge = partial(_camelyon_judge, truth, lesion)
            cases.append(SlideCase(slide, slide.stem, split, judge))
    problems += _twice(slides)
    notes = [
        "Test slides without an XML count as free of metastasis, as published.",
        "Squares of tumour slides without enough lesion are left out, so every negative region "
        "comes from a slide without metastasis: the audit shows what slides alone predict.",
    ]
    return GatheredSlides(tuple(cases), tuple(problems), tuple(notes))


def paip2019(source: Path, published_split: bool, lesion: float) -> GatheredSlides:
    """Squares with at least ``lesion`` of viable tumour are positive, those entirely outside the
    whole tumour area negative. One slide per patient, so the slide is the group."""
    masks = {p.stem.lower(): p for ending in (".tif", ".tiff") for p in _files(source, ending)}
    packed = {p.stem.lower() for p in _files(source, ".zip")}
    slides = _files(source, ".svs")
    problems = [] if slides else [f"no .svs slides below {source}"]
    cases, without = [], []
    for slide in slides:
        names = [slide.stem.lower() + ending for ending in MASK_ENDINGS]
        missing = [name for name in names if name not in masks]
        if not missing:
            judge = partial(_paip_judge, masks[names[0]], masks[names[1]], lesion)
            cases.append(SlideCase(slide, slide.stem, "", judge))
        elif len(missing) == len(names) and not packed.intersection(names):
            without.append(slide.name)
        else:
            hint = "; unpack its zip" if packed.intersection(missing) else ""
            problems.append(f"{slide.name}: no mask {', '.join(missing)}{hint}")
    if slides and not cases and not problems:
        problems.append(f"no masks (NAME_viable.tif, NAME_whole.tif) of any slide below {source}")
    problems += _twice(slides)
    notes = [f"{len(without)} slides have no masks and were left out."] if without else []
    return GatheredSlides(tuple(cases), tuple(problems), tuple(notes))


def _camelyon_judge(truth: Path | None, lesion: float, size: tuple[int, int]) -> Judge:
    positive, negative = CAMELYON
    if truth is None:
        return lambda x, y, side: negative
    share = polygon_share(read_lesions(truth))
    return lambda x, y, side: positive if share(x, y, side) >= lesion else ""


def _paip_judge(viable: Path, whole: Path, lesion: float, size: tuple[int, int]) -> Judge:
    inside, around = read_mask(viable, size), read_mask(whole, size)
    positive, negative = PAIP

    def judge(x: float, y: float, side: float) -> str:
        if inside.share(x, y, side) >= lesion:
            return positive
        return negative if around.share(x, y, side) == 0 else ""

    return judge


def _files(source: Path, ending: str) -> list[Path]:
    return sorted(
        p
        for p in source.rglob("*")
        if p.suffix.lower() == ending
        and not p.name.startswith(".")
        and NO_SLIDES.isdisjoint(p.relative_to(source).parts)
    )


def _twice(slides: list[Path]) -> list[str]:
    names = [slide.stem.lower() for slide in slides]
    return [f"{slide}: two slides have this name" for slide in slides
            if names.count(slide.stem.lower()) > 1]  # fmt: skip
