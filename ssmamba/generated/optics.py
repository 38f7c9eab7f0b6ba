"""From dye to RGB (Beer-Lambert law): a stain, a scanner, ink on the coverslip."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

INK = (3.4, 2.0, 0.75)  # absorption of a blue felt pen in R, G, B
DYES = ((0.62, 0.71, 0.30), (0.08, 0.83, 0.38))  # absorption of H and E in R, G, B


@dataclass(frozen=True)
class Optics:
    """A stain and a scanner."""

    dyes: tuple[tuple[float, float, float], ...] = DYES
    strength: tuple[float, float] = (1.0, 1.0)  # of haematoxylin and eosin
    white: tuple[float, float, float] = (246.0, 245.0, 248.0)  # glass in R, G, B
    blur: float = 0.75  # sigma, pixels
    noise: float = 2.6  # spread, grey levels
    quality: int = 88  # of JPEG

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Optics:
        """Another laboratory and another scanner."""
        dyes = tuple(
            tuple(float(v) for v in np.abs(np.array(d) + rng.normal(0, 0.035, 3))) for d in DYES
        )
        h, e = rng.uniform(0.78, 1.25, 2)
        white = rng.uniform(238, 251) + rng.normal(0, 2.0, 3)
        r, g, b = np.clip(white, 228, 254)
        return cls(
            dyes,  # type: ignore[arg-type]
            (float(h), float(e)),
            (float(r), float(g), float(b)),
            float(rng.uniform(0.55, 1.0)),
            float(rng.uniform(1.4, 4.0)),
            int(rng.integers(82, 94)),
        )

    def table(self) -> np.ndarray:
        """(256, 256, 3) uint8 RGB of each pair of dye amounts (H, E)."""
        h = np.arange(256, dtype=np.float32)[:, None, None] * self.strength[0] / 105.0
        e = np.arange(256, dtype=np.float32)[None, :, None] * self.strength[1] / 150.0
        density = h * np.array(self.dyes[0], np.float32) + e * np.array(self.dyes[1], np.float32)
        return np.round(np.exp(-density) * np.array(self.white, np.float32)).astype(np.uint8)

    def image(
        self, haematoxylin: np.ndarray, eosin: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """(H, W, 3) uint8 RGB of dye maps (H, W) uint8, as this scanner sees them."""
        h, e = (cv2.GaussianBlur(m, (0, 0), self.blur) for m in (haematoxylin, eosin))
        rgb = self.table()[h, e] + rng.normal(0, self.noise, (*h.shape, 1))
        return np.clip(np.round(rgb), 0, 255).astype(np.uint8)

    def inked(self, rgb: np.ndarray, ink: np.ndarray) -> np.ndarray:
        """An (H, W, 3) uint8 RGB image under ink (H, W) uint8."""
        if not ink.any():
            return rgb
        passed = np.exp(ink[..., None] / -255.0 * np.array(INK, np.float32))
        return np.round(rgb * passed).astype(np.uint8)
