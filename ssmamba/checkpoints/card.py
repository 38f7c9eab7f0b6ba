"""A checkpoint's card: the model, its origin, and the limits within which it can be trusted.

The card is one JSON object under the key ``ssmamba`` in the metadata of a ``.safetensors`` file.
This module reads it without torch, so that the viewer's process can.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from ssmamba.checkpoints.card_names import check_keys, with_plain_names
from ssmamba.checkpoints.card_ranges import check_ranges, check_slide
from ssmamba.checkpoints.card_types import check_types
from ssmamba.checkpoints.wsinfer import TORCHSCRIPT, card_of, folder_of, model_files
from ssmamba.config import MIMConfig
from ssmamba.errors import CheckpointError
from ssmamba.wording import words

FORMAT_VERSION = 2  # newest that is read
WINDOW_FORMAT, SLIDE_FORMAT = 1, 2  # by kind of input; older programs still read the first
METADATA_KEY = "ssmamba"
LATER_FIELDS = ("picture", "field_um", "magnification", "published_px")  # of the input
LATER_LIMITS = ("class_temperature", "class_limit", "background_limit")  # of the calibration
CLASSIFIERS = ("classifier", "baseline")  # kinds that answer with classes
MAX_HEADER_BYTES = 100_000_000  # safetensors' own limit
CHOOSE_ANOTHER = words(
    "choose a checkpoint made by training.finetune or training.pretrain, or convert foreign "
    "weights with training.convert."
)
NOT_A_HEADER = (AttributeError, TypeError, KeyError, IndexError, RecursionError)  # but JSON


@dataclass(frozen=True)
class ClassInfo:
    """One class as a person reads it."""

    key: str  # name in the training data, "colon_aca"
    name: str  # readable name, "Colon adenocarcinoma"
    color: tuple[int, int, int]  # RGB, 0..255


@dataclass(frozen=True)
class InputSpec:
    """Input of the model in training, which inference repeats."""

    window_px: int = 224  # side of the square network input, pixels
    source_px: int = 224  # side of the training images before resizing, pixels
    mpp: float | None = None  # µm per *network* pixel, None when the training data had none
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)  # of RGB in 0..1
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    icc: bool = False  # apply the slide's ICC profile before the model
    stain: str = "H&E"  # stain of the training images, as a person reads it
    tissue: str = ""  # tissue of the training images, as a person reads it
    picture: str = "tissue"  # what a training image shows: a field of "tissue", or one "cell"
    field_um: float | None = None  # side of a training image, µm; None = as mpp says, or unknown
    magnification: float | None = None  # of the objective, as the data set states it
    published_px: int | None = None  # side of those images in its own files; None = source_px

    @property
    def known_mpp(self) -> float | None:
        """µm per network pixel by ``mpp`` or ``field_um``; None = unknown."""
        if self.mpp is not None or self.field_um is None:
            return self.mpp
        return self.field_um / self.window_px


@dataclass(frozen=True)
class SlideSpec(InputSpec):
    """Input of a slide model in training: regions of tissue, each a window of ``window_px``.

    ``window_px`` is the side of a region in pixels of ``mpp`` µm, which is always given.
    """

    reads: str = "slide"
    foreground: float = 0.5  # smallest share of tissue, 0..1, in a region that is read
    encoder: str = ""  # name of the encoder whose features are read; "" = pixels are read
    encoder_sha256: str | None = None  # of that encoder's checkpoint file


@dataclass(frozen=True)
class Calibration:
    """Temperature, and the limits behind "not sure", fitted on images not trained on."""

    temperature: float = 1.0  # logits are divided by it
    entropy_limit: float | None = None  # normalised entropy 0..1 above which the answer is unsure
    distance_limit: float | None = None  # Mahalanobis distance above which the input is foreign
    # Squared distances to the classes are divided by it, for a second opinion: the entropy that is
    # limited is that of the mean of both. None = of the probabilities alone.
    class_temperature: float | None = None
    class_limit: float | None = None  # relative Mahalanobis distance of an image unlike the classes
    background_limit: float | None = None  # logit above which an image shows none of the classes
    # What they are compared with lives as tensors "trust...." in the same file
    # (ssmamba.inference.familiar).


@dataclass(frozen=True)
class Card:
    """Everything about a checkpoint but its weights."""

    # classifier | baseline (not SSMamba) | mamim | mamim+ | mae | contrastive | encoder (converted
    # weights) | slide; what a model can do is asked below (``classifies`` and the others)
    kind: str = "classifier"
    name: str = ""  # readable name shown in lists
    arch: str = "ssmamba"  # ssmamba | vmamba | timm:<name> | uni and kin
    config: dict[str, Any] = field(default_factory=dict)  # SSMambaConfig, or arguments for timm
    mamim: dict[str, Any] | None = None  # MIMConfig as JSON, when a decoder is in the file
    classes: tuple[ClassInfo, ...] = ()
    input: InputSpec = InputSpec()
    calibration: Calibration = Calibration()
    cam_stage: int = 4  # 1..4: where its CAMs point best (training.evaluation.cams), else the last
    training_hashes: tuple[str, ...] = ()  # first 16 hex digits of each training image's sha256
    # none | mamim | mamim+ | mae | contrastive | name of a published encoder
    pretraining: str = "none"
    parent_sha256: str | None = None  # checkpoint that this one was started from
    tags: dict[str, str] = field(default_factory=dict)  # ablation tags, {"mixer": "mamba"}
    dataset: dict[str, Any] = field(default_factory=dict)  # name, split seed, counts by split
    # of a slide model: {"question": "survival", "edges": [...], "kaplan_meier": {...}}
    answer: dict[str, Any] = field(default_factory=dict)
    # {"val": {...}, "test": {...}}
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)  # seed, steps, images seen, lrs tried
    versions: dict[str, str] = field(default_factory=dict)
    licence: str = ""
    attribution: str = ""
    format_version: int = WINDOW_FORMAT

    def __post_init__(self) -> None:
        if self.answers_slides and self.format_version < SLIDE_FORMAT:
            object.__setattr__(self, "format_version", SLIDE_FORMAT)

    def mim_config(self) -> MIMConfig | None:
        return None if self.mamim is None else MIMConfig.from_dict(self.mamim)

    @property
    def classifies(self) -> bool:
        """Whether it gives regions classes; a pre-trained model only knows those of its images."""
        return bool(self.classes) and self.kind in CLASSIFIERS and not self.answers_slides

    @property
    def reconstructs(self) -> bool:
        """Whether a decoder is in the file."""
        return self.mamim is not None

    @property
    def answers_slides(self) -> bool:
        """Whether it reads whole slides and not windows."""
        return isinstance(self.input, SlideSpec)

    @property
    def embeds(self) -> bool:
        """Whether it turns a window into a feature vector: a model that reads windows does, but
        one in TorchScript shows nothing of its inside."""
        return not (self.answers_slides or self.is_torchscript)

    @property
    def is_torchscript(self) -> bool:
        """Whether it is a model folder of WSInfer's and not a checkpoint file."""
        return self.arch == TORCHSCRIPT

    @property
    def slide_outputs(self) -> int:
        """Logits of a slide model's head: its classes, or the bins of survival."""
        edges = self.answer.get("edges")
        return len(edges) + 1 if isinstance(edges, list) else len(self.classes)

    @property
    def class_names(self) -> list[str]:
        return [c.name for c in self.classes]

    def to_json(self) -> str:
        raw, plain = asdict(self), InputSpec()
        for name in LATER_FIELDS:  # left out, so that older programs read the card
            if self.input and getattr(self.input, name) == getattr(plain, name):
                del raw["input"][name]
        for name in LATER_LIMITS:
            if raw["calibration"] and raw["calibration"].get(name) is None:
                raw["calibration"].pop(name, None)
        if not self.answer:
            del raw["answer"]
        return json.dumps(raw, sort_keys=True)

    def with_(self, **changes: Any) -> Card:
        return replace(self, **changes)


