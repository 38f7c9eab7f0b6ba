"""Regions as QuPath's GeoJSON, alone or with their answers."""

from __future__ import annotations

from pathlib import Path

from ssmamba.headless.answers import Answer, with_answers
from ssmamba.rois.geojson import write_rois
from viewer.exporting.facts import Facts, RegionAnswer


def write_regions(path: Path | str, facts: Facts, *, answers: bool = True) -> None:
    """Write the regions; ``answers`` go along as ``ssmamba.predict`` writes them.

    Outdated answers belong to another outline and stay out. Raises RoiError.
    """
    rois = [region.roi for region in facts.regions]
    if answers:
        rois = [
            with_answers(region.roi, current) if (current := _current(region.answers)) else roi
            for roi, region in zip(rois, facts.regions, strict=True)
        ]
    write_rois(path, rois, facts.info.bounds_offset)


def _current(answers: tuple[RegionAnswer, ...]) -> list[Answer]:
    return [answer.answer for answer in answers if not answer.outdated]
