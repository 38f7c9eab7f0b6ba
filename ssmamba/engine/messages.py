"""Messages between the viewer and the engine process: plain dataclasses, no torch types.

Requests carry a ``job`` number that the viewer chose; every reply repeats it. A job ends with
exactly one of ``JobDone``, ``JobFailed`` or ``JobCancelled``; partial results and ``Progress``
come before. Pictures travel as raw bytes (C order) with their shape.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ssmamba.rois.roi import Roi

Mode = Literal["auto", "whole", "tiles"]


# --- what a request works on ---------------------------------------------------------------
@dataclass(frozen=True)
class SlideRef:
    """A slide, and what the user said about it."""

    path: str
    mpp: float | None = None  # µm per level-0 pixel as corrected by the user; None = the slide's
    icc: bool | None = None  # None = as the checkpoint's card says


@dataclass(frozen=True)
class ReadOptions:
    """How an ROI becomes windows (DESIGN §7)."""

    mode: Mode = "auto"  # auto: whole for an ROI up to one window, else tiles
    field_px: float | None = None  # side of one window in level-0 px, for models without µm/px


# --- requests ------------------------------------------------------------------------------
@dataclass(frozen=True)
class LoadCheckpoint:
    job: int
    path: str


@dataclass(frozen=True)
class Classify:
    job: int
    slide: SlideRef
    roi: Roi
    checkpoints: tuple[str, ...]  # paths
    options: ReadOptions = ReadOptions()


@dataclass(frozen=True)
class Explain:
    job: int
    slide: SlideRef
    roi: Roi
    checkpoints: tuple[str, ...]
    method: str = "GradCAM"  # see ssmamba.explain.cam.METHODS
    stage: int | None = None  # 1..4; None = each checkpoint's own (Card.cam_stage)
    target: str | None = None  # class key; None = the class that each checkpoint predicts
    options: ReadOptions = ReadOptions()


@dataclass(frozen=True)
class Reconstruct:
    job: int
    slide: SlideRef
    roi: Roi
    checkpoint: str
    mask_ratio: float = 0.75
    seed: int = 0
    options: ReadOptions = ReadOptions()


@dataclass(frozen=True)
class Cancel:
    job: int


@dataclass(frozen=True)
class KeepSlides:
    """The slides that may still be asked about; the engine closes the others. No reply."""

    paths: tuple[str, ...]


@dataclass(frozen=True)
class Shutdown:
    pass


Request = LoadCheckpoint | Classify | Explain | Reconstruct | Cancel | KeepSlides | Shutdown


# --- replies -------------------------------------------------------------------------------
@dataclass(frozen=True)
class EngineReady:
    """Sent once torch is loaded and the device is chosen."""

    device: str  # "cpu", "cuda:0"
    device_name: str  # "CPU (2 cores)", "NVIDIA H200"
    device_reason: str  # why this device: "no GPU: torch is a CPU-only build"
    scan_backend: str
    versions: dict[str, str]


@dataclass(frozen=True)
class Window:
    """A square that the model saw, level-0 pixels."""

    x: float
    y: float
    side: float


@dataclass(frozen=True)
class Stamp:
    """Where a result comes from (DESIGN §7)."""

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


@dataclass(frozen=True)
class Trust:
    """Whether the answer should be believed, and if not, why (one short sentence each)."""

    sure: bool
    reasons: tuple[str, ...] = ()
    entropy: float = 0.0  # normalised, 0..1
    distance: float | None = None  # to the training features, in units of the card's limit
    blur: float | None = None
    tissue: float | None = None  # share of the windows that is tissue, 0..1


@dataclass(frozen=True)
class Progress:
    job: int
    done: int
    total: int
    text: str = ""


@dataclass(frozen=True)
class CheckpointLoaded:
    job: int
    path: str
    sha256: str
    parameters: int
    seconds: float


@dataclass(frozen=True)
class ClassifyResult:
    job: int
    roi_id: str
    checkpoint: str  # path
    probabilities: dict[str, float]  # class key -> probability
    predicted: str  # class key
    trust: Trust
    windows: tuple[Window, ...]
    stamp: Stamp
    seconds: float
    notes: tuple[str, ...] = ()  # "scale unknown", "uncalibrated", "moved to the CPU"
    window_probabilities: tuple[tuple[float, ...], ...] = ()  # per window, order of the card


@dataclass(frozen=True)
class CamMap:
    """One window's CAM, raw values at the model's grid size."""

    window: Window
    shape: tuple[int, int]  # rows, columns
    values: bytes = field(repr=False)  # float32
    cells: tuple[float, float] | None = None  # rows, columns that the window spans; None = all


@dataclass(frozen=True)
class ExplainResult:
    job: int
    roi_id: str
    checkpoint: str
    method: str
    stage: int
    target: str  # class key
    maps: tuple[CamMap, ...]
    low: float  # smallest raw value over the maps
    high: float
    stamp: Stamp
    seconds: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReconstructResult:
    job: int
    roi_id: str
    checkpoint: str
    window: Window
    shape: tuple[int, int]  # rows, columns of the three pictures
    masked: bytes = field(repr=False)  # HWC uint8 RGB
    reconstruction: bytes = field(repr=False)
    original: bytes = field(repr=False)
    mask_ratio: float
    seed: int
    psnr: float  # dB, masked pixels only
    ssim: float  # masked pixels only
    stamp: Stamp
    seconds: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class JobDone:
    job: int


@dataclass(frozen=True)
class JobCancelled:
    job: int


@dataclass(frozen=True)
class JobFailed:
    job: int
    message: str  # one sentence with the next step
    details: str = ""  # traceback, shown on demand


Reply = (
    EngineReady
    | Progress
    | CheckpointLoaded
    | ClassifyResult
    | ExplainResult
    | ReconstructResult
    | JobDone
    | JobCancelled
    | JobFailed
)
