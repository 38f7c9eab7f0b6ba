"""Messages between the viewer and the engine process: plain dataclasses, no torch types.

Requests carry a ``job`` number that the viewer chose; every reply repeats it. A job ends with
exactly one of ``JobDone``, ``JobFailed`` or ``JobCancelled``; partial results and ``Progress``
come before. Pictures travel as raw bytes (C order) with their shape.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ssmamba.reading.values import DEFAULT_OPTIONS, CamMap, ReadOptions, Stamp, Trust, Window
from ssmamba.rois.roi import Roi


# --- what a request works on ---------------------------------------------------------------
@dataclass(frozen=True)
class SlideRef:
    """A slide, and what the user said about it."""

    path: str
    mpp: float | None = None  # µm per level-0 pixel as corrected by the user; None = the slide's
    icc: bool | None = None  # None = as the checkpoint's card says


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
    options: ReadOptions = DEFAULT_OPTIONS


@dataclass(frozen=True)
class Explain:
    job: int
    slide: SlideRef
    roi: Roi
    checkpoints: tuple[str, ...]
    method: str = "GradCAM"  # see ssmamba.explain.cam.METHODS
    stage: int | None = None  # 1..4; None = each checkpoint's own (Card.cam_stage)
    target: str | None = None  # class key; None = the class that each checkpoint predicts
    options: ReadOptions = DEFAULT_OPTIONS


@dataclass(frozen=True)
class Reconstruct:
    job: int
    slide: SlideRef
    roi: Roi
    checkpoint: str
    mask_ratio: float = 0.75
    seed: int = 0
    options: ReadOptions = DEFAULT_OPTIONS


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
