"""Values of reading and answering: how a region is read, what was seen, where a result comes from.

Plain dataclasses without torch types; messages between the processes carry them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

COARSEST = 8  # rows and columns between the windows of a slide that are read first
Mode = Literal["auto", "whole", "tiles"]
# Why an answer is not sure; "" when it is. See ssmamba.reading.doubts for their order and words.
Doubt = Literal[
    "", "unsure", "foreign", "partial", "blurred", "glass", "blank", "pen", "damaged",
    "fluorescence", "unlike", "background",
]  # fmt: skip
NO_CLASS: frozenset[Doubt] = frozenset(
    {"glass", "blank", "blurred", "pen", "damaged", "fluorescence", "background"}
)
Check = Callable[[], object]  # called during long work, which ends when it raises


@dataclass(frozen=True)
class ReadOptions:
    """How an ROI becomes windows."""

    mode: Mode = "auto"  # auto: whole for an ROI up to one window, else tiles
    field_px: float | None = None  # side of one window in level-0 px, for models without µm/px


DEFAULT_OPTIONS = ReadOptions()


@dataclass(frozen=True)
class PackedArray:
    """A NumPy array as a value: it compares, hashes and travels as raw bytes (C order)."""

    data: bytes = field(repr=False)
    shape: tuple[int, ...]
    dtype: str  # NumPy's name for it, "float64"

    @classmethod
    def of(cls, array: np.ndarray) -> PackedArray:
        return cls(array.tobytes(), array.shape, array.dtype.name)

    @property
    def array(self) -> np.ndarray:
        """The array, read-only, without a copy."""
        return np.frombuffer(self.data, self.dtype).reshape(self.shape)

    def __len__(self) -> int:
        return self.shape[0]


@dataclass(frozen=True)
class Window:
    """A square that the model saw, level-0 pixels."""

    x: float
    y: float
    side: float


@dataclass(frozen=True)
class Stamp:
    """Where a result comes from: what was read, by which model, on which device, and when."""

    slide_path: str
    slide_hash: str  # quick hash of the file
    roi_id: str
    roi_geometry: str  # sha256 of the coordinates; tells an outdated result
    checkpoint_sha256: str
    device: str
    scan_backend: str
    mpp: float | None  # µm per network pixel that was read; None = scale unknown
    icc: bool
    mode: str  # whole | tiles
    method: str = ""
    seed: int | None = None
    time: str = ""  # ISO 8601, UTC
    precision: str = "float32"  # of the arithmetic; bfloat16 where it was used in any operation


@dataclass(frozen=True)
class Trust:
    """Whether the answer should be believed, and if not, why (one short sentence each)."""

    sure: bool
    reasons: tuple[str, ...] = ()
    entropy: float = 0.0  # normalised, 0..1
    distance: float | None = None  # to the training features, in units of the card's limit
    sharpness: float | None = None  # the higher the sharper (inference.judge); None = not measured
    tissue: float | None = None  # share of the windows that is tissue, 0..1
    doubt: Doubt = ""  # the most fundamental reason; "" exactly when sure

    @property
    def names_class(self) -> bool:
        """Whether a class may be shown; not where there was no tissue to be seen."""
        return self.doubt not in NO_CLASS


@dataclass(frozen=True)
class CamMap:
    """One window's CAM, raw values at the model's grid size."""

    window: Window
    shape: tuple[int, int]  # rows, columns
    values: bytes = field(repr=False)  # float32
    cells: tuple[float, float] | None = None  # rows, columns that the window spans; None = all
