"""Converts a slide's pixels to sRGB with its ICC profile."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

from ssmamba.errors import SlideError


class SrgbTransform:
    """Converts pixels from one profile to sRGB; safe to share between threads.

    Raises SlideError when the profile cannot be used (callers then ignore it and say so).
    """

    def __init__(self, profile: bytes) -> None:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            self._transform = ImageCms.buildTransform(
                source,
                ImageCms.createProfile("sRGB"),
                "RGB",
                "RGB",
                renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            )
        except (OSError, ImageCms.PyCMSError) as error:
            raise SlideError(
                "The slide's colour profile cannot be used, so its colours are shown unconverted; "
                "switch the profile off to hide this message."
            ) from error

    @property
    def changes_nothing(self) -> bool:
        """Whether the profile is sRGB already, as many scanners' are, to within one grey level."""
        steps = np.linspace(0, 255, 9).astype(np.uint8)
        grid = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(1, -1, 3)
        return int(np.abs(self.apply(grid).astype(int) - grid).max()) <= 1

    def apply(self, rgb: np.ndarray) -> np.ndarray:
        """HWC uint8 RGB in the profile's space → HWC uint8 sRGB."""
        image = Image.fromarray(rgb, "RGB")
        self._transform.apply_in_place(image)
        return np.array(image)

    def apply_bgra_in_place(self, bgra: np.ndarray) -> None:
        """The same for an opaque (H, W, 4) uint8 BGRA buffer."""
        rgb = np.ascontiguousarray(bgra[..., 2::-1])
        bgra[..., :3] = self.apply(rgb)[..., ::-1]
