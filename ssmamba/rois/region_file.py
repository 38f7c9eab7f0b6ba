"""What a reader of region files gives back."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ssmamba.errors import RoiError
from ssmamba.rois.roi import Roi, geometry_hash
from ssmamba.wording import words

ENDINGS = (".geojson", ".json", ".geojson.gz", ".geojson.zip", ".xml")  # of files with regions
MAX_BYTES = 256 << 20  # of the text in a region file, packed or not
_NAMESPACE = uuid.UUID("8f1f6f0e-6d55-4d0c-9b0a-5b1f5c0c7f52")  # of ids made from geometry


@dataclass(frozen=True)
class RegionFile:
    """The regions of a file, and its other members."""

    rois: list[Roi]
    notes: tuple[str, ...] = ()  # sentences about what was skipped or not understood
    skipped: int = 0  # features that could not be read


def check_size(path: Path, size: int) -> None:
    """Raises RoiError for a file with more text than is read."""
    if size > MAX_BYTES:
        raise RoiError(
            "{path} holds more than {mebibytes} MiB of regions; split it into smaller files.",
            path=path,
            mebibytes=MAX_BYTES >> 20,
        )


def made_id(given: str, number: int, roi: Roi) -> str:
    """A UUID of the file's own id, a number and the geometry: importing twice doubles nothing."""
    return str(uuid.uuid5(_NAMESPACE, f"{given}:{number}:{geometry_hash(roi)}"))


def with_made_ids(rois: Iterable[Roi]) -> list[Roi]:
    """Regions of a file that has no ids of its own, under ids that are the same at every reading.

    A region's ``id`` is what the file says of it, which need not be unique.
    """
    seen: set[str] = set()
    named = []
    for roi in rois:
        number, own = 0, made_id(roi.id, 0, roi)
        while own in seen:
            number += 1
            own = made_id(roi.id, number, roi)
        seen.add(own)
        named.append(replace(roi, id=own))
    return named


def counted(found: list[str], total: int, what: str) -> list[str]:
    """ "2 of 7 annotations were skipped: a; b. Correct them." as a list of one, or none.

    what: the text, with {count}, {total} and {examples}.
    """
    if not found:
        return []
    examples = "; ".join([*found[:3], "…"] if len(found) > 3 else found)
    return [words(what, count=len(found), total=total, examples=examples)]
