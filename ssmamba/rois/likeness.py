"""Areas of a picture that are alike in colour, for growing a region from a place."""

from __future__ import annotations

import cv2
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

BLUR_PX = 1.5  # sigma; single pixels must not stop the growth
SEED_PX = 2  # the colour is that of a square of so many pixels to each side of the place
SMALLEST_HOLE_PX2 = 60  # smaller holes are filled
ROUGHNESS_PX = 0.7  # outlines may leave the pixels by this much


class Likeness:
    """How unlike each pixel is to the one at a place.

    Args:
        rgb: the picture, (H, W, 3) uint8.
        x, y: the place, pixels of the picture; it must lie in it.
    """

    def __init__(self, rgb: np.ndarray, x: int, y: int) -> None:
        smooth = cv2.GaussianBlur(rgb, (0, 0), BLUR_PX)
        # CIELAB: L 0..100, a and b about -127..127, so that a step looks alike for any colour
        lab = cv2.cvtColor(smooth.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        rows = slice(max(y - SEED_PX, 0), y + SEED_PX + 1)
        columns = slice(max(x - SEED_PX, 0), x + SEED_PX + 1)
        seed = np.median(lab[rows, columns].reshape(-1, 3), axis=0)
        self.distance = np.sqrt(((lab - seed.astype(np.float32)) ** 2).sum(axis=2))  # (H, W)
        self.place = x, y

    def keep_within(self, ring: np.ndarray) -> None:
        """Take what lies outside a ring (N, 2), pixels of the picture, for unlike anything."""
        inside = np.zeros(self.distance.shape, np.uint8)
        cv2.fillPoly(inside, [np.rint(ring).astype(np.int32)], 1)
        self.distance[inside == 0] = np.inf

    def mask(self, tolerance: float) -> np.ndarray:
        """What is connected with the place and no farther in colour, (H, W) uint8 of 0 and 1."""
        alike = (self.distance <= tolerance).astype(np.uint8)
        x, y = self.place
        alike[y, x] = 1
        cv2.floodFill(alike, None, (x, y), 2, flags=4)
        return (alike == 2).astype(np.uint8)

    def area(self, tolerance: float, scale: float, left: float, top: float) -> BaseGeometry:
        """The outline of ``mask`` on the slide; empty where it is a single pixel wide.

        scale: level-0 pixels per pixel; left, top: of the picture's corner, level-0 pixels.
        """
        contours, tree = cv2.findContours(
            self.mask(tolerance), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE
        )
        if tree is None:
            return shapely.Polygon()
        rings = [contour[:, 0, :].astype(float) + 0.5 for contour in contours]
        outer = [r for r, node in zip(rings, tree[0], strict=True) if node[3] < 0 and len(r) > 2]
        holes = [r for r, node in zip(rings, tree[0], strict=True) if node[3] >= 0 and len(r) > 2]
        large = [h for h in map(shapely.Polygon, holes) if h.area >= SMALLEST_HOLE_PX2]
        inside = shapely.difference(
            shapely.union_all([shapely.make_valid(shapely.Polygon(ring)) for ring in outer]),
            shapely.union_all([shapely.make_valid(hole) for hole in large]),
        )
        whole = inside.buffer(0.5, join_style="mitre").simplify(ROUGHNESS_PX)
        return shapely.transform(whole, lambda places: places * scale + (left, top))
