"""Flags of training.prepare."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class PrepareConfig:
    """Turn the published download of a data set into a folder for the training commands."""

    dataset: str  # lc25000 (lac), nct, pbc, prcc, paip2019, camelyon16 (cam16), sipakmed,
    # sipakmed_cells, mhist, folder, csv
    source: Path  # folder of the unpacked download
    out: Path  # folder to make: images, manifest.csv, checksums, contact sheet, report
    resume: bool = False  # go on with a preparation that was stopped
    split: Literal["paper", "published"] = "paper"  # 7:1:2, or the publishers' test side
    split_seed: int = 0  # which 7:1:2 split
    files: Literal["link", "copy"] = "link"  # hard links where the disk allows, or copies

    labels: Path | None = None  # csv: the table; default: the one in --source
    path_column: str = "path"  # csv: file of an image
    label_column: str = "label"  # csv: its class
    group_column: str = ""  # csv: patient or slide; "" = the column "group", if there is one
    group_pattern: str = ""  # folder, csv: regular expression whose match in a path is the group
    find_copies: bool = False  # folder, csv: group augmented copies of one field by content

    roi_px: int = 0  # slides: side of a region, pixels; 0 = the paper's (384, 8000)
    mpp: float = 0.0  # slides: µm/px to read at; 0 = level 0, as scanned
    per_slide: int = 0  # slides: most regions of each class from a slide; 0 = 22 (PAIP), 4 (CAM16)
    tissue: float = 0.5  # slides: least share of tissue in a region
    lesion: float = 0.0  # slides: least share of tumour in a region; 0 = .75 (PAIP), .005 (CAM16)
