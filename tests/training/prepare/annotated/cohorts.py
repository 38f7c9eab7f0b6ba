"""Small cohorts of slides with annotations, which tests write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ssmamba.rois.geojson import write_rois
from ssmamba.rois.roi import Ring, Roi
from tests.training.prepare import trees

WIDTH, HEIGHT = 512, 256  # level-0 pixels; the right quarter is glass
RED, GREEN = (200, 30, 30), (30, 160, 30)
Area = tuple[str, tuple[int, int, int, int]]  # class, (left, top, right, bottom)
HALVES: Sequence[Area] = (("Tumor", (0, 0, 192, 256)), ("Stroma", (192, 0, 512, 256)))


def box(left: float, top: float, right: float, bottom: float) -> Ring:
    return (left, top), (right, top), (right, bottom), (left, bottom)


def region(name: str, bounds: Sequence[float]) -> Roi:
    color = RED if name == "Tumor" else GREEN
    return Roi(((box(*bounds),),), kind="rectangle", class_name=name, color=color)


def annotate(path: Path, areas: Sequence[Area]) -> None:
    write_rois(path, [region(name, bounds) for name, bounds in areas])


def write_cohort(root: Path, slides: int = 4, areas: Sequence[Area] = HALVES) -> Path:
    """Slides s0.tif, s1.tif, … of 0.5 µm/px with their GeoJSON."""
    for number in range(slides):
        trees.tissue_slide(root / f"s{number}.tif", WIDTH, HEIGHT, number)
        annotate(root / f"s{number}.geojson", areas)
    return root
