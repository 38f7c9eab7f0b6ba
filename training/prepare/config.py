"""Flags of training.prepare."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ssmamba.errors import DataError


@dataclass(frozen=True)
class PrepareConfig:
    """Turn the published download of a data set into a folder for the training commands."""

    # lc25000 (lac), nct, pbc, prcc, paip2019, camelyon16 (cam16), sipakmed, sipakmed_cells, mhist;
    # or your own images as folder or csv; or generated, tissue that this program draws itself
    dataset: str
    out: Path  # folder to create: images, manifest.csv, checksums, contact sheet, report
    source: Path | None = None  # folder with the unpacked download; none for generated
    resume: bool = False  # continue a preparation that was stopped
    split: Literal["paper", "published"] = "paper"  # 7:1:2, or the publishers' test set
    split_seed: int = 0  # which 7:1:2 split
    files: Literal["link", "copy"] = "link"  # hard links where possible, or copies

    labels: Path | None = None  # csv: the table; default: the only one in --source
    path_column: str = "path"  # csv: column with the image's file
    label_column: str = "label"  # csv: column with its class
    group_column: str = ""  # csv: column with patient or slide; "" = "group", if there is one
    group_pattern: str = ""  # folder, csv: regular expression whose match in a path is the group
    find_copies: bool = False  # folder, csv: group augmented copies of one field by content

    roi_px: int = 0  # slides: side of a region, pixels; 0 = the paper's (384, 8000)
    mpp: float = 0.0  # slides: µm/px to read at; 0 = level 0, as scanned
    per_slide: int = 0  # slides: most regions per class and slide; 0 = 22 (PAIP), 4 (CAM16)
    tissue: float = 0.5  # slides: smallest share of tissue in a region
    lesion: float = 0.0  # slides: smallest share of tumour; 0 = .75 (PAIP), .005 (CAM16)

    # generated: groups of pictures, 8 of each class, each of another stain, scanner and scale
    seeds: int = 40
    first_seed: int = 1000  # generated: their seeds, one after the other

    @property
    def folder(self) -> Path:
        """--source. Raises DataError where there is none."""
        if self.source is None:
            raise DataError(f"{self.dataset} needs a --source, the folder of its images.")
        return self.source
