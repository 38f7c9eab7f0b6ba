"""A request of the command line, and the ROIs and classes that it names."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

from ssmamba.checkpoints.agreement import class_named
from ssmamba.checkpoints.card import Card
from ssmamba.errors import InputError, RoiError, did_you_mean
from ssmamba.reading.values import Mode
from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import Slide


@dataclass(frozen=True)
class Request:
    """The command line's request."""

    inputs: tuple[str, ...]
    models: tuple[str, ...]
    out: Path
    rois: Path | None = None  # GeoJSON, or XML of ASAP or ImageScope
    no_bounds_offset: bool = False  # regions are counted from the corner of the whole slide
    tissue: bool = False  # every piece of tissue is a region
    cam: str | None = None  # a name of METHODS
    target: str | None = None  # class key or readable name; None = the predicted one
    stage: int | None = None  # of the CAM, 1..4; None = each model's own
    mode: Mode = "auto"
    mpp: float | None = None  # µm per level-0 pixel
    field_px: float | None = None  # side of a window, level-0 pixels
    device: str = "auto"


def bounds_offset(slide: Slide, request: Request) -> tuple[int, int]:
    """Where region files have their origin, level-0 pixels."""
    return (0, 0) if request.no_bounds_offset else slide.info.bounds_offset


def regions_of(slide: Slide, request: Request) -> list[Roi]:
    """The ROIs of a request on one slide; what is odd in their file is printed.

    Raises RoiError if there are none.
    """
    if request.rois is not None:
        from ssmamba.rois.reading import read_regions

        found = read_regions(request.rois, bounds_offset(slide, request))
        for note in found.notes:
            print(f"{request.rois}: {note}", file=sys.stderr)
        areas = [roi for roi in found.rois if roi.has_area]
        if not areas:
            raise RoiError(f"{request.rois} has no region with an area; draw one and export again.")
        return [roi if roi.name else replace(roi, name=f"region {i}")
                for i, roi in enumerate(areas, start=1)]  # fmt: skip
    if is_tissue(slide, request):
        from ssmamba.reading.tissue_rois import tissue_rois

        return tissue_rois(slide)
    from ssmamba.reading.plan import whole_image_roi

    return [whole_image_roi(slide)]


def is_tissue(slide: Slide, request: Request) -> bool:
    """Whether to read tissue: a plain image is read whole unless asked otherwise, a slide never."""
    plain = slide.info.vendor == "image"
    return request.rois is None and (request.tissue or not plain)


def target_key(card: Card, target: str | None, path: str) -> str | None:
    """The class key for the user's text: a key or a readable name, however it is written."""
    if target is None:
        return None
    info = class_named(target, card.classes)
    if info is not None:
        return info.key
    keys = [c.key for c in card.classes]
    raise InputError(
        f"{path} has no class '{target}'{did_you_mean(target, keys)}; choose one of its classes."
    )
