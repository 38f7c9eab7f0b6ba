"""What is to be seen in a window, and whether that leaves it a vote: glass, ink, black, blur.

The limits were read off training images: over 300 images each of LC25000 and of the blood smears
the smallest sharpness was 0.087 and the largest after a Gaussian blur of 3 px was 0.073; the
smallest tissue share of LC25000 was 0.31. The least detail of 3,217 images of LC25000 and 2,000
smears was 1.6 grey values; strokes of a felt pen at the magnification of tissue have up to 0.3. See
``ssmamba.slides.ink`` for the limits of ink.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ssmamba.reading.values import Doubt
from ssmamba.slides.colours import Colours
from ssmamba.slides.fluorescence import is_fluorescence
from ssmamba.slides.ink import CELLS, black_mask, black_share, ink_mask, ink_share
from ssmamba.slides.padding import padding_share
from ssmamba.slides.tissue import has_tissue, tissue_fraction, tissue_mask

GLASS_LIMIT = 0.1  # less tissue than this, in a stain in which glass can be told
INK_LIMIT = 0.08  # more ink than this
STRAY_INK = 0.03  # ink that is all there is besides glass or blur
BLACK_LIMIT = 0.1  # more black or padding than this: a frame, or fluorescence
SHARPNESS_LIMIT = 0.075
DETAIL_LIMIT = 0.5  # grey values; less is rounding and compression, which pass for sharpness
PART_INK_LIMIT = 0.25  # of the region's own pixels; single nuclei can have the colour of ink
DETAIL_RIM = 8  # pixels around a part that reach into its detail, rounded up
BLANK_CONTRAST = 4.0  # standard deviation of grey values below which a picture is empty
GLASS_STAINS = ("h&e", "he", "ihc", "pas", "trichrome")  # not smears: they are mostly background
# Their colours are red, violet and brown; the blue of a trichrome is like a pen's.
INK_STAINS = ("h&e", "he", "ihc", "giemsa", "wright", "leishman", "grünwald", "romanowsky")


@dataclass(frozen=True)
class Seen:
    """One window."""

    obstacle: Doubt  # why it has no vote; "" if it has
    tissue: float | None  # share of tissue, 0..1; None in smears, and where it was not wanted
    sharpness: float | None  # 0 without any detail; None where nothing could be sharp


def look(
    image: np.ndarray, stain: str, inside: np.ndarray | None = None, measured: bool = True
) -> Seen:
    """Look at one window, HWC uint8 RGB of the training images' side, in a stain.

    inside: where a region lies in a window that is much larger than it, (H, W) bool. A region that
    lies on ink or glass has no vote, whatever is around it. measured: whether the share of tissue
    is wanted; without it the same obstacle is found sooner.
    """
    seen = _look(image, stain, measured)
    if inside is None or seen.obstacle or not inside.any():
        return seen
    return replace(seen, obstacle=_obstacle_inside(image, stain, inside))


def passes(image: np.ndarray, stain: str, dark: bool, plain: bool, bare: bool) -> bool:
    """Whether nothing hides a window, HWC uint8 RGB, of which all else is known.

    dark, plain, bare: whether it might be fluorescence, without detail, or glass.
    """
    if not (dark or plain or bare):
        return True
    colours = Colours(image)
    if dark and is_fluorescence(colours):
        return False
    if plain and not _has_detail(_grey(colours)):
        return False
    return not bare or has_tissue(colours, GLASS_LIMIT, knows_ink(stain))


def _look(image: np.ndarray, stain: str, measured: bool) -> Seen:
    name = stain.lower()
    inked = knows_ink(name)
    colours = Colours(image)
    if (inked or knows_glass(name)) and is_fluorescence(colours):
        return Seen("fluorescence", None, None)
    ink = ink_share(colours, STRAY_INK) if inked else 0.0
    grey = _grey(colours)
    if _variance(grey) < BLANK_CONTRAST**2:
        tissue = tissue_fraction(colours, inked) if knows_glass(name) else None
        bare = tissue is not None and tissue < GLASS_LIMIT
        return Seen("pen" if ink > INK_LIMIT else "glass" if bare else "blank", tissue, None)
    sharp = _sharpness(grey) if _has_detail(grey) else 0.0
    if not knows_glass(name):
        return Seen(_obstacle(ink, False, sharp), None, sharp)
    if measured:
        tissue = tissue_fraction(colours, inked)
        glass = tissue < GLASS_LIMIT
    else:
        tissue, glass = None, not has_tissue(colours, GLASS_LIMIT, inked)
    if black_share(colours) + padding_share(colours) > BLACK_LIMIT:
        return Seen("glass", tissue, sharp)
    return Seen(_obstacle(ink, glass, sharp), tissue, sharp)


def _obstacle_inside(image: np.ndarray, stain: str, inside: np.ndarray) -> Doubt:
    """What hides a region's own pixels from a model, of all that are ``inside``."""
    name = stain.lower()
    inked = knows_ink(name)
    if inked and _share(ink_mask(_evened(image)), inside) >= PART_INK_LIMIT:
        return "pen"
    if not knows_glass(name):
        return ""
    bare = _share(tissue_mask(image, inked), inside) < GLASS_LIMIT
    return "glass" if bare or _share(black_mask(image), inside) > 0.5 else ""


