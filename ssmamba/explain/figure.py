"""A CAM as a picture to keep: original, overlay and the scale of its colours."""

from __future__ import annotations

import importlib.util
import textwrap
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFont

from ssmamba.explain.stitch import (
    StitchedMap,
    colorize,
    lookup_table,
    resize_map,
    shared_range,
    stitch,
)
from ssmamba.reading.values import CamMap
from ssmamba.rois.geometry import resolved
from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import Slide

PANEL_PX = 448
BAR_PX = 16
GAP_PX = 12
TEXT_PX = 13
LINE_LETTERS = 130
OPACITY = 0.7  # where the evidence is strongest; where there is none the tissue stays clear
RESEARCH_USE = "Research use only, not a medical device."


def cam_figure(
    slide: Slide, roi: Roi, maps: Sequence[CamMap], caption: str, colormap: str = "inferno"
) -> Image.Image:
    """Original | overlay | colour bar with its range, over the square around the maps.

    The overlay is cut by the region; maps share one colour scale.
    """
    stitched = stitch(maps)
    left, top, side = square = _square(stitched)
    original = slide.read_window(left, top, side, PANEL_PX)
    low, high = shared_range(maps)
    overlay = _overlay(original, roi, stitched, square, (low, high), colormap)
    lines = [*textwrap.wrap(caption, LINE_LETTERS), RESEARCH_USE]
    width = 2 * PANEL_PX + BAR_PX + 4 * GAP_PX + 70
    figure = Image.new("RGB", (width, PANEL_PX + 2 * GAP_PX + len(lines) * 18 + 6), "white")
    figure.paste(Image.fromarray(original), (GAP_PX, GAP_PX))
    figure.paste(Image.fromarray(overlay), (2 * GAP_PX + PANEL_PX, GAP_PX))
    _color_bar(figure, 3 * GAP_PX + 2 * PANEL_PX, low, high, colormap)
    draw, letters = ImageDraw.Draw(figure), font()
    for number, line in enumerate(lines):
        gray = "black" if number < len(lines) - 1 else "gray"
        place = (GAP_PX, PANEL_PX + 2 * GAP_PX + 18 * number)
        draw.text(place, line, fill=gray, font=letters)
    return figure


def _square(area: StitchedMap) -> tuple[float, float, float]:
    """Left, top and side of the square around all windows, level-0 pixels."""
    side = max(area.width, area.height)
    return area.x + (area.width - side) / 2, area.y + (area.height - side) / 2, side


def _overlay(
    original: np.ndarray,
    roi: Roi,
    stitched: StitchedMap,
    square: tuple[float, float, float],
    limits: tuple[float, float],
    colormap: str,
) -> np.ndarray:
    left, top, side = square
    scale = PANEL_PX / side
    x, y = round((stitched.x - left) * scale), round((stitched.y - top) * scale)
    columns, rows = round(stitched.width * scale), round(stitched.height * scale)
    known = np.isfinite(stitched.values)
    covered = resize_map(known.astype(np.float32), rows, columns) > 0.5
    values = resize_map(np.where(known, stitched.values, 0.0), rows, columns)
    colored = colorize(np.where(covered, values, np.nan), *limits, colormap, "value")
    alpha = np.zeros((PANEL_PX, PANEL_PX, 1), np.float32)
    color = np.zeros((PANEL_PX, PANEL_PX, 3), np.float32)
    area = (slice(y, y + rows), slice(x, x + columns))
    color[area] = colored[..., :3]
    alpha[area] = colored[..., 3:] / 255.0 * OPACITY
    alpha *= _inside(roi, square)[..., None]
    return np.round(original * (1 - alpha) + color * alpha).astype(np.uint8)


def _inside(roi: Roi, square: tuple[float, float, float]) -> np.ndarray:
    """1 in the region and 0 out of it, (PANEL_PX, PANEL_PX) float32."""
    left, top, side = square
    scale = PANEL_PX / side
    mask = Image.new("L", (PANEL_PX, PANEL_PX), 0)
    for rings in resolved(roi).polygons:
        own = Image.new("L", mask.size, 0)  # its holes may hold others
        draw = ImageDraw.Draw(own)
        for number, ring in enumerate(rings):
            points = [((px - left) * scale, (py - top) * scale) for px, py in ring]
            draw.polygon(points, fill=0 if number else 255)
        mask = ImageChops.lighter(mask, own)
    return np.asarray(mask, np.float32) / 255.0


def _color_bar(figure: Image.Image, x: int, low: float, high: float, colormap: str) -> None:
    rows = np.linspace(255, 0, PANEL_PX).round().astype(np.uint8)
    bar = np.repeat(lookup_table(colormap)[rows][:, None, :], BAR_PX, axis=1)
    figure.paste(Image.fromarray(np.ascontiguousarray(bar)), (x, GAP_PX))
    draw, letters = ImageDraw.Draw(figure), font()
    draw.text((x + BAR_PX + 4, GAP_PX - 2), f"{high:.3g}", fill="black", font=letters)
    bottom = GAP_PX + PANEL_PX - TEXT_PX - 2
    draw.text((x + BAR_PX + 4, bottom), f"{low:.3g}", fill="black", font=letters)


@cache
def font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """DejaVu Sans as matplotlib ships it: Pillow's own has no µ."""
    found = importlib.util.find_spec("matplotlib")
    for folder in (found.submodule_search_locations or ()) if found else ():
        file = Path(folder) / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if file.exists():
            return ImageFont.truetype(str(file), TEXT_PX)
    return ImageFont.load_default(TEXT_PX)
