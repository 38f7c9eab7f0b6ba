"""Regions and settings of each slide, saved with the user's data, never beside the slide."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from ssmamba.errors import RoiError
from ssmamba.files import read_json, write_json
from ssmamba.rois.geojson import read_region_file, write_rois
from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import SlideInfo
from viewer.state.settings import SlideSettings
from viewer.text.tr import tr

MANY_VERTICES = 2000  # of a region whose area takes long
Stamp = tuple[int, int, int]  # time of the last change (ns), bytes, inode


@dataclass(frozen=True)
class Basis:
    """The part of the saved files that a document has seen; the rest is another window's."""

    stamp: Stamp | None = None  # of the region file when it was read or written; None = unseen
    ids: frozenset[str] = frozenset()  # regions that are or were in the document
    settings: SlideSettings = field(default_factory=SlideSettings)


@dataclass(frozen=True)
class Session:
    """The saved state of a slide."""

    rois: tuple[Roi, ...] = ()
    settings: SlideSettings = field(default_factory=SlideSettings)
    basis: Basis = field(default_factory=Basis)
    warning: str = ""  # one sentence about what could not be read
    details: str = ""


@dataclass(frozen=True)
class Saved:
    """After a save: the files as they are now."""

    basis: Basis
    others: tuple[Roi, ...] = ()  # regions of another window, saved too


class SessionStore:
    """One folder with two files for each slide, named by its content, so a moved slide is found.

    Coordinates are level-0 pixels, without QuPath's bounds offset. While a slide's region file can
    be neither read nor renamed, regions are saved in a third file beside it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, info: SlideInfo) -> Session:
        """The saved session of a slide; empty when there is none.

        A file that is not GeoJSON is renamed. One that cannot be read from the disk is left alone.
        """
        main, beside = self._saved_file(info, ".geojson"), self._file(info, ".beside.geojson")
        stamp = _stamp(main)  # before it is read: a change meanwhile is seen at the next save
        found: dict[str, Roi] = {}
        warnings: list[tuple[str, RoiError]] = []
        for path in (main, beside):
            try:
                rois, error = _read(path)
                found.update(rois)
                if error is not None:
                    warnings.append((self._partly_read(info, path), error))
            except RoiError as error:
                warnings.append((self._make_way(info, path, error), error))
                stamp = None if path is main else stamp
        settings = self._load_settings(info)
        return Session(
            tuple(found.values()),
            settings,
            Basis(stamp, frozenset(found), settings),
            " ".join(sentence for sentence, _ in warnings),
            "\n".join(str(error) for _, error in warnings),
        )

    def save(
        self,
        info: SlideInfo,
        rois: Sequence[Roi],
        settings: SlideSettings,
        basis: Basis | None = None,
    ) -> Saved:
        """Save a slide's state; the old files stay whole until the new ones are complete.

        Regions that another window has saved since ``basis`` stay: ours win, and what was deleted
        here (in ``basis.ids`` but not in ``rois``) goes. Raises RoiError.
        """
        basis = basis or Basis()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            others, stamp = self._save_regions(info, rois, basis)
            self._save_settings(info, settings, basis)
        except OSError as error:
            raise RoiError(
                tr("Could not save regions in {folder} ({reason}). Export them instead.").format(
                    folder=self.folder, reason=error.strerror
                )
            ) from error
        ids = basis.ids | {roi.id for roi in (*rois, *others)}
        return Saved(Basis(stamp, ids, settings), others)

    # --- regions
    def _save_regions(
        self, info: SlideInfo, rois: Sequence[Roi], basis: Basis
    ) -> tuple[tuple[Roi, ...], Stamp | None]:
        """Returns the regions of another window, and the file's stamp if all of it is known."""
        own, beside = self._file(info, ".geojson"), self._file(info, ".beside.geojson")
        main = self._saved_file(info, ".geojson")
        known = basis.ids | {roi.id for roi in rois}
        found: dict[str, Roi] = {}
        blocked: set[Path] = set()  # can be neither read nor renamed now
        for path in (main, beside):
            if path == main and basis.stamp is not None and basis.stamp == _stamp(main):
                continue
            try:
                rois_there, error = _read(path)
                found.update(rois_there)
                if error is not None:
                    _copied(path)
            except RoiError as error:
                self._make_way(info, path, error)
                if path.exists():
                    blocked.add(path)
        if blocked == {main, beside} or (main in blocked and main != own):
            raise OSError(None, tr("the old file cannot be read"))
        target = beside if main in blocked else own
        others = tuple(roi for roi in found.values() if roi.id not in known)
        if rois or others or target.exists():
            write_rois(target, (*others, *rois))
        if blocked:
            return others, None
        beside.unlink(missing_ok=True)
        return others, _stamp(own)

    def _partly_read(self, info: SlideInfo, path: Path) -> str:
        """Copy a file of which some regions cannot be read; returns the message for the user."""
        try:
            aside = _copied(path)
        except OSError as problem:
            return tr(
                "Some saved regions of {name} are damaged, and their file could not be copied "
                "({reason}). Copy {path} to another folder before you change a region."
            ).format(name=info.name, reason=problem.strerror, path=path)
        return tr(
            "Some saved regions of {name} are damaged and could not be read. Their file was copied "
            "to {path}."
        ).format(name=info.name, path=aside)

    def _make_way(self, info: SlideInfo, path: Path, error: RoiError) -> str:
        """Rename a file that is not GeoJSON; returns the message for the user. A file that cannot
        be read from the disk may be intact, and stays."""
        reason = _disk_reason(error)
        if reason:
            return tr(
                "Could not read the saved regions of {name} ({reason}); the file was left "
                "unchanged, and new regions are saved beside it. Open the slide again to retry."
            ).format(name=info.name, reason=reason)
        aside = path.with_name(f"{path.stem}.unreadable-{uuid.uuid4().hex[:8]}.geojson")
        try:
            path.replace(aside)
        except OSError as problem:
            return tr(
                "The saved regions of {name} are damaged, and their file could not be renamed "
                "({reason}). Move {path} to another folder."
            ).format(name=info.name, reason=problem.strerror, path=path)
        return tr(
            "The saved regions of {name} are damaged and could not be read. Their file was renamed "
            "to {path}."
        ).format(name=info.name, path=aside)

    # --- settings
    def _load_settings(self, info: SlideInfo) -> SlideSettings:
        saved = _part(read_json(self._saved_file(info, ".json")), "calibration")
        mpp, field_px = (_positive(_part(saved, name)) for name in ("mpp", "field_px"))
        return SlideSettings(mpp, field_px, icc=_part(saved, "icc") is not False)

    def _save_settings(self, info: SlideInfo, settings: SlideSettings, basis: Basis) -> None:
        """Written only if changed here: another window may have changed them, too."""
        target = self._file(info, ".json")
        if settings == basis.settings:
            if target.exists():
                return
            if self._saved_file(info, ".json") != target:
                settings = self._load_settings(info)
        about = {"slide": info.path, "calibration": asdict(settings)}
        write_json(target, about)

    # --- files
    def _saved_file(self, info: SlideInfo, ending: str) -> Path:
        """The file to read: the slide's own, or that of an earlier version until one is saved."""
        own = self._file(info, ending)
        former = replace(info, quick_hash=info.former_hash)
        if not info.former_hash or own.exists() or self._file(info, ".json").exists():
            return own
        return self._file(former, ending) if self._belongs(former) else own

    def _belongs(self, former: SlideInfo) -> bool:
        """Whether a session of an earlier version, whose key was not unique, is this slide's."""
        name = _part(read_json(self._file(former, ".json")), "slide")
        if not isinstance(name, str):
            return False
        try:
            named = Path(name)
            return str(named) == former.path or not named.exists() or named.samefile(former.path)
        except (OSError, ValueError):
            return False

    def _file(self, info: SlideInfo, ending: str) -> Path:
        return self.folder / f"{key_of(info)}{ending}"


