"""Tissue of slides as a person corrected it: region files, one for each slide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ssmamba.checkpoints.card import file_sha256
from ssmamba.errors import InputError, RoiError
from ssmamba.headless.over_slides import Say
from ssmamba.headless.scan.cohort import Entry
from ssmamba.names import folded
from ssmamba.reading.tissue_map import Overview, TissueMap, tissue_map
from ssmamba.rois.reading import read_regions
from ssmamba.rois.region_file import ENDINGS
from ssmamba.slides.slide import Slide

COUNTS, LEFT_OUT = "Tissue", "No tissue"  # classes of the regions
_COUNTS, _LEFT_OUT = {folded(COUNTS)}, {folded(LEFT_OUT), "not tissue", "ignore*"}


@dataclass(frozen=True)
class TissueFiles:
    """Where the corrections are.

    path: a region file of the only slide, or a folder of such files that are named as the slides
    are; None = tissue is what is found.
    """

    path: Path | None = None

    def refuse_unfit(self, entries: Sequence[Entry]) -> None:
        """Raise InputError where it corrects no slide, or one file is given for several."""
        if self.path is None:
            return
        if not self.path.exists():
            raise InputError(f"There is no file or folder {self.path}; check --tissue.")
        if not self.path.is_dir():
            if len(entries) > 1:
                raise InputError(
                    f"--tissue {self.path} is one file, and there are {len(entries)} slides; give "
                    "a folder with a file for each slide, SLIDE.geojson."
                )
        elif not any(self.file(entry) for entry in entries):
            raise InputError(
                f"{self.path} has no file for any of the slides; name them as the slides are, "
                f"{entries[0].path.stem}.geojson."
            )

    def file(self, entry: Entry) -> Path | None:
        """The file with the correction of a slide; None where there is none."""
        if self.path is None or not self.path.is_dir():
            return self.path
        stems = dict.fromkeys((entry.name, entry.path.stem, entry.path.name))
        files = (self.path / f"{stem}{ending}" for stem in stems for ending in ENDINGS)
        return next((path for path in files if path.is_file()), None)

    def key(self, entry: Entry) -> str | None:
        """By which results know the correction that they were made with; None without one."""
        path = self.file(entry)
        return None if path is None else file_sha256(path)[:16]

    def tissue(
        self, entry: Entry, slide: Slide, say: Say, overview: Overview | None = None
    ) -> TissueMap | None:
        """The corrected tissue of a slide; None where there is no correction.

        overview: of the slide, where there is one already.

        Regions of the class COUNTS are tissue, whatever was found there; then those of LEFT_OUT
        are none. Raises RoiError where there is no such region, or the file cannot be read.
        """
        path = self.file(entry)
        if path is None:
            return None
        found = read_regions(path, slide.info.bounds_offset)
        areas = [roi for roi in found.rois if roi.has_area]
        added = [roi for roi in areas if folded(roi.class_name) in _COUNTS]
        removed = [roi for roi in areas if folded(roi.class_name) in _LEFT_OUT]
        if not (added or removed):
            raise RoiError(
                f"{path} has no region of the class {COUNTS} or {LEFT_OUT}; give these to the "
                "regions that count, and that do not, and export them again."
            )
        for note in found.notes:
            say(note)
        others = len(found.rois) - len(added) - len(removed)
        unused = f"; of other classes, not used: {others}" if others else ""
        told = f"regions that count: {len(added)}; left out: {len(removed)}{unused}"
        say(f"tissue corrected by {path.name}: {told}")
        return tissue_map(slide, overview).corrected(added, removed)
