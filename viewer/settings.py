"""What the user chose about reading, maps and reconstructions; plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# (name of the method, what a reader should know about it)
MAP_METHODS: tuple[tuple[str, str], ...] = (
    ("GradCAM", "Weighs the model's features by how they move the class. A sound first choice."),
    ("GradCAM++", "Like GradCAM, but finds several separate places more evenly."),
    ("HiResCAM", "Shows only places that truly raise the class; no averaging over the image."),
    ("LayerCAM", "Sharp, also in the early, finer stages."),
    ("EigenCAM", "The strongest pattern the model sees; the same for every class."),
)


@dataclass(frozen=True)
class Calibration:
    """What the user said about a slide; remembered for each slide."""

    mpp: float | None = None  # µm per level-0 pixel; None = the slide's own
    field_px: float | None = None  # side of one window, level-0 px, for models without µm/px
    icc: bool = True  # the view applies the slide's colour profile


@dataclass(frozen=True)
class MapSettings:
    """Which evidence map is computed, and how it is painted."""

    method: str = "GradCAM"
    stage: int = 4  # 1 (finest) .. 4
    target: str | None = None  # class key; None = the class that each model predicts
    visible: bool = True
    opacity: float = 0.6  # 0..1
    colormap: str = "inferno"
    scale: Literal["own", "shared"] = "own"  # colour scale of each map, or one for all models
    fade: bool = True  # low values are clear, so that the tissue stays visible


@dataclass(frozen=True)
class PictureSettings:
    """How a region is masked for the reconstruction."""

    mask_ratio: float = 0.75
    seed: int = 0