def key_of(info: SlideInfo) -> str:
    """A slide's name by its content."""
    text = f"{info.quick_hash}:{info.width}x{info.height}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def measured(rois: Iterable[Roi]) -> None:
    """Compute and cache each region's bounds, and large areas, to spare the GUI thread."""
    from ssmamba.rois.geometry import area_of  # shapely loads slowly

    for roi in rois:
        _ = roi.bounds
        if sum(len(ring) for rings in roi.polygons for ring in rings) > MANY_VERTICES:
            area_of(roi)


def _read(path: Path) -> tuple[dict[str, Roi], RoiError | None]:
    """Regions by id, none when there is no file, and why some of them cannot be read.

    Raises RoiError when none can.
    """
    try:
        found = read_region_file(path)
    except RoiError as error:
        if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
            return {}, None
        raise
    measured(found.rois)
    odd = RoiError(f"{path}: {found.notes[0]}") if found.skipped else None
    return {roi.id: roi for roi in found.rois}, odd


def _copied(path: Path) -> Path:
    """A copy of a file, named by its content. Raises OSError."""
    data = path.read_bytes()
    name = f"{path.stem}.unreadable-{hashlib.sha256(data).hexdigest()[:8]}.geojson"
    copy = path.with_name(name)
    copy.write_bytes(data)
    return copy


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _disk_reason(error: RoiError) -> str:
    """Why a file could not be read from the disk; "" when its content is at fault."""
    cause = error.__cause__
    return cause.strerror or "" if isinstance(cause, OSError) else ""


def _part(value: object, name: str) -> object:
    """A member of a JSON object; None when there is none, or no object."""
    return value.get(name) if isinstance(value, dict) else None


def _positive(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and value > 0 else None
