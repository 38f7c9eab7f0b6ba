"""From a region of interest to the windows that a model reads, and their pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ssmamba.checkpoints.card import InputSpec
from ssmamba.errors import RoiError
from ssmamba.reading.scale import NEARLY_SQUARE, Field, field_on, scale_needed
from ssmamba.reading.values import DEFAULT_OPTIONS, Check, ReadOptions, Window
from ssmamba.rois.clipping import SMALLEST_AREA_PX2, cut_to_slide
from ssmamba.rois.roi import Roi
from ssmamba.slides.icc import SrgbTransform
from ssmamba.slides.slide import Slide
from ssmamba.wording import words

LEAVES_THE_IMAGE = words("the square around the region leaves the image, so it was read in parts")

SCALE_TOLERANCE = 1.25  # a window read this much finer or coarser than in training is noted
LARGEST_NATIVE_PX = 2048  # a plain image is not reduced while reading up to this side
READERS = 4  # threads that read windows; slides allow any number


@dataclass(frozen=True)
class RegionPlan:
    """The windows of a slide that represent a region, and how they are read."""

    windows: np.ndarray  # (N, 3) float64 of x, y, side, level-0 pixels
    areas: np.ndarray  # (N,) float64, of the region, that each stands for, squared level-0 pixels
    area: float  # of the region on the slide, squared level-0 pixels
    mode: str  # whole | tiles
    out_px: int  # side of the pixels read for each window
    mpp: float | None  # µm per network pixel; None = unknown
    notes: tuple[str, ...]  # readable warnings about the scale


def plan_region(
    roi: Roi,
    slide: Slide,
    spec: InputSpec,
    options: ReadOptions = DEFAULT_OPTIONS,
    mpp: float | None = None,
    check: Check = lambda: None,
) -> RegionPlan:
    """Choose the windows of a region for one model.

    mpp: µm per level-0 pixel as the user corrected it; None = the slide's own. check: called while
    the windows of a large region are chosen; what it raises is passed on.
    Raises RoiError for a region that has no area or is off the slide, and ScaleNeeded for one that
    is too large for a scale that is only a guess (``ssmamba.reading.scale``).
    """
    from ssmamba.reading.windows import window_around, window_over, windows_tiles  # slow to load

    roi = _clipped(roi, slide)
    slide_mpp = mpp if mpp is not None else slide.mpp
    plain = slide.info.vendor == "image"
    field = field_on(spec, slide.dimensions, plain, slide_mpp, options)
    notes, side = list(field.notes), field.px
    left, top, right, bottom = roi.bounds
    extent = max(right - left, bottom - top)
    if options.mode != "whole" and field.is_asked_for(extent):
        raise scale_needed(field, slide.path.name)
    mode = _mode(options.mode, extent, field)
    if mode == "whole":
        smallest = field.px if options.mode == "auto" else 1.0
        window = _on_whole_pixels(window_around(roi, min_side=smallest))
        shortest = float(min(slide.dimensions))
        if window.side > shortest * NEARLY_SQUARE:
            mode, side = "tiles", shortest
            notes.append(LEAVES_THE_IMAGE)
        elif window.side > shortest:  # as in training: the centred square, no padding
            window = _on_whole_pixels(_shrunk(window, shortest))
        cover = window_over(roi, window)
    if mode == "tiles":
        cover = windows_tiles(roi, side, check=check)
    windows = _inside(cover.windows, slide)
    side = float(windows[0, 2])
    read_mpp = None if slide_mpp is None else slide_mpp * side / spec.window_px
    notes += scale_notes(spec, read_mpp)
    out_px = read_px(slide, spec, side)
    return RegionPlan(windows, cover.areas, cover.area, mode, out_px, read_mpp, tuple(notes))


def read_window(slide: Slide, window: Window, out_px: int, icc: bool = False) -> np.ndarray:
    """Pixels of one window, (out_px, out_px, 3) uint8 RGB; icc applies the slide's profile."""
    return _read(slide, window.x, window.y, window.side, out_px, transform_of(slide, icc))


