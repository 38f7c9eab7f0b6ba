"""The data sets that training.prepare knows, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from ssmamba.errors import DataError, did_you_mean
from training.prepare import image_layouts, slide_layouts
from training.prepare.gather import Gathered
from training.prepare.slide_layouts import GatheredSlides

ALIASES = {
    "lac": "lc25000",
    "nct-crc-he-100k": "nct",
    "cam16": "camelyon16",
    "paip": "paip2019",
}


@dataclass(frozen=True)
class SlideDefaults:
    """Cutting of a slide data set where no flag is given."""

    read: Callable[[Path, bool, float], GatheredSlides]
    px: int  # side of a region (SSMamba, Table 3)
    per_slide: int  # of each class; gives about the paper's count (50 slides with masks; 399)
    lesion: float  # least share of tumour in a positive region


IMAGE_SETS: dict[str, Callable[[Path, bool], Gathered]] = {
    "lc25000": partial(image_layouts.ungrouped, keys=image_layouts.LC25000),
    "nct": image_layouts.nct,
    "pbc": partial(
        image_layouts.ungrouped,
        keys=image_layouts.PBC,
        note="No patient numbers are published: only a random split is possible.",
    ),
    "prcc": image_layouts.prcc,
    "sipakmed": partial(image_layouts.sipakmed, cells=False),
    "sipakmed_cells": partial(image_layouts.sipakmed, cells=True),
    "mhist": image_layouts.mhist,
}
# The paper does not say how its regions were chosen; these settings are ours.
SLIDE_SETS = {
    "paip2019": SlideDefaults(slide_layouts.paip2019, 384, 22, 0.75),
    "camelyon16": SlideDefaults(slide_layouts.camelyon16, 8000, 4, 0.005),
}
GENERATED = "generated"  # drawn by ssmamba.generated
OWN_SETS = ("folder", "csv")
ANNOTATED = "slides"  # a user's slides with annotations beside them
# PAIP2019 has published masks for its training slides only
WITH_PUBLISHED_SPLIT = ("nct", "prcc", "mhist", "camelyon16")
GROUPED_BY_CONTENT = ("lc25000",)


def find_name(asked: str) -> str:
    """The registered name of a data set. Raises DataError for an unknown one."""
    name = asked.lower().replace("-", "_")
    name = ALIASES.get(asked.lower(), name)
    known = (*IMAGE_SETS, *SLIDE_SETS, *OWN_SETS, ANNOTATED, GENERATED)
    if name not in known:
        raise DataError(f"Unknown data set '{asked}'{did_you_mean(name, known)}.")
    return name


def description(name: str) -> str | None:
    """Text of the bundled description of a data set, None for a user's own."""
    file = resources.files("resources") / "configs" / "datasets" / f"{name}.yaml"
    return file.read_text(encoding="utf-8") if file.is_file() else None


def facts(name: str) -> dict[str, Any]:
    """The bundled description as a mapping, {} for a user's own data."""
    text = description(name)
    return yaml.safe_load(text) if text else {}
