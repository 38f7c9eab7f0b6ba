"""A picture of each slide with its annotations and the windows that were taken."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ssmamba.files import written_whole
from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import Slide
from training.prepare.annotated.outcome import Taken

LONGER_PX = 1400  # side of a picture
TEXT, GAP = 15, 6
FILL = 90  # opacity of a window, 0..255

RGB = tuple[int, int, int]


def draw_map(
    slide: Slide,
    side: int,
    taken: Sequence[Taken],
    rois: Sequence[Roi],
    colors: Mapping[str, RGB],
    path: Path,
) -> None:
    """Write the picture as JPEG. colors: of the classes, in the order of the legend."""
    width, height = slide.dimensions
    longer = max(width, height)
    pixels = min(LONGER_PX, longer)
    scale = longer / pixels
    overview = slide.read_window(0, 0, longer, pixels)
    picture = overview[: math.ceil(height / scale), : math.ceil(width / scale)]
    image = Image.fromarray(np.ascontiguousarray(picture)).convert("RGBA")
    marks = Image.new("RGBA", image.size)
    draw = ImageDraw.Draw(marks)
    for window in taken:
        box = [v / scale for v in (window.x, window.y, window.x + side, window.y + side)]
        color = colors[window.label]
        draw.rectangle(box, fill=(*color, FILL), outline=(*color, 255))
    for roi in rois:
        for ring in (ring for rings in roi.polygons for ring in rings):
            if roi.has_area:
                places = [(x / scale, y / scale) for x, y in (*ring, ring[0])]
                draw.line(places, fill=(0, 0, 0, 255), width=2)
    whole = _with_legend(Image.alpha_composite(image, marks).convert("RGB"), taken, colors)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as partial:
        whole.save(partial, "JPEG", quality=88)


def _with_legend(
    image: Image.Image, taken: Sequence[Taken], colors: Mapping[str, RGB]
) -> Image.Image:
    font, row = ImageFont.load_default(TEXT), TEXT + GAP
    lines = [(f"{n}: {sum(w.label == n for w in taken)}", c) for n, c in colors.items()]
    widest = max((font.getlength(text) for text, _ in lines), default=0)
    width = max(image.width, int(widest) + TEXT + 3 * GAP)
    out = Image.new("RGB", (width, image.height + row * len(lines) + GAP), "white")
    out.paste(image)
    draw = ImageDraw.Draw(out)
    for number, (text, color) in enumerate(lines):
        top = image.height + GAP + number * row
        draw.rectangle([GAP, top, GAP + TEXT, top + TEXT], fill=color)
        draw.text((2 * GAP + TEXT, top), text, fill="black", font=font)
    return out
