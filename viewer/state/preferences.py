"""What the user prefers in every slide; plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

MOST_THREADS = 256
Corner = Literal["top-left", "top-right", "bottom-right", "bottom-left"]
CORNERS: tuple[Corner, ...] = get_args(Corner)  # the way round
TILE_MB = (128, 256, 512, 1024, 2048, 4096)  # to choose from


@dataclass(frozen=True)
class Preferences:
    """The choices of the dialog "Preferences"; the defaults fit a laptop."""

    theme: str = "system"  # system | light | dark
    language: str = ""  # code, such as "de"; "" = the system's
    device: str = "auto"  # of the models: auto | cpu | cuda[:N]
    threads: int = 0  # of the models on the CPU; 0 = as many as are free
    tile_mb: int = 512  # memory for tiles of each open slide, MiB
    touchpad: Literal["move", "zoom"] = "move"  # what two fingers do to the slide
    glide: bool = True  # the slide goes on after a quick pan
    grid: bool = False  # lines on the slide
    crosshair: bool = False  # lines through the pointer
    minimap: bool = True
    minimap_corner: Corner = "bottom-right"
    models: tuple[str, ...] = ()  # paths of those in use after each start; () = as they were left

    def __post_init__(self) -> None:
        """Raises ValueError for what cannot be."""
        if not 0 <= self.threads <= MOST_THREADS:
            raise ValueError(f"{self.threads} threads")
        if not TILE_MB[0] <= self.tile_mb <= TILE_MB[-1]:
            raise ValueError(f"{self.tile_mb} MiB for tiles")
