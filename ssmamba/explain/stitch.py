"""CAM maps of several windows as one picture on the slide; NumPy only, so the viewer can use it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ssmamba.explain.colormaps import COLORMAPS, lookup_table
from ssmamba.reading.values import CamMap

__all__ = ["COLORMAPS", "StitchedMap", "colorize", "lookup_table", "map_values", "shared_range",
           "stitch"]  # fmt: skip

MAX_SIDE_PX = 2048  # longest side of a stitched picture; screens show no more
ABOVE_SCALE = 0.005  # share of the cells that may lie above the colour scale
SMOOTHING = 4  # picture pixels for each cell of a single map, so that cells blend

AlphaMode = Literal["flat", "value"]


@dataclass(frozen=True)
class StitchedMap:
    """Values over a rectangle of the slide; NaN outside the windows."""

    values: np.ndarray  # (H, W) float32, raw CAM values
    x: float  # left, level-0 pixels
    y: float  # top, level-0 pixels
    width: float  # level-0 pixels
    height: float


def map_values(cam: CamMap) -> np.ndarray:
    """Raw values of one map, (rows, columns) float32."""
    return np.frombuffer(cam.values, np.float32).reshape(cam.shape)


def shared_range(maps: Sequence[CamMap], signed: bool = False) -> tuple[float, float]:
    """(low, high) for one colour scale over several maps.

    Without ``signed`` the scale starts at zero: what speaks against the class is as clear as
    what says nothing. With it, zero lies in the middle. The brightest two hundredth of the cells
    lie above the scale: in a fine map a few of them would leave all others without colour. A map
    that is zero everywhere gets (0, 1).
    """
    if not maps:
        return (-1.0, 1.0) if signed else (0.0, 1.0)
    values = np.concatenate([map_values(m).ravel() for m in maps])
    high = _top(values)
    if not signed:
        return (0.0, high) if high > 0 else (0.0, 1.0)
    reach = max(high, _top(-values)) or 1.0
    return -reach, reach


def _top(values: np.ndarray) -> float:
    """Where the scale ends above zero; the highest value where few cells are above zero."""
    high = float(np.quantile(values, 1 - ABOVE_SCALE, method="higher"))
    return high if high > 0 else max(float(values.max()), 0.0)


def stitch(maps: Sequence[CamMap], px_per_window: int | None = None) -> StitchedMap:
    """Lay maps on their windows and average them where windows overlap.

    px_per_window: picture pixels along the smallest window; None = four for each map cell, fewer
    when the whole would pass 2,048 px. Values between cells are interpolated; nothing is
    normalised. Raises ValueError without maps.
    """
    if not maps:
        raise ValueError("there are no maps to stitch")
    left = min(m.window.x for m in maps)
    top = min(m.window.y for m in maps)
    width = max(m.window.x + m.window.side for m in maps) - left
    height = max(m.window.y + m.window.side for m in maps) - top
    scale = _picture_px_per_slide_px(maps, max(width, height), px_per_window)
    columns, rows = max(1, round(width * scale)), max(1, round(height * scale))
    total = np.zeros((rows, columns), np.float32)
    weight = np.zeros((rows, columns), np.float32)
    for cam in maps:
        x0, x1 = _footprint(cam.window.x - left, cam.window.side, scale, columns)
        y0, y1 = _footprint(cam.window.y - top, cam.window.side, scale, rows)
        total[y0:y1, x0:x1] += resize_map(map_values(cam), y1 - y0, x1 - x0, cam.cells)
        weight[y0:y1, x0:x1] += 1.0
    values = np.where(weight > 0, total / np.maximum(weight, 1.0), np.float32(np.nan))
    return StitchedMap(values.astype(np.float32), left, top, width, height)


def colorize(
    values: np.ndarray,
    low: float,
    high: float,
    colormap: str = "inferno",
    alpha_mode: AlphaMode = "flat",
) -> np.ndarray:
    """Colour (H, W) float values; returns (H, W, 4) uint8 RGBA, not premultiplied.

    low, high: values at the ends of the colour map; beyond them the end colours are used.
    alpha_mode: "flat" is opaque wherever there is a value, "value" fades in from low to high.
    NaN is clear. Raises KeyError for an unknown map.
    """
    table = lookup_table(colormap)
    known = np.isfinite(values)
    span = high - low if high > low else 1.0
    share = np.clip((np.where(known, values, low) - low) / span, 0.0, 1.0)
    rgba = np.empty((*values.shape, 4), np.uint8)
    rgba[..., :3] = table[np.round(share * 255.0).astype(np.uint8)]
    opacity = share if alpha_mode == "value" else np.ones_like(share)
    rgba[..., 3] = np.where(known, np.round(opacity * 255.0), 0).astype(np.uint8)
    return rgba


def resize_map(
    values: np.ndarray, rows: int, columns: int, cells: tuple[float, float] | None = None
) -> np.ndarray:
    """Bilinear resize of (h, w) float32 with cell centres aligned and edges held; no cv2.

    cells: rows and columns of ``values`` that the picture spans, from the top left; None = all.
    """
    spanned = cells or values.shape
    across = _weights(values.shape[1], columns, spanned[1])
    down = _weights(values.shape[0], rows, spanned[0])
    return (down @ values.astype(np.float32) @ across.T).astype(np.float32)


def _weights(source: int, target: int, spanned: float) -> np.ndarray:
    """(target, source) matrix of linear interpolation weights; its rows sum to 1."""
    at = ((np.arange(target) + 0.5) * spanned / target - 0.5).clip(0, source - 1)
    distance = abs(at[:, None] - np.arange(source))
    return np.maximum(1.0 - distance, 0.0).astype(np.float32)


def _picture_px_per_slide_px(
    maps: Sequence[CamMap], longest: float, px_per_window: int | None
) -> float:
    side = min(m.window.side for m in maps)
    cells = max(max(m.shape) for m in maps)
    wanted = (px_per_window or cells * SMOOTHING) / side
    return min(wanted, MAX_SIDE_PX / longest)


def _footprint(start: float, side: float, scale: float, limit: int) -> tuple[int, int]:
    """First and one past the last picture pixel of a window along one axis; at least one."""
    first = min(round(start * scale), limit - 1)
    return first, min(max(round((start + side) * scale), first + 1), limit)
