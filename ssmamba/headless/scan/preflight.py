"""What a run would read, before it reads: scale, levels, windows, and slides that give none."""

from __future__ import annotations

from collections.abc import Sequence

from ssmamba.checkpoints.card import InputSpec
from ssmamba.errors import explain_failure
from ssmamba.headless.scan.cohort import Entry
from ssmamba.headless.scan.worker import options_for, rounding
from ssmamba.headless.tissue_files import TissueFiles
from ssmamba.reading.slide_plan import GridOptions, plan_slide
from ssmamba.slides.slide import Slide


def preflight(
    entries: Sequence[Entry], spec: InputSpec, options: GridOptions, corrections: TissueFiles
) -> list[str]:
    """Print a line or two for each slide; returns a sentence for each that would give no tile."""
    failures = []
    for entry in entries:
        try:
            print(_line(entry, spec, options, corrections))
        except Exception as error:  # the others are looked at all the same
            reason = explain_failure(error)
            print(f"{entry.path.name}: no tile")
            failures.append(reason)
    print(f"{len(entries)} in, {len(entries) - len(failures)} to read, {len(failures)} without.")
    return failures


def _line(entry: Entry, spec: InputSpec, options: GridOptions, corrections: TissueFiles) -> str:
    told: list[str] = []
    with Slide.open(entry.path) as slide:
        tissue = corrections.tissue(entry, slide, told.append)
        plan = plan_slide(slide, spec, options_for(entry, options), tissue)
        levels = ", ".join(f"{lv.width}×{lv.height}" for lv in slide.levels)
        scale = "µm/px unknown" if plan.slide_mpp is None else f"{plan.slide_mpp:.4g} µm/px"
        notes = "".join(f"\n    {note}" for note in (*plan.notes, *told))
        return (
            f"{entry.path.name}: {scale}, levels {levels}; {len(plan.cells)} tiles of "
            f"{plan.grid.side} px ({rounding(plan)}), read from level {plan.level}{notes}"
        )
