"""The provenance of a result in words; no Qt."""

from __future__ import annotations

from pathlib import Path

from ssmamba.engine.messages import ClassifyResult
from ssmamba.headless.answers import whole_percent
from ssmamba.reading.values import Stamp
from viewer.text import formats
from viewer.text.answers import left_out_line
from viewer.text.tr import tr, translated

MODES = {
    "whole": tr("one square around the region"),
    "tiles": tr("tiles inside the region"),
}
RESEARCH_ONLY = tr("Research use only, not a medical device.")


def stamp_lines(result: ClassifyResult, slide_mpp: float | None) -> list[str]:
    """The provenance of an answer, one fact per line. slide_mpp: µm per level-0 pixel."""
    stamp = result.stamp
    windows = formats.windows(len(result.windows))
    side = formats.length(float(result.windows.array[0, 2]), slide_mpp)
    return [
        tr("Input: {windows}, {mode}").format(
            windows=windows, mode=MODES.get(stamp.mode, stamp.mode)
        ),
        tr("Window width: {side}").format(side=side),
        tr("Read: {share} of the region").format(share=whole_percent(result.read_share)),
        *(sentence(line) for line in (left_out_line(result),) if line),
        *_common_lines(stamp),
        tr("Computing time: {seconds:.2f} s").format(seconds=result.seconds),
        RESEARCH_ONLY,
    ]


def _common_lines(stamp: Stamp) -> list[str]:
    """Slide, model, scale, device and time of any result."""
    scale = tr("Scale: {mpp:.3g} µm per model pixel")
    computed = tr("Computed on: {device}, {backend} scan, {precision}")
    slide = tr("Slide: {name} ({hash})")
    lines = [
        tr("Scale: unknown") if stamp.mpp is None else scale.format(mpp=stamp.mpp),
        tr("Colour profile: applied") if stamp.icc else tr("Colour profile: not applied"),
        slide.format(name=Path(stamp.slide_path).name, hash=stamp.slide_hash[:12]),
        tr("Model: sha256 {hash}").format(hash=stamp.checkpoint_sha256[:12]),
        tr("Region: {hash}").format(hash=stamp.roi_geometry[:12]),
        computed.format(device=stamp.device, backend=stamp.scan_backend, precision=stamp.precision),
    ]
    if stamp.time:
        time = stamp.time.replace("T", " ")[:19]
        lines.append(tr("Computed at: {time} UTC").format(time=time))
    return lines


def is_scale_note(note: str) -> bool:
    """Whether a note is about a scale that the user can set under Calibration."""
    return note.startswith(("scale", "uncalibrated"))


def sentence(text: str) -> str:
    """A note or a reason of the engine as a sentence, in the user's language."""
    text = translated(text).strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
