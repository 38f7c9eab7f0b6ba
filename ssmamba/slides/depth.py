"""Numbers of any depth reduced to 8 bits.

10-, 12- and 14-bit cameras store 16-bit files whose values stop at the camera's maximum: scaled as
16 bits they would be almost black. So white is the top of the smallest depth that holds the
picture's largest value, unless the file itself says how many bits a value has.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

WHITE_LEVELS = (255.0, 1023.0, 4095.0, 16_383.0, 65_535.0, 2.0**24 - 1, 2.0**32 - 1, 2.0**64 - 1)
FLOAT_OVERSHOOT = 2.0  # resampling lifts fractions of 1 a little above 1; 0..255 is far beyond
BAND_VALUES = 16_000_000  # converted at a time


def white_level(high: float, dtype: np.dtype) -> float:
    """White for a picture whose largest value is ``high``: the smallest depth that holds it.

    Numbers with a sign have half of their range for colours. Floats that end near 1 are fractions,
    and beyond 16 bits their largest value is white.
    """
    if dtype.kind == "f" and (high <= FLOAT_OVERSHOOT or high > 65_535.0):
        return max(1.0, high) if high > FLOAT_OVERSHOOT else 1.0
    most = float(np.iinfo(dtype).max) if dtype.kind == "i" else np.inf
    return min(most, next((level for level in WHITE_LEVELS if high <= level), high))


def value_range(values: np.ndarray) -> tuple[float, float]:
    """(least, largest) finite value, 0 if there is none."""
    known = np.isfinite(values) if values.dtype.kind == "f" else True
    return (
        float(values.min(initial=0, where=known)),
        float(values.max(initial=0, where=known)),
    )


def to_eight_bits(values: np.ndarray, white: float | None = None) -> np.ndarray:
    """Numbers of any kind and shape (H, ...) to uint8: 0 is black, ``white`` is 255.

    What is not a number, and what is below 0, becomes black; white is found from the values
    when it is not given.
    """
    if white is None:
        white = white_level(value_range(values)[1], values.dtype)
    if values.dtype == np.uint8 and white == 255.0:
        return values
    out = np.empty(values.shape, np.uint8)
    for rows in bands(values):
        band = values[rows].astype(np.result_type(values.dtype, np.float32))
        band = np.where(np.isfinite(band), band, 0.0).clip(0, white)
        out[rows] = (band * (255.0 / white)).round()
    return out


def bands(values: np.ndarray) -> Iterator[slice]:
    """Rows of an array, a few at a time, so that what is made of them stays small."""
    step = max(1, BAND_VALUES // max(1, values[:1].size))
    return (slice(top, top + step) for top in range(0, len(values), step))


def on_white(rgb: np.ndarray, alpha: np.ndarray, premultiplied: bool = False) -> np.ndarray:
    """(H, W, 3) uint8 laid over white by its opacity (H, W) uint8.

    Colours that are brighter than their opacity allows end at white instead of wrapping round.
    """
    out = np.empty_like(rgb)
    for rows in bands(rgb):
        if premultiplied:
            glass = 255 - alpha[rows, :, None]
            out[rows] = rgb[rows] + np.minimum(glass, 255 - rgb[rows])
        else:
            over = Image.fromarray(np.dstack([rgb[rows], alpha[rows]]))
            white = Image.new("RGBA", over.size, "white")
            out[rows] = np.asarray(Image.alpha_composite(white, over).convert("RGB"))
    return out
