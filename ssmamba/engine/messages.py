"""Messages between the viewer and the engine process: plain dataclasses, no torch types.

A ``JobRequest`` carries a ``job`` number that the viewer chose; every reply repeats it. A job ends
with exactly one of ``JobDone``, ``JobFailed`` or ``JobCancelled``; ``Progress``, results and
``CheckpointFailed`` come before. Pictures travel as raw bytes (C order) with their shape.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from ssmamba.reading.values import (
    DEFAULT_OPTIONS,
    CamMap,
    Doubt,
    PackedArray,
    ReadOptions,
    Stamp,
    Trust,
    Window,
)
from ssmamba.rois.roi import Roi


# --- what a request is about ---------------------------------------------------------------
@dataclass(frozen=True)
class SlideRef:
    """A slide, and the user's settings for it."""

    path: str
    mpp: float | None = None  # µm per level-0 pixel as corrected by the user; None = the slide's
    icc: bool | None = None  # None = as the checkpoint's card says
    # size, time of change and inode of the file that is shown; another one is not read
    file: tuple[int, int, int] | None = None


# --- jobs ----------------------------------------------------------------------------------
class Priority(IntEnum):
    """Urgency of a job; after each step the engine continues with the most urgent one."""

    ASKED = 0  # just asked by the user
    VISIBLE = 1  # on the screen
    REST = 2
    AHEAD = 3  # what may be asked later
    SLIDE = 4  # a whole slide, which takes minutes: all else is shorter


@dataclass(frozen=True)
class JobRequest:
    """Base of the requests for work; ``ssmamba.engine.jobs.KINDS`` maps them to functions."""

    job: int
    priority: Priority = field(default=Priority.ASKED, kw_only=True)


@dataclass(frozen=True)
class LoadCheckpoint(JobRequest):
    path: str


@dataclass(frozen=True)
class Classify(JobRequest):
    slide: SlideRef
    roi: Roi
    checkpoints: tuple[str, ...]  # paths
    options: ReadOptions = DEFAULT_OPTIONS


@dataclass(frozen=True)
class Explain(JobRequest):
    slide: SlideRef
    roi: Roi
    checkpoints: tuple[str, ...]
    method: str = "GradCAM"  # see ssmamba.explain.cam.METHODS
    stage: int | None = None  # 1..4; None = each checkpoint's own (Card.cam_stage)
    target: str | None = None  # class key; None = the class that each checkpoint predicts
    options: ReadOptions = DEFAULT_OPTIONS


@dataclass(frozen=True)
class Reconstruct(JobRequest):
    slide: SlideRef
    roi: Roi
    checkpoint: str
    mask_ratio: float = 0.75
    seed: int = 0
    options: ReadOptions = DEFAULT_OPTIONS


@dataclass(frozen=True)
class MeasureFit(JobRequest):
    """How far the tissue of a slide is from the images that a model was trained on."""

    slide: SlideRef
    checkpoint: str
    options: ReadOptions = DEFAULT_OPTIONS
    most: int = 6  # windows to look at


@dataclass(frozen=True)
class ScanSlide(JobRequest):
    """Read all tissue of a slide, the coarse first and outwards from a place.

    A batch a step, so that what is asked meanwhile is answered between two. To begin elsewhere, or
    to go on after a restart, cancel it and ask again with what is known.
    """

    slide: SlideRef
    checkpoint: str
    begin: tuple[float, float] | None = None  # (x, y), level-0 px; None = the middle of the slide
    # left, top, right, bottom of what is looked at, level-0 px: read first, from coarse to fine
    view: tuple[float, float, float, float] | None = None
    known: PackedArray | None = None  # (N, 2) int32 of row and column: windows not to be read again
    field_px: float | None = None  # side of a window, level-0 px, for models without µm/px
    overlap: float = 0.0  # share of a window's side that neighbours have in common
    added: tuple[Roi, ...] = ()  # tissue that the map of tissue missed
    removed: tuple[Roi, ...] = ()  # what it took for tissue


@dataclass(frozen=True)
class AnswerSlide(JobRequest):
    """One answer of a slide model for a whole slide: its regions are read, then a layer a step."""

    slide: SlideRef
    checkpoint: str


# --- control: takes effect before the next step; no reply but the end of a cancelled job ---
@dataclass(frozen=True)
class Cancel:
    job: int


@dataclass(frozen=True)
class Pause:
    job: int


@dataclass(frozen=True)
class Resume:
    job: int


@dataclass(frozen=True)
class Reprioritise:
    job: int
    priority: Priority


@dataclass(frozen=True)
class KeepSlides:
    """The slides that may still be asked about; the engine closes the others."""

    paths: tuple[str, ...]


@dataclass(frozen=True)
class Shutdown:
    pass


Control = Cancel | Pause | Resume | Reprioritise
Request = JobRequest | Control | KeepSlides | Shutdown


# --- replies -------------------------------------------------------------------------------
@dataclass(frozen=True)
class EngineReady:
    """Sent once torch is loaded and the device is chosen."""

    device: str  # "cpu", "cuda:0"
    device_name: str  # "CPU (2 cores)", "NVIDIA H200"
    device_reason: str  # why this device: "no GPU: torch is a CPU-only build"
    scan_backend: str  # and, where it is the plain one, why
    versions: dict[str, str]


