"""A computer-generated slide to try the viewer with; it shows no patient data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ssmamba.files import written_whole

VERSION = 1  # of the drawing; another version is drawn again
NAME = f"synthetic-demo-{VERSION}"

Progress = Callable[[int, int], None]  # steps done, steps in all


@dataclass(frozen=True)
class Demo:
    """The paths of the demo's files."""

    slide: Path
    regions: Path


def demo_files(folder: Path) -> Demo:
    return Demo(folder / f"{NAME}.tif", folder / f"{NAME}.geojson")


def ensure_demo(folder: Path, progress: Progress = lambda done, total: None) -> Demo:
    """Return the demo's files; draw them on first use (some seconds). Raises OSError."""
    files = demo_files(folder)
    if files.slide.exists() and files.regions.exists():
        return files
    from ssmamba.rois.geojson import write_rois
    from viewer.demo.painting import demo_regions, paint_tissue
    from viewer.demo.pyramid import write_pyramid

    folder.mkdir(parents=True, exist_ok=True)
    steps = 20
    progress(0, steps)
    tissue = paint_tissue(lambda share: progress(round(share * 8), steps))
    with written_whole(files.slide) as partial:
        write_pyramid(partial, tissue, lambda share: progress(8 + round(share * 12), steps))
        write_rois(files.regions, demo_regions())
    return files