def read_batches(
    slide: Slide, windows: np.ndarray, out_px: int, batch: int, icc: bool = False
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (first window's index, (n, out_px, out_px, 3) uint8 RGB), reading one batch ahead.

    windows: (N, 3) of x, y, side, level-0 pixels.
    """
    transform = transform_of(slide, icc)
    starts = range(0, len(windows), batch)
    with ThreadPoolExecutor(READERS, thread_name_prefix="windows") as pool:

        def submit(start: int) -> list:
            chosen = windows[start : start + batch].tolist()
            return [pool.submit(_read, slide, x, y, s, out_px, transform) for x, y, s in chosen]

        ahead = submit(0)
        for start in starts:
            current, ahead = ahead, submit(start + batch)
            yield start, np.stack([future.result() for future in current])


def uses_icc(slide: Slide, spec: InputSpec, override: bool | None) -> bool:
    """Whether the profile is applied: the user's choice, else the card's; never without one."""
    return (spec.icc if override is None else override) and slide.icc_profile is not None


def whole_image_roi(slide: Slide, name: str = "whole image") -> Roi:
    """A rectangle over all of a slide or image."""
    width, height = (float(v) for v in slide.dimensions)
    ring = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
    return Roi(((ring,),), kind="rectangle", name=name)


def _clipped(roi: Roi, slide: Slide) -> Roi:
    """The part of a region that is on the slide."""
    from ssmamba.rois.geometry import roi_shape

    name = words("The region '{name}'", name=roi.name) if roi.name else words("The region")
    if not roi.has_area:
        raise RoiError(
            "{name} is a {kind} and has no area; draw a lasso or a rectangle.",
            name=name,
            kind=roi.kind,
        )
    points = [p for rings in roi.polygons for ring in rings for p in ring]
    finite = bool(points) and all(math.isfinite(v) for p in points for v in p)
    if not finite or roi_shape(roi).area < SMALLEST_AREA_PX2:
        raise RoiError("{name} is empty; draw it again.", name=name)
    kept = cut_to_slide(roi, *slide.dimensions)
    if kept is None:
        raise RoiError("{name} lies off the slide; draw it on the slide.", name=name)
    return kept


def _mode(asked: str, extent: float, field: Field) -> str:
    if asked != "auto":
        return asked
    return "tiles" if field.is_exceeded(extent) else "whole"


def _on_whole_pixels(window: Window) -> Window:
    side = max(1, round(window.side))
    moved = _shrunk(window, side)
    # Half a pixel goes to the left, as where training cuts the centre out of an image.
    x, y = (math.floor(v + 0.5 - 1e-6) for v in (moved.x, moved.y))
    return Window(float(x), float(y), float(side))


def _shrunk(window: Window, side: float) -> Window:
    """A window of another side about the same centre."""
    half = (window.side - side) / 2
    return Window(window.x + half, window.y + half, side)


def read_px(slide: Slide, spec: InputSpec, side: float) -> int:
    """Pixels read along a window: those of the training images, never more than there are.

    A plain image is read as it is and reduced once, as it was for training.
    """
    available = max(1, round(side))
    if slide.info.vendor == "image" and available <= LARGEST_NATIVE_PX:
        return available
    return min(spec.source_px, available)


def _inside(windows: np.ndarray, slide: Slide) -> np.ndarray:
    """Move windows (N, 3) that leave the slide back onto it, so that they show real surroundings.

    A window that is larger than the slide is centred on it.
    """
    starts, side = windows[:, :2], windows[:, 2:]
    room = np.asarray(slide.dimensions) - side
    moved = np.where(room < 0, room / 2, np.clip(starts, 0.0, np.maximum(room, 0.0)))
    return np.concatenate([moved, side], axis=1)


def scale_notes(spec: InputSpec, read_mpp: float | None) -> list[str]:
    known = spec.known_mpp
    if known is None or read_mpp is None:
        return []
    ratio = read_mpp / known
    if 1 / SCALE_TOLERANCE <= ratio <= SCALE_TOLERANCE:
        return []
    return [
        words(
            "read at {read_mpp:.3g} µm/px, the model was trained at {known:.3g}",
            read_mpp=read_mpp,
            known=known,
        )
    ]


def transform_of(slide: Slide, icc: bool) -> SrgbTransform | None:
    profile = slide.icc_profile if icc else None
    return None if profile is None else SrgbTransform(profile)


def _read(
    slide: Slide, x: float, y: float, side: float, out_px: int, transform: SrgbTransform | None
) -> np.ndarray:
    pixels = slide.read_window(x, y, side, out_px)
    return pixels if transform is None else transform.apply(pixels)
