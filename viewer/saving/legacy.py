"""Sessions of version 0.1, a GeoJSON and a JSON file for each slide: read, never written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ssmamba.errors import RoiError, SlideError
from ssmamba.files import read_json
from ssmamba.rois.geojson import read_region_file
from ssmamba.rois.roi import Roi
from ssmamba.slides.identity import content_hash
from ssmamba.slides.slide import Slide, SlideInfo
from viewer.saving.contents import contents_of, settings_of
from viewer.saving.slide_key import former_infos, former_key
from viewer.text.tr import tr

TELLING_PX = 4096  # of the smallest level, from which on a quick hash tells slides apart


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
            named = _part(read_json(files[0]), "slide")
            belongs = _belongs(named if isinstance(named, str) else "", info, former is info)
            if belongs is None:
                text = tr(
                    "Regions that an earlier version saved are of {name} or of a slide that looks "
                    "alike and is gone ({other}); they were not taken. Import {path} if they are "
                    "its own."
                )
                other = text.format(name=info.name, other=named, path=files[1])
                return Legacy(warnings=[other])
            return _read(files, info) if belongs else Legacy()
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
    own = settings_of(flat)
    found.contents = contents_of(rois.values(), own)
    if own.mpp is not None and info.mpp is not None and own.mpp != info.mpp:
        text = tr(
            "The scale that you set for {name} is used, {own:.4g} µm/px; its file says {file:.4g}. "
            "Change it under Slide ▸ Calibration."
        )
        found.warnings.append(text.format(name=info.name, own=own.mpp, file=info.mpp))
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


def _belongs(named: str, info: SlideInfo, by_own_hash: bool) -> bool | None:
    """Whether a session that was kept for the file ``named`` is this slide's; None = unclear.

    Its key was not unique: a quick hash says little when the smallest level is tiny, and that of
    plain images covered two parts of the file alone.
    """
    telling = by_own_hash and info.vendor != "image" and _smallest_px(info) >= TELLING_PX
    try:
        path = Path(named)
        if named and str(path) == info.path:
            return True
        if not named or not path.exists():
            return True if telling or (not by_own_hash and path.name == info.name) else None
        if path.samefile(info.path):
            return True
    except (OSError, ValueError):
        return True if telling else None
    return bool(info.content_hash) and _content_of(path) == info.content_hash


def _smallest_px(info: SlideInfo) -> int:
    return min((level.width * level.height for level in info.levels), default=0)


def _content_of(path: Path) -> str:
    try:
        with Slide.open(path) as slide:
            return content_hash(slide)
    except SlideError:
        return ""


def _part(value: object, name: str) -> object:
    """A member of a JSON object; None when there is none, or no object."""
    return value.get(name) if isinstance(value, dict) else None
