"""Caches of the engine: loaded models within a memory budget, and open slides.

What a job holds stays until the job lets go, whatever other jobs open in between.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

import torch

from ssmamba.checkpoints import checkpoint as checkpoints
from ssmamba.checkpoints.card import read_card, refuse_slide_model
from ssmamba.checkpoints.checkpoint import Checkpoint
from ssmamba.checkpoints.wsinfer import model_files
from ssmamba.errors import CheckpointError, SlideError, SlideReplaced, SSMambaError
from ssmamba.inference.predictor import Precision, Predictor, is_out_of_memory
from ssmamba.runtime.device import Device
from ssmamba.slides.file_state import FileState, file_state, joined
from ssmamba.slides.slide import Slide
from ssmamba.wording import words

CPU_BUDGET_BYTES = 2 << 30
CUDA_BUDGET_SHARE = 0.25  # of the device's memory
OPEN_SLIDES = 4
SLIDE_BYTES = 512 << 20  # that open slides may hold together; a plain image can be 1.2 GB

T = TypeVar("T")
Key = tuple[str, FileState]


class _Recent(Generic[T]):
    """Things by file, the least recently used first; a file that changed is another key."""

    def __init__(self) -> None:
        self.items: OrderedDict[Key, T] = OrderedDict()
        self._holders: Counter[Key] = Counter()

    @contextmanager
    def held(self, key: Key, make: Callable[[], T]) -> Iterator[T]:
        if key not in self.items:
            self.items[key] = make()
        self.items.move_to_end(key)
        self._holders[key] += 1
        try:
            yield self.items[key]
        finally:
            self._holders[key] -= 1

    @property
    def free(self) -> list[Key]:
        """Items that no job holds, least recently used first."""
        return [key for key in self.items if not self._holders[key]]


class ModelStore:
    """Checkpoints on one device; the least recently used go when the budget is passed."""

    def __init__(
        self,
        device: Device,
        budget_bytes: int | None = None,
        precision: Precision = "float32",
    ) -> None:
        self.device, self.precision = device, precision
        self.budget_bytes = budget_bytes or _budget(device)
        self._models: _Recent[Checkpoint] = _Recent()
        self._predictors: dict[str, Predictor] = {}  # by sha256

    def checkpoint(self, path: str) -> Checkpoint:
        """Load a checkpoint or find it loaded. Raises CheckpointError."""
        with self.held(path) as loaded:
            return loaded

    @contextmanager
    def held(self, path: str) -> Iterator[Checkpoint]:
        """A loaded checkpoint that no other one drives out meanwhile. Raises CheckpointError."""
        key = _model_key(path)
        with self._models.held(key, lambda: self._load(path)) as loaded:
            self._drop_old()
            yield loaded

    def predictor_of(self, loaded: Checkpoint) -> Predictor:
        """The classifier of a checkpoint. Raises CheckpointError when it has no classes."""
        refuse_slide_model(loaded.card, loaded.path)
        if loaded.sha256 not in self._predictors:
            self._predictors[loaded.sha256] = Predictor(
                loaded, self.device, precision=self.precision
            )
        return self._predictors[loaded.sha256]

    @property
    def used_bytes(self) -> int:
        return sum(_bytes(c) for c in self._models.items.values())

    def _load(self, path: str) -> Checkpoint:
        slides = read_card(path).answers_slides
        loaded = (checkpoints.load_slide_model if slides else checkpoints.load)(path)
        loaded.model.requires_grad_(False)
        try:
            loaded.model.to(self.device.name)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            loaded.model.to("cpu")
        return loaded

    def _drop_old(self) -> None:
        for key in self._models.free:
            if self.used_bytes <= self.budget_bytes:
                return
            self._predictors.pop(self._models.items.pop(key).sha256, None)


class SlideStore:
    """Slides that were read last, open."""

    def __init__(self) -> None:
        self._slides: _Recent[Slide] = _Recent()
        self._wanted: Sequence[str] | None = None  # paths; None = any
        self._replaced: set[Key] = set()  # to be closed as soon as no job holds them

    @contextmanager
    def held(self, path: str, file: FileState | None = None) -> Iterator[Slide]:
        """A slide that stays open meanwhile.

        file: of the one that is meant; None = whichever is there. Raises SlideError.
        """
        key = _key(path, SlideError, "slide")
        if file is not None and file != key[1]:
            raise SlideReplaced(path)
        self._replaced |= {k for k in self._slides.items if k[0] == path and k != key}
        try:
            with self._slides.held(key, lambda: Slide.open(path)) as slide:
                self._close_unneeded()
                yield slide
        finally:
            self._close_unneeded()

    def keep_only(self, paths: Sequence[str]) -> None:
        """Let no others stay open without a job that holds them.

        Windows lets nobody rename or delete a file that is open.
        """
        self._wanted = paths
        self._close_unneeded()

    def _close_unneeded(self) -> None:
        for key in self._slides.free:
            left = self._wanted is not None and key[0] not in self._wanted
            if left or key in self._replaced or self._too_much():
                self._replaced.discard(key)
                self._slides.items.pop(key).close()

    def _too_much(self) -> bool:
        slides = self._slides.items.values()
        held = sum(slide.held_bytes for slide in slides)
        return len(slides) > OPEN_SLIDES or (held > SLIDE_BYTES and len(slides) > 1)


def _key(path: str, error_class: type[SSMambaError], what: str) -> Key:
    found = file_state(path)
    if found is None:
        raise error_class(words("There is no {what} {path}; check the path."), what=what, path=path)
    return path, found


def _model_key(path: str) -> Key:
    """By all files of a model: the state of a folder does not tell that one of them changed."""
    states = [
        _key(str(file), CheckpointError, words("model file"))[1] for file in model_files(path)
    ]
    return path, states[0] if len(states) == 1 else joined(states)


def _bytes(loaded: Checkpoint) -> int:
    return sum(t.numel() * t.element_size() for t in loaded.model.state_dict().values())


def _budget(device: Device) -> int:
    if device.is_cuda:
        total = torch.cuda.get_device_properties(device.name).total_memory
        return int(total * CUDA_BUDGET_SHARE)
    return CPU_BUDGET_BYTES
