"""Sessions of version 0.1, a GeoJSON and a JSON file for each slide: read, never written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ssmamba.errors import RoiError
from ssmamba.files import read_json
from ssmamba.rois.geojson import read_region_file
from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import SlideInfo
from viewer.saving.contents import contents_of, settings_of
from viewer.saving.slide_key import former_infos, former_key
from viewer.text.tr import tr


@dataclass
class Legacy:
    """What an earlier version kept of a slide."""

    contents: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)  # a sentence each
    details: list[str] = field(default_factory=list)
    unread: bool = False  # a file could not be read from the disk now, and may be whole


def read_legacy(folder: Path, info: SlideInfo) -> Legacy:
    """The session of an earlier version, if there is one and it is surely this slide's."""
    for former in former_infos(info):
        files = list(_files(folder, former))
        if any(file.exists() for file in files):
            is_own = former is info or _belongs(folder, former)
            return _read(files, info) if is_own else Legacy()
    return Legacy()


def _files(folder: Path, info: SlideInfo) -> Iterator[Path]:
    for ending in (".json", ".geojson", ".beside.geojson"):
        yield folder / f"{former_key(info)}{ending}"


def _read(files: list[Path], info: SlideInfo) -> Legacy:
    found = Legacy()
    rois: dict[str, Roi] = {}
    settings, *region_files = files
    for path in region_files:
        try:
            read = read_region_file(path)
        except RoiError as error:
            if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
                continue
            found.unread = found.unread or isinstance(error.__cause__, OSError)
            found.details.append(str(error))
            found.warnings.append(_sentence(info, path, error))
            continue
        rois.update((roi.id, roi) for roi in read.rois)
        if read.skipped:
            text = tr(
                "Some saved regions of {name} are damaged and could not be read. Their file is "
                "{path}."
            )
            found.warnings.append(text.format(name=info.name, path=path))
            found.details.append(f"{path}: {read.notes[0]}")
    kept = _part(read_json(settings), "calibration")
    flat = {f"setting/{name}": _part(kept, name) for name in ("mpp", "field_px", "icc")}
    found.contents = contents_of(rois.values(), settings_of(flat))
    return found


def _sentence(info: SlideInfo, path: Path, error: RoiError) -> str:
    cause = error.__cause__
    if isinstance(cause, OSError):
        text = tr(
            "Could not read the saved regions of {name} ({reason}); the file was left unchanged. "
            "Open the slide again to retry."
        )
        return text.format(name=info.name, reason=cause.strerror)
    text = tr(
        "The saved regions of {name} are damaged and could not be read. Their file is {path}."
    )
    return text.format(name=info.name, path=path)


def _belongs(folder: Path, former: SlideInfo) -> bool:
    """Whether a session whose key was not unique is this slide's."""
    name = _part(read_json(folder / f"{former_key(former)}.json"), "slide")
    if not isinstance(name, str):
        return False
    try:
        named = Path(name)
        return str(named) == former.path or not named.exists() or named.samefile(former.path)
    except (OSError, ValueError):
        return False


def _part(value: object, name: str) -> object:
    """A member of a JSON object; None when there is none, or no object."""
    return value.get(name) if isinstance(value, dict) else None
