"""Small pictures of known tissue: fields of many seeds, of other stain, scanner and scale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ssmamba.generated.optics import Optics
from ssmamba.generated.scenes import NAMES, Painter, field

PATCH_PX = 192  # side of a picture, 96 µm
ACROSS, DOWN = 4, 2  # pictures cut from one field
RIM = 48  # pixels around them, where nuclei may be missing
TILE = 1024  # pixels after which the fibres repeat
SCALES = (0.9, 1.1)  # least and most pixels per 0.5 µm
# Seeds below are the user's; the demo slide has one of its own (slide.SEED) that is never here
SEEDS = range(1000, 100_000)


@dataclass(frozen=True)
class Patch:
    """One picture."""

    kind: str  # key of scenes.NAMES
    seed: int
    number: int  # within the field
    image: np.ndarray  # (PATCH_PX, PATCH_PX, 3) uint8 RGB
    quality: int  # of JPEG, as its scanner saves it


def draw_patches(seed: int) -> Iterator[Patch]:
    """Eight pictures of each kind in one stain, by one scanner, at one scale."""
    if seed not in SEEDS:
        raise ValueError(f"seed {seed} is not one of {SEEDS}")
    rng = np.random.default_rng(seed)
    optics, scale = Optics.drawn(rng), float(rng.uniform(*SCALES))
    painter = Painter.made(rng, TILE, scale)
    width, height = ACROSS * PATCH_PX + 2 * RIM, DOWN * PATCH_PX + 2 * RIM
    for kind in NAMES:
        sheet = field(painter, kind, width, height)
        image = optics.image(sheet.haematoxylin, sheet.eosin, rng)
        for number in range(ACROSS * DOWN):
            x, y = RIM + number % ACROSS * PATCH_PX, RIM + number // ACROSS * PATCH_PX
            part = image[y : y + PATCH_PX, x : x + PATCH_PX]
            yield Patch(kind, seed, number, part, optics.quality)
