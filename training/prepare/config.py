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
    # or your own images as folder or csv, or slides with annotations as slides; or generated,
    # tissue that this program draws itself
    dataset: str
    out: Path  # folder to create: images, manifest.csv, checksums, contact sheet, report
    # folder with the unpacked download, or with your slides, or a CSV of them
    # (slide,patient,mpp,split,annotations); none for generated
    source: Path | None = None
    resume: bool = False  # continue a preparation that was stopped
    split: Literal["paper", "published"] = "paper"  # 7:1:2, or the publishers' test set
    split_seed: int = 0  # which 7:1:2 split
    files: Literal["link", "copy"] = "link"  # hard links where possible, or copies

    labels: Path | None = None  # csv: the table; default: the only one in --source
    path_column: str = "path"  # csv: column with the image's file
    label_column: str = "label"  # csv: column with its class
    group_column: str = ""  # csv: column with patient or slide; "" = "group", if there is one
    # folder, csv, slides: regular expression whose match in a path is the group (the patient)
    group_pattern: str = ""
    find_copies: bool = False  # folder, csv: group augmented copies of one field by content

    # all slides: side of a region, pixels; 0 = 384 (PAIP), 8000 (CAM16), 224 (your own)
    roi_px: int = 0
    mpp: float = 0.0  # all slides: µm/px to read at; 0 = level 0, as scanned (not for your own)
    # all slides: most regions per class and slide; 0 = 22 (PAIP), 4 (CAM16), no limit (your own)
    per_slide: int = 0
    tissue: float = 0.5  # all slides: smallest share of tissue in a region
    lesion: float = 0.0  # PAIP, CAM16: smallest share of tumour; 0 = .75, .005

    annotations: Path | None = None  # slides: folder of the annotations; default: beside the slides
    slide_mpp: float = 0.0  # slides: µm/px of slides whose files do not say it
    inside: float = 0.75  # slides: smallest share of a region inside its class
    overlap: float = 0.0  # slides: of neighbouring regions, as a share of their side
    # slides: classes to take, 'Tumor,Stroma=Other' with new names; default: all but those with *
    classes: str = ""
    exclude: str = "Ignore*,Exclusion"  # slides: classes that are cut out of the others
    background: str = ""  # slides: class of tissue outside of all annotations; "" = not taken
    # slides: where annotations of several classes overlap: take none, or the smaller one's class
    several: Literal["none", "inner"] = "none"
    per_class: int = 0  # slides: most regions of a class; 0 = no limit
    balance: float = 0.0  # slides: most regions of a class, times those of the rarest; 0 = no limit
    group_by: Literal["patient", "slide", "region"] = "patient"  # slides: what a split keeps whole

    # generated: groups of pictures, 8 of each class, each of another stain, scanner and scale
    seeds: int = 40
    first_seed: int = 1000  # generated: their seeds, one after the other

    @property
    def folder(self) -> Path:
        """--source. Raises DataError where there is none."""
        if self.source is None:
            raise DataError(f"{self.dataset} needs a --source, the folder of its images.")
        return self.source
