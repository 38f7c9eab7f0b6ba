"""Contact sheet: some images of each class in one picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ssmamba.reading.preprocess import resize_image
from training.data.images import centre_square, read_rgb

COLUMNS, PX, GAP, TEXT = 10, 96, 4, 14


def contact_sheet(
    by_class: Mapping[str, Sequence[Path]], names: Callable[[str], str], seed: int = 0
) -> Image.Image:
    """A row for each class, images drawn by seed; ``names``: readable name of a class key."""
    row_px = PX + GAP + TEXT + 6
    sheet = Image.new("RGB", (COLUMNS * (PX + GAP) + GAP, len(by_class) * row_px + GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(TEXT)
    for row, (key, files) in enumerate(by_class.items()):
        top = GAP + row * row_px
        draw.text((GAP, top), f"{names(key)} ({key}): {len(files)}", fill="black", font=font)
        rng = np.random.default_rng([seed, row])
        for column, index in enumerate(np.sort(rng.permutation(len(files))[:COLUMNS])):
            tile = resize_image(centre_square(read_rgb(files[index])), PX)
            sheet.paste(Image.fromarray(tile), (GAP + column * (PX + GAP), top + TEXT + 6))
    return sheet
