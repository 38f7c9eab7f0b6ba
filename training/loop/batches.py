"""The images of each step, and their preparation ahead of the step.

Order and augmentation of a step depend only on the seed and the step's number, so a run resumed
at step n makes the same batches as an uninterrupted one. A step's batch is made in small portions,
each with its own random numbers, and a process takes whole portions: several processes, or several
passes (accumulation), together see what one process would see.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ssmamba.checkpoints.card import InputSpec
from ssmamba.reading.preprocess import to_tensor

Batch = TypeVar("Batch")  # a tuple of tensors whose first dimension is the image
MakeBatch = Callable[[np.ndarray, np.random.Generator], Batch]

_ORDER, _AUGMENT = 1, 2  # streams of random numbers


def image_batches(
    model: nn.Module, images: np.ndarray, spec: InputSpec, batch: int
) -> Iterator[Tensor]:
    """Normalised batches (B, 3, S, S) of images (N, S, S, 3) uint8, on the model's device."""
    device = next(model.parameters()).device
    for start in range(0, len(images), batch):
        yield to_tensor(images[start : start + batch], spec).to(device)


@dataclass(frozen=True)
class Plan:
    """The order of a run's batches."""

    images: int
    batch_size: int  # over all processes and passes
    epochs: int
    seed: int
    rank: int = 0
    world_size: int = 1
    accumulate: int = 1  # passes whose gradients make one step
    pairs: bool = True  # portions of two images where that divides a step; else of one

    @property
    def epoch_steps(self) -> int:
        """Steps of an epoch: whole batches, but at least one step."""
        return max(self.images // self.batch_size, 1)

    @property
    def steps(self) -> int:
        return self.epoch_steps * self.epochs

    @property
    def step_images(self) -> int:
        """Images of one step, over all processes."""
        return min(self.batch_size, self.images)

    @property
    def portions(self) -> int:
        """Portions of a step; of two images for Mixup, which needs at least two."""
        size = self.step_images
        if not self.pairs:
            return size
        portion = next((n for n in range(2, size + 1) if size % n == 0), 1)
        return size // portion

    @property
    def fits(self) -> bool:
        """Whether every pass of every process gets the same number of whole portions."""
        return self.portions % (self.world_size * self.accumulate) == 0

    def rows(self, step: int) -> np.ndarray:
        """All images of a step (0-based), over all processes, (step_images,)."""
        epoch, position = divmod(step, self.epoch_steps)
        order = np.random.default_rng([self.seed, _ORDER, epoch]).permutation(self.images)
        return order[position * self.batch_size : (position + 1) * self.batch_size]

    def share(self, turn: int) -> range:
        """Portions of this process in one of a step's passes (0-based)."""
        count = self.portions // (self.world_size * self.accumulate)
        start = (turn * self.world_size + self.rank) * count
        return range(start, start + count)

    def generator(self, step: int, portion: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, _AUGMENT, step, portion])


class Batches(Generic[Batch]):
    """A run's batches, made in threads while the model works on earlier ones.

    workers: threads; NumPy and OpenCV release the GIL, so several help where the model does not
    use the same cores. 0 makes each batch when it is asked for.
    device: destination of the batches; for a GPU they are made in pinned memory, from which it
    copies asynchronously (see ``on_device``).
    """

    def __init__(
        self,
        plan: Plan,
        make: MakeBatch[Batch],
        workers: int = 1,
        device: torch.device | None = None,
    ) -> None:
        self.plan, self.make, self.workers = plan, make, workers
        self.gpu = device if device is not None and device.type == "cuda" else None

    def starting_at(self, step: int) -> Generator[list[Batch], None, None]:
        """This process's batches of each step from ``step`` on, one for each pass."""
        if not self.workers:
            yield from map(self._step, range(step, self.plan.steps))
            return
        with ThreadPoolExecutor(self.workers, "batches", self._enter_thread) as pool:
            ahead: deque[Future[list[Batch]]] = deque()
            following = step
            while following < self.plan.steps or ahead:
                while following < self.plan.steps and len(ahead) <= self.workers:
                    ahead.append(pool.submit(self._step, following))
                    following += 1
                yield ahead.popleft().result()

    def _enter_thread(self) -> None:
        """Choose the GPU: pinning opens the thread's current one, by default the first."""
        if self.gpu is not None:
            torch.cuda.set_device(self.gpu)

    def _step(self, step: int) -> list[Batch]:
        plan = self.plan
        portions = np.split(plan.rows(step), plan.portions)
        batches = [
            join([self.make(portions[p], plan.generator(step, p)) for p in plan.share(turn)])
            for turn in range(plan.accumulate)
        ]
        return [_pinned(batch) for batch in batches] if self.gpu is not None else batches


def join(parts: list[Any]) -> Any:
    """Tuples of tensors concatenated along the first dimension into one such tuple."""
    if len(parts) == 1:
        return parts[0]
    return _with_columns(parts[0], [torch.cat(column) for column in zip(*parts, strict=True)])


def on_device(batch: Iterable[Tensor], device: torch.device) -> list[Tensor]:
    """A batch's tensors on the device; a GPU copies pinned ones asynchronously."""
    return [part.to(device, non_blocking=device.type == "cuda") for part in batch]


def _pinned(batch: Any) -> Any:
    return _with_columns(batch, [part.pin_memory() for part in batch])


def _with_columns(batch: Any, columns: list[Tensor]) -> Any:
    """A tuple of the batch's type, named or not, with other tensors."""
    kind = type(batch)
    return kind(*columns) if hasattr(kind, "_fields") else kind(columns)
