"""Where a result comes from, in words; no Qt."""

from __future__ import annotations

from pathlib import Path

from ssmamba.engine.messages import ClassifyResult
from ssmamba.reading.values import Stamp
from viewer.text import formats

MODES = {"whole": "one square around the region", "tiles": "squares inside the region"}


def stamp_lines(result: ClassifyResult, slide_mpp: float | None) -> list[str]:
    """The stamp of an answer, one fact a line. slide_mpp: µm per level-0 pixel."""
    stamp = result.stamp
    side = formats.length(float(result.windows.array[0, 2]), slide_mpp)
    return [
        f"Read as: {formats.count(len(result.windows), 'window')}, "
        f"{MODES.get(stamp.mode, stamp.mode)}",
        f"Width of a window: {side}",
        *common_lines(stamp),
        f"Time taken: {result.seconds:.2f} s",
        "Research use only.",
    ]


def common_lines(stamp: Stamp) -> list[str]:
    """Slide, model, scale, device and time of any result."""
    scale = "unknown" if stamp.mpp is None else f"{stamp.mpp:.3g} µm per model pixel"
    lines = [
        f"Scale: {scale}",
        f"Colour profile: {'applied' if stamp.icc else 'not applied'}",
        f"Slide: {Path(stamp.slide_path).name} ({stamp.slide_hash[:12]})",
        f"Model: sha256 {stamp.checkpoint_sha256[:12]}",
        f"Region: {stamp.roi_geometry[:12]}",
        f"Computed on: {stamp.device}, {stamp.scan_backend} scan",
    ]
    if stamp.time:
        lines.append(f"Made at: {stamp.time.replace('T', ' ')[:19]} UTC")
    return lines


def is_scale_note(note: str) -> bool:
    """Whether the user can do something about a note under Calibration."""
    return note.startswith(("scale unknown", "uncalibrated"))


def note_text(note: str) -> str:
    """A note of the engine as a sentence."""
    text = note.strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