def _share(mask: np.ndarray, inside: np.ndarray) -> float:
    return float(mask[inside].mean())


def _evened(image: np.ndarray) -> np.ndarray:
    """Means of the surroundings of each pixel, as far as ``ink_share`` averages, float32."""
    step = max(1, min(image.shape[:2]) // CELLS)
    return cv2.blur(image.astype(np.float32), (step, step))


def knows_glass(stain: str) -> bool:
    """Whether a stain is one of tissue on glass, and not a smear."""
    return any(name in stain.lower() for name in GLASS_STAINS)


def knows_ink(stain: str) -> bool:
    """Whether a stain has none of the colours of felt pens."""
    return any(name in stain.lower() for name in INK_STAINS)


def _obstacle(ink: float, glass: bool, sharp: float) -> Doubt:
    blurred = sharp < SHARPNESS_LIMIT
    if ink > INK_LIMIT or (ink > STRAY_INK and (glass or blurred)):
        return "pen"
    return "glass" if glass else "blurred" if blurred else ""


def sharpness(rgb: np.ndarray) -> float:
    """Variance of grey differences over 1 px against those over 4 px; contrast cancels out.

    A straight ramp gives 1/16 = 0.0625, the least that blur leads to; noise gives 1.
    """
    return _sharpness(_grey(Colours(rgb)))


def _grey(colours: Colours) -> np.ndarray:
    """Mean of the three colours, (H, W) float32 0..255."""
    total = colours.red.astype(np.float32)  # sums of bytes are exact
    total += colours.green.astype(np.float32)
    total += colours.blue.astype(np.float32)
    total /= np.float32(3)
    return total


def _sharpness(grey: np.ndarray) -> float:
    if min(grey.shape) < 8:
        return 1.0
    near, far = (_spread_down(grey, step) + _spread_across(grey, step) for step in (1, 4))
    return near / far if far > 0 else 1.0


def _spread_down(grey: np.ndarray, step: int) -> float:
    """Variance of the differences between rows ``step`` apart."""
    above, below = grey[:-step], grey[step:]
    mean = (below[-step:].sum(dtype=float) - above[:step].sum(dtype=float)) / below.size
    return cv2.norm(below, above, cv2.NORM_L2SQR) / below.size - mean**2


def _spread_across(grey: np.ndarray, step: int) -> float:
    """Variance of the differences between columns ``step`` apart."""
    left, right = grey[:, :-step], grey[:, step:]
    mean = (right[:, -step:].sum(dtype=float) - left[:, :step].sum(dtype=float)) / right.size
    return cv2.norm(right, left, cv2.NORM_L2SQR) / right.size - mean**2


def _has_detail(grey: np.ndarray) -> bool:
    """Whether the standard deviation of ``_detail`` reaches its limit.

    The squares of a part alone mostly do: what is outside of it adds to them.
    """
    rows = len(grey)
    if rows > 8 * DETAIL_RIM:
        first, last = rows // 2 - rows // 16, rows // 2 + rows // 16
        part = _detail(grey[first - DETAIL_RIM : last + DETAIL_RIM])[DETAIL_RIM:-DETAIL_RIM]
        if _variance(part) * part.size >= DETAIL_LIMIT**2 * grey.size:
            return True
    return _variance(_detail(grey)) >= DETAIL_LIMIT**2


def _detail(grey: np.ndarray) -> np.ndarray:
    """The Laplacian, after a blur that evens out rounding; grey values."""
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.0)
    return np.asarray(cv2.Laplacian(smooth, cv2.CV_32F))


def _variance(values: np.ndarray) -> float:
    flat = np.ascontiguousarray(values)
    return cv2.norm(flat, cv2.NORM_L2SQR) / flat.size - cv2.mean(flat)[0] ** 2