def card_from_json(text: str, path: Path | str = "checkpoint") -> Card:
    """Parse a card. Raises CheckpointError, which names the problem."""
    try:
        raw = json.loads(text)
        version = int(raw["format_version"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise CheckpointError(
            "{path}: its model card is unreadable; save it again.", path=path
        ) from error
    if version < WINDOW_FORMAT:
        raise CheckpointError("{path}: its model card is unreadable; save it again.", path=path)
    if version > FORMAT_VERSION:
        raise CheckpointError(
            "{path} was written by a newer version (format {version}, this viewer reads "
            "{format_version}); update the viewer to open it.",
            path=path,
            version=version,
            format_version=FORMAT_VERSION,
        )
    try:
        card = Card(**{**raw, **_typed(raw)})
        check_types(card)
        check_slide(card.input)
        check_ranges(card)
        check_keys(card)
    except (TypeError, KeyError, ValueError) as error:
        raise CheckpointError(
            "{path}: its model card does not fit ({error}); copy or train it again.",
            path=path,
            error=error,
        ) from error
    return with_plain_names(card)


def refuse_slide_model(card: Card, name: Path | str) -> None:
    """Raise CheckpointError for a model of whole slides, where one of regions is asked."""
    if card.answers_slides:
        raise CheckpointError(
            "{name} is a slide model: it gives one answer for a whole slide, in the viewer and in "
            "training.slide_evaluate; choose a model that reads regions.",
            name=name,
        )


def require_classes(card: Card, name: Path | str) -> Card:
    """The card; raises CheckpointError unless its model gives regions classes."""
    refuse_slide_model(card, name)
    if not card.classifies:
        raise CheckpointError(
            "{name} has no classes, its kind is {kind}; choose a fine-tuned one, or "
            "fine-tune it with training.finetune.",
            name=name,
            kind=card.kind,
        )
    return card


def require_features(card: Card, name: Path | str) -> None:
    """Raise CheckpointError for a model that gives no features of windows."""
    refuse_slide_model(card, name)
    if not card.embeds:
        raise CheckpointError(
            "{name} is a TorchScript model, whose features cannot be read; choose a checkpoint "
            "(.safetensors).",
            name=name,
        )


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("training_hashes is no list")
    return value


def _typed(raw: dict[str, Any]) -> dict[str, Any]:
    spec = dict(raw.get("input", {}))
    for key in ("mean", "std"):
        if key in spec:
            spec[key] = tuple(spec[key])
    return {
        "classes": tuple(
            ClassInfo(c["key"], c["name"], tuple(c["color"])) for c in raw.get("classes", ())
        ),
        "input": SlideSpec(**spec) if "reads" in spec else InputSpec(**spec),
        "calibration": Calibration(**raw.get("calibration", {})),
        "training_hashes": tuple(_listed(raw.get("training_hashes", []))),
    }


def read_header(path: Path | str) -> dict[str, Any]:
    """Read the JSON header of a safetensors file: tensor names, shapes, ``__metadata__``."""
    path = Path(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
                raise ValueError("header length")
            header = json.loads(file.read(length))
        metadata = header.get("__metadata__", {})
        entries = [v for k, v in header.items() if k != "__metadata__"]
        ends, sides = (
            [v["data_offsets"][1] for v in entries],
            [n for v in entries for n in v["shape"]],
        )
        if not all(isinstance(n, int) for n in (*ends, *sides)) or not isinstance(metadata, dict):
            raise ValueError("header")
    except FileNotFoundError as error:
        raise CheckpointError(
            "There is no model file {path}; check the path.", path=path
        ) from error
    except (OSError, ValueError, *NOT_A_HEADER) as error:
        raise CheckpointError(
            "{path} is not a readable .safetensors model file; {choose_another}",
            path=path,
            choose_another=CHOOSE_ANOTHER,
        ) from error
    if size != 8 + length + max(ends, default=0):
        raise CheckpointError(
            "{path} is incomplete (the file is truncated); copy it again.", path=path
        )
    return header


def read_card(path: Path | str) -> Card:
    """Read the card of a checkpoint file, or make that of a model folder of WSInfer's, without
    loading weights. Raises CheckpointError."""
    path = Path(path)
    folder = folder_of(path)
    if folder is not None:
        return card_from_json(json.dumps(card_of(folder)), folder)
    if path.is_dir():
        raise CheckpointError(
            "{path} is a folder; give a file such as {example}.",
            path=path,
            example=path / "best.safetensors",
        )
    text = read_header(path).get("__metadata__", {}).get(METADATA_KEY)
    if text is None:
        raise CheckpointError(
            "{path} has no model card, so it was not made by this project; {choose_another}",
            path=path,
            choose_another=CHOOSE_ANOTHER,
        )
    return card_from_json(text, path)


def file_sha256(path: Path | str) -> str:
    """sha256 of a file, as 64 hex digits; cached by path, size and time of change.

    Of a model folder: of the sha256 of its two files, one after the other.
    """
    digests = []
    for file in model_files(path):
        stat = file.stat()
        digests.append(_sha256(str(file), stat.st_size, stat.st_mtime_ns))
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


@lru_cache(maxsize=256)
def _sha256(path: str, size: int, mtime_ns: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
