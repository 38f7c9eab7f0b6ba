"""What the engine keeps between jobs: loaded models within a memory budget, and open slides."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import torch

from ssmamba.checkpoints import checkpoint as checkpoints
from ssmamba.checkpoints.checkpoint import Checkpoint
from ssmamba.errors import CheckpointError, SlideError
from ssmamba.inference.predictor import Predictor, is_out_of_memory
from ssmamba.runtime.device import Device
from ssmamba.slides.slide import Slide

CPU_BUDGET_BYTES = 2 << 30
CUDA_BUDGET_SHARE = 0.25  # of the device's memory
OPEN_SLIDES = 4
SLIDE_BYTES = 512 << 20  # that open slides may hold together; a plain image can be 1.2 GB

T = TypeVar("T")
Key = tuple[str, int, int]  # path, size, time of change


class _Recent(Generic[T]):
    """Things by file, the least recently used first; a file that changed is another key."""

    def __init__(self) -> None:
        self.items: OrderedDict[Key, T] = OrderedDict()

    def get(self, key: Key, make: Callable[[], T]) -> T:
        if key not in self.items:
            self.items[key] = make()
        self.items.move_to_end(key)
        return self.items[key]


class ModelStore:
    """Checkpoints on one device; the least recently used go when the budget is passed."""

    def __init__(self, device: Device, budget_bytes: int | None = None) -> None:
        self.device = device
        self.budget_bytes = budget_bytes or _budget(device)
        self._models: _Recent[Checkpoint] = _Recent()
        self._predictors: dict[str, Predictor] = {}  # by sha256

    def checkpoint(self, path: str) -> Checkpoint:
        """Load a checkpoint or find it loaded. Raises CheckpointError."""
        found = self._models.get(
            _key(path, CheckpointError, "model file"), lambda: self._load(path)
        )
        self._drop_old(found)
        return found

    def predictor(self, path: str) -> Predictor:
        """The classifier of a checkpoint file. Raises CheckpointError when it has no classes."""
        loaded = self.checkpoint(path)
        if loaded.sha256 not in self._predictors:
            self._predictors[loaded.sha256] = Predictor(loaded, self.device)
        return self._predictors[loaded.sha256]

    @property
    def used_bytes(self) -> int:
        return sum(_bytes(c) for c in self._models.items.values())

    def _load(self, path: str) -> Checkpoint:
        loaded = checkpoints.load(path)
        loaded.model.requires_grad_(False)
        try:
            loaded.model.to(self.device.name)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            loaded.model.to("cpu")
        return loaded

    def _drop_old(self, keep: Checkpoint) -> None:
        for key, loaded in list(self._models.items.items()):
            if self.used_bytes <= self.budget_bytes:
                return
            if loaded is not keep:
                del self._models.items[key]
                self._predictors.pop(loaded.sha256, None)


class SlideStore:
    """Slides that were read last, open."""

    def __init__(self) -> None:
        self._slides: _Recent[Slide] = _Recent()

    def open(self, path: str) -> Slide:
        """Open a slide or find it open. Raises SlideError."""
        key = _key(path, SlideError, "slide")
        self._close([k for k in self._slides.items if k[0] == path and k != key])  # replaced
        slide = self._slides.get(key, lambda: Slide.open(path))
        while self._too_much():
            self._close([next(iter(self._slides.items))])
        return slide

    def keep_only(self, paths: Sequence[str]) -> None:
        """Close the others: Windows lets nobody rename or delete a file that is open."""
        self._close([key for key in self._slides.items if key[0] not in paths])

    def _too_much(self) -> bool:
        slides = self._slides.items.values()
        held = sum(slide.held_bytes for slide in slides)
        return len(slides) > OPEN_SLIDES or (held > SLIDE_BYTES and len(slides) > 1)

    def _close(self, keys: Sequence[Key]) -> None:
        for key in keys:
            self._slides.items.pop(key).close()


def _key(path: str, error_class: type[Exception], what: str) -> Key:
    try:
        stat = Path(path).stat()
    except OSError as error:
        raise error_class(f"There is no {what} {path}; check the path.") from error
    return path, stat.st_size, stat.st_mtime_ns


def _bytes(loaded: Checkpoint) -> int:
    return sum(t.numel() * t.element_size() for t in loaded.model.state_dict().values())


def _budget(device: Device) -> int:
    if device.is_cuda:
        total = torch.cuda.get_device_properties(device.name).total_memory
        return int(total * CUDA_BUDGET_SHARE)
    return CPU_BUDGET_BYTES
