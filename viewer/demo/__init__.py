"""A slide of generated tissue to try the viewer with; it shows no patient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ssmamba.files import written_whole

VERSION = 2  # of the drawing; another version is drawn again
NAME = f"generated-tissue-{VERSION}"

Progress = Callable[[int, int], None]  # steps done, steps in all
STEPS = 20


@dataclass(frozen=True)
class Demo:
    """The paths of the demo's files."""

    slide: Path
    regions: Path
    note: str = ""  # what the user should know of it


def demo_files(folder: Path) -> Demo:
    return Demo(folder / f"{NAME}.tif", folder / f"{NAME}.geojson")


def ensure_demo(folder: Path, progress: Progress = lambda done, total: None) -> Demo:
    """Return the demo's files; draw them on first use (some seconds). Raises OSError."""
    files = demo_files(folder)
    if files.slide.exists() and files.regions.exists():
        return files
    from ssmamba.generated.slide import demo_regions
    from ssmamba.rois.geojson import write_rois
    from viewer.demo.drawn import write_drawn

    folder.mkdir(parents=True, exist_ok=True)
    progress(0, STEPS)
    with written_whole(files.slide) as partial:
        write_drawn(partial, lambda share: progress(round(share * STEPS), STEPS))
        write_rois(files.regions, demo_regions())
    return files
