"""Other colours for tiles, as lookup tables: brightness, contrast, gamma, white, single stains."""

from __future__ import annotations

import numpy as np

from ssmamba.slides.stains import STAINS, stain_matrix
from viewer.state.settings import STAIN_VIEWS, ViewColors

STEPS = 1024  # of the amount of a stain
MOST = 3.0  # amount of a stain in optical density that is still told apart


class ColorMap:
    """Maps pixels of 8 bits; made once for many tiles, used on any thread.

    A stain's amount is c = OD @ inv(M) (``ssmamba.slides.stains``), a sum of one number for each
    channel, so three tables of 256 and one of STEPS colours do it. It is painted in the stain's own
    colour, exp(-c m), the residual in grey. The white point comes before the stain; brightness,
    contrast and gamma after it.
    """

    def __init__(self, colors: ViewColors) -> None:
        white = np.asarray(colors.white or (255, 255, 255), float)
        values = np.arange(256)[None, :] / white[:, None]  # (3, 256), RGB
        if not colors.stain:
            self._tables = _bytes(_toned(np.minimum(values, 1.0), colors))
            self._palette = None
            return
        first, second, number = STAIN_VIEWS[colors.stain]
        density = -np.log(np.clip(values, 1 / 255, 1.0))
        weights = np.linalg.inv(stain_matrix(first, second))[:, number]
        amounts = density * weights[:, None] * ((STEPS - 1) / MOST)
        self._tables = np.rint(amounts).astype(np.int16)  # (3, 256), RGB
        own = np.ones(3)
        if number < 2:
            row = np.asarray(STAINS[(first, second)[number]])
            own = row / np.linalg.norm(row)
        shown = np.exp(-np.linspace(0.0, MOST, STEPS)[:, None] * own)  # (STEPS, 3), RGB
        bgra = np.full((STEPS, 4), 255, np.uint8)
        bgra[:, :3] = _bytes(_toned(shown, colors))[:, ::-1]
        self._palette = np.ascontiguousarray(bgra).view(np.uint32)[:, 0]

    def apply_bgra_in_place(self, image: np.ndarray) -> None:
        """Map (H, W, 4) uint8 BGRA, contiguous; alpha stays."""
        blue, green, red = (image[..., channel] for channel in range(3))
        if self._palette is None:
            for channel, table in zip((red, green, blue), self._tables, strict=True):
                channel[...] = np.take(table, channel, mode="clip")
            return
        amount = np.take(self._tables[0], red, mode="clip")
        amount += np.take(self._tables[1], green, mode="clip")
        amount += np.take(self._tables[2], blue, mode="clip")
        image.view(np.uint32)[..., 0] = np.take(self._palette, amount, mode="clip")


def _toned(values: np.ndarray, colors: ViewColors) -> np.ndarray:
    """Brightness, contrast and gamma on values of 0 to 1."""
    curved = values ** (1.0 / colors.gamma)
    return (curved - 0.5) * 4.0**colors.contrast + 0.5 + colors.brightness


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(values, 0.0, 1.0) * 255).astype(np.uint8)
