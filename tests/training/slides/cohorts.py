"""Small cohorts that tests write: slides of one shade of stain a class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.slides import tissue_like, write_pyramid


def write_slide(path: Path, dark: bool, mpp: float = 4.0, seed: int = 0) -> None:
    """24 × 16 px at 4 µm: six regions of 8 px; at other µm/px the same tissue."""
    scale = 4.0 / mpp
    width, height = round(24 * scale), round(16 * scale)
    picture = tissue_like(width, height, seed).astype(float)
    picture = picture * 0.6 if dark else picture
    write_pyramid(path, levels=1, tile=16, mpp=mpp, picture=picture.astype(np.uint8))


def write_cohort(
    folder: Path, patients: int, columns: Sequence[str] = ("label",), mpp: float = 4.0
) -> Path:
    """One slide a patient, every second one dark; returns the table.

    Dark patients die early where the table has times.
    """
    lines = [",".join(("slide", "patient", *columns))]
    for number in range(patients):
        dark = number % 2 == 1
        write_slide(folder / f"s{number}.tif", dark, mpp, number)
        known = {
            "label": "dark" if dark else "light",
            "time": str((3 if dark else 40) + number),
            "event": str(int(number % 5 != 4)),
        }
        if "grades" in folder.name:
            known["label"] = str(int(dark) + 9)
        values = [known[column] for column in columns]
        lines.append(",".join((f"s{number}.tif", f"p{number}", *values)))
    table = folder / "cohort.csv"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return table
