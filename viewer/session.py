"""Regions and calibration of each slide, kept with the user's data, never beside the slide."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from ssmamba.errors import RoiError
from ssmamba.geojson import read_rois, write_rois
from ssmamba.roi import Roi
from ssmamba.slide import SlideInfo
from viewer.settings import Calibration


@dataclass(frozen=True)
class Session:
    """What was kept of a slide."""

    rois: tuple[Roi, ...] = ()
    calibration: Calibration = field(default_factory=Calibration)


class SessionStore:
    """One folder; two files for each slide, named by the slide's content, so a moved file is found.

    Places are level-0 pixels as everywhere here, without QuPath's bounds offset.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, info: SlideInfo) -> Session:
        """What is kept of a slide; an empty session when nothing is. Raises RoiError."""
        regions = self._kept_file(info, ".geojson")
        rois = tuple(read_rois(regions)) if regions.exists() else ()
        for roi in rois:
            _ = roi.bounds  # kept with the region, so that the GUI thread need not
        return Session(rois, self._load_calibration(info))

    def save(self, info: SlideInfo, rois: Sequence[Roi], calibration: Calibration) -> None:
        """Keep a slide's state; the old files stay whole until the new ones are complete."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RoiError(
                f"Regions cannot be kept in {self.folder} ({error.strerror}); export them."
            ) from error
        regions = self._file(info, ".geojson")
        if rois or regions.exists():
            write_rois(regions, rois)
        about = {"slide": info.path, "calibration": asdict(calibration)}
        target = self._file(info, ".json")
        partial = target.with_suffix(".json.partial")
        partial.write_text(json.dumps(about), encoding="utf-8")
        partial.replace(target)

    def set_aside(self, info: SlideInfo) -> Path | None:
        """Rename an unreadable region file so that it is neither lost nor overwritten."""
        regions = self._kept_file(info, ".geojson")
        if not regions.exists():
            return None
        kept = regions.with_suffix(".unreadable.geojson")
        regions.replace(kept)
        return kept

    def _load_calibration(self, info: SlideInfo) -> Calibration:
        try:
            about = json.loads(self._kept_file(info, ".json").read_text(encoding="utf-8"))
            kept = about["calibration"]
            return Calibration(
                _positive(kept.get("mpp")), _positive(kept.get("field_px")), bool(kept["icc"])
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return Calibration()  # nothing that the user cannot say again

    def _kept_file(self, info: SlideInfo, ending: str) -> Path:
        """Where to read: the slide's own file, or that of an earlier version until one is saved."""
        own = self._file(info, ending)
        former = replace(info, quick_hash=info.former_hash)
        if not info.former_hash or own.exists() or self._file(info, ".json").exists():
            return own
        return self._file(former, ending) if self._belongs(former) else own

    def _belongs(self, former: SlideInfo) -> bool:
        """Whether a session of an earlier version, which unlike images shared, is this slide's."""
        try:
            about = json.loads(self._file(former, ".json").read_text(encoding="utf-8"))
            named = Path(about["slide"])
            return str(named) == former.path or not named.exists() or named.samefile(former.path)
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def _file(self, info: SlideInfo, ending: str) -> Path:
        return self.folder / f"{key_of(info)}{ending}"


def key_of(info: SlideInfo) -> str:
    """Names a slide by its content."""
    text = f"{info.quick_hash}:{info.width}x{info.height}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _positive(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and value > 0 else None