@dataclass(frozen=True)
class PreparingKernels:
    """How far the process is that compiles the fast scan; until then the plain one answers."""

    share: float  # 0 to 1; at 1 the scan below is in use, the plain one where compiling failed
    scan_backend: str


@dataclass(frozen=True)
class Progress:
    job: int
    done: int  # windows
    total: int
    per_second: float = 0.0  # windows, while this job had its turn
    left_s: float = 0.0  # at that pace


@dataclass(frozen=True)
class CheckpointLoaded:
    job: int
    path: str
    sha256: str
    parameters: int
    seconds: float


@dataclass(frozen=True)
class RegionResult:
    """Base of a checkpoint's results for a region."""

    job: int
    roi_id: str
    checkpoint: str  # path
    stamp: Stamp = field(kw_only=True)
    seconds: float = field(kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)  # "uncalibrated", "moved to the CPU"


@dataclass(frozen=True)
class ClassifyResult(RegionResult):
    probabilities: dict[str, float]  # class key -> probability
    predicted: str  # class key
    trust: Trust
    windows: PackedArray  # (N, 3) float64 of x, y, side, level-0 pixels
    window_probabilities: PackedArray  # (N, K) float32, classes in the order of the card
    read_share: float = 1.0  # of the region's area, covered by windows that had a vote
    left_out: tuple[tuple[Doubt, int], ...] = ()  # windows without a vote, by reason


@dataclass(frozen=True)
class ExplainResult(RegionResult):
    method: str
    stage: int
    target: str  # class key
    maps: tuple[CamMap, ...]
    low: float  # smallest raw value over the maps
    high: float


@dataclass(frozen=True)
class ReconstructResult(RegionResult):
    window: Window
    shape: tuple[int, int]  # rows, columns of the three pictures
    masked: bytes = field(repr=False)  # HWC uint8 RGB
    reconstruction: bytes = field(repr=False)
    original: bytes = field(repr=False)
    mask_ratio: float
    seed: int
    psnr: float  # dB, masked pixels only
    ssim: float  # masked pixels only


@dataclass(frozen=True)
class FitResult:
    """Distance of a slide's tissue to the training images, in units of the card's limit."""

    job: int
    checkpoint: str  # path
    slide_path: str
    distance: float | None  # median over the windows; None when there is nothing to measure
    windows: int


@dataclass(frozen=True)
class ScanBegun:
    """The grid over a slide, before its first windows: window (row, column) is the square of
    ``side`` at (column × step, row × step), level-0 pixels."""

    job: int
    checkpoint: str  # path
    side: int
    exact_side: float  # before it was rounded to whole pixels
    step: int
    rows: int
    columns: int
    windows: int  # with tissue, those that are known included
    wanted: PackedArray  # bits (``np.packbits``) of rows × columns, row by row: which those are
    tissue: PackedArray  # (H, W) uint8: 0 glass, 1 tissue, 2 pen, 3 black
    tissue_scale: float  # level-0 pixels per pixel of it
    classes: tuple[str, ...]  # keys, in the order of the probabilities
    stamp: Stamp
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScanTiles:
    """Answers to some windows, and how far the scan is."""

    job: int
    cells: PackedArray  # (N, 2) int32 of row and column
    strides: PackedArray  # (N,) uint8: rows and columns to the next one until finer ones come
    probabilities: PackedArray  # (N, K) float16
    doubts: PackedArray  # (N,) uint8, codes of ``ssmamba.reading.doubts.CODES``; 0 = sure
    done: int  # windows, those that were known included
    total: int
    per_second: float = 0.0  # windows, while this job had its turn
    left_s: float = 0.0  # at that pace


@dataclass(frozen=True)
class SlideAnswer:
    """What a slide model says of N regions in m groups of like ones; K outputs of its head."""

    job: int
    checkpoint: str  # path
    values: PackedArray  # (K,) float64: the classes' probabilities, or the share alive after bins
    windows: PackedArray  # (N, 3) float64 of x, y, side, level-0 pixels
    groups: PackedArray  # (N,) int32, 0 … m - 1
    parts: PackedArray  # (N, K) float64: what each region adds to each logit
    base: PackedArray  # (K,) float64: the logits without any region
    tokens: PackedArray  # (N, h, w) uint8, 1 … 8: groups of like tokens, 1 the largest
    left_out: int  # regions that were not read, as they do not fit into memory
    doubts: tuple[tuple[str, str], ...]  # kind and sentence, foremost first (slide_answer.py)
    stamp: Stamp
    seconds: float


@dataclass(frozen=True)
class CheckpointFailed:
    """One of a job's checkpoints failed; the others continue."""

    job: int
    checkpoint: str
    message: str  # one sentence with the next step
    details: str = ""  # traceback, shown on demand


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
    | PreparingKernels
    | Progress
    | CheckpointLoaded
    | ClassifyResult
    | ExplainResult
    | ReconstructResult
    | FitResult
    | ScanBegun
    | ScanTiles
    | SlideAnswer
    | CheckpointFailed
    | JobDone
    | JobCancelled
    | JobFailed
)
