"""Changes of stain and light as one affine map in optical density.

With I = exp(-OD), scaling a stain's concentration, a gamma and a change of brightness or white
balance are all affine in OD: stain jitter is M^-1 diag(s) M on the pixel's OD row, gamma g is a
factor, brightness b an offset, a gain of each channel three offsets. So any mixture of them is one
3x3 matrix and one offset for each image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssmamba.slides import stains as known_stains

WHITE = 255.0
FLOOR = 1.0  # darkest value, so that the logarithm stays finite

_PAIRS = {"he": ("haematoxylin", "eosin"), "giemsa": ("methylene blue", "eosin of Giemsa")}

# OD of each of the 256 values
_OD = -np.log(np.maximum(np.arange(256, dtype=np.float32), FLOOR) / WHITE)


@dataclass(frozen=True)
class StainJitter:
    """Strengths of colour changes; each is the half-width of a uniform draw."""

    basis: str  # he | giemsa | none (red, green and blue by themselves)
    scale: float  # of each stain's concentration, relative
    shift: float = 0.0  # of each stain's concentration, OD
    gamma: float = 0.0  # exponent 1 ± gamma, drawn on a log scale
    brightness: float = 0.0  # offset of all three channels, OD
    cast: float = 0.0  # offset of each channel by itself (gain, white balance), OD


def stain_matrix(basis: str) -> np.ndarray:
    """(3, 3) rows of unit length: two stains and the direction across both; identity for none."""
    if basis == "none":
        return np.eye(3, dtype=np.float64)
    return known_stains.stain_matrix(*_PAIRS[basis])


def draw_affine(
    count: int, jitter: StainJitter, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw (B, 3, 3) matrices A and (B, 3) offsets b so that OD' = OD @ A + b (row vectors)."""
    stains = stain_matrix(jitter.basis)
    inverse = np.linalg.inv(stains)
    scale = rng.uniform(1 - jitter.scale, 1 + jitter.scale, (count, 3))
    shift = rng.uniform(-jitter.shift, jitter.shift, (count, 3))
    gamma = np.exp(rng.uniform(-1, 1, (count, 1)) * np.log1p(jitter.gamma))
    light = rng.uniform(-jitter.brightness, jitter.brightness, (count, 1))
    matrix = np.einsum("ij,bj,jk->bik", inverse, scale, stains) * gamma[:, :, None]
    offset = shift @ stains + light
    if jitter.cast > 0:
        offset += rng.uniform(-jitter.cast, jitter.cast, (count, 3))
    return matrix.astype(np.float32), offset.astype(np.float32)


def apply_affine(images: np.ndarray, matrix: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Change colours of (B, H, W, 3) uint8 by one affine map in OD for each image."""
    out = np.empty_like(images)
    for index, image in enumerate(images):
        od = _OD[image].reshape(-1, 3) @ matrix[index]
        od += offset[index]
        np.negative(od, out=od)
        np.exp(od, out=od)
        od *= WHITE
        np.rint(od, out=od)
        np.clip(od, 0, WHITE, out=od)
        out[index] = od.reshape(image.shape)
    return out


def jitter_stains(images: np.ndarray, jitter: StainJitter, rng: np.random.Generator) -> np.ndarray:
    """Stain jitter of (B, H, W, 3) uint8, with a separate draw for each image."""
    return apply_affine(images, *draw_affine(len(images), jitter, rng))
