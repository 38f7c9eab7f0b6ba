"""The three colours of a picture as planes, and what several questions ask of them, made once."""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np


class Colours:
    """Planes (H, W) of an HWC RGB picture, uint8 or float32 0..255."""

    def __init__(self, rgb: np.ndarray) -> None:
        self.rgb = rgb
        self.red, self.green, self.blue = cv2.split(rgb)

    @classmethod
    def of(cls, picture: np.ndarray | Colours) -> Colours:
        """A picture's colours; those that are given as they are."""
        return picture if isinstance(picture, Colours) else cls(picture)

    @cached_property
    def high(self) -> np.ndarray:
        """The brightest of the three."""
        return np.asarray(cv2.max(cv2.max(self.red, self.green), self.blue))

    @cached_property
    def low(self) -> np.ndarray:
        """The darkest of the three."""
        return np.asarray(cv2.min(cv2.min(self.red, self.green), self.blue))

    @cached_property
    def chroma(self) -> np.ndarray:
        """How far the darkest is from the brightest."""
        return np.asarray(cv2.subtract(self.high, self.low))


Picture = np.ndarray | Colours
