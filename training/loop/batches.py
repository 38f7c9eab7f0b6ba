"""Which images make up which step, and their preparation one step ahead.

Order and augmentation of a step depend on the seed and the step's number alone, so a run that
goes on from step n makes the very batches that the first one would have made.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

Batch = TypeVar("Batch")
MakeBatch = Callable[[np.ndarray, np.random.Generator], Batch]

_ORDER, _AUGMENT = 1, 2  # streams of random numbers


@dataclass(frozen=True)
class Plan:
    """The order of a run's batches."""

    images: int
    batch_size: int  # over all processes
    epochs: int
    seed: int
    rank: int = 0
    world_size: int = 1

    @property
    def epoch_steps(self) -> int:
        """Whole batches only, unless there is less than one."""
        return max(self.images // self.batch_size, 1)

    @property
    def steps(self) -> int:
        return self.epoch_steps * self.epochs

    @property
    def images_seen(self) -> int:
        return self.steps * min(self.batch_size, self.images)

    def rows(self, step: int) -> np.ndarray:
        """Images of this process in a step (0-based)."""
        epoch, place = divmod(step, self.epoch_steps)
        order = np.random.default_rng([self.seed, _ORDER, epoch]).permutation(self.images)
        batch = order[place * self.batch_size : (place + 1) * self.batch_size]
        return batch[self.rank :: self.world_size]

    def generator(self, step: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, _AUGMENT, step, self.rank])


class Batches(Generic[Batch]):
    """Batches from a step on, each made in a thread while the model works on the one before."""

    def __init__(self, plan: Plan, make: MakeBatch[Batch]) -> None:
        self.plan, self.make = plan, make

    def starting_at(self, step: int) -> Generator[Batch, None, None]:
        with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
            ahead = None
            for number in range(step, self.plan.steps):
                ready = ahead or pool.submit(self._batch, number)
                more = number + 1 < self.plan.steps
                batch = ready.result()
                ahead = pool.submit(self._batch, number + 1) if more else None
                yield batch

    def _batch(self, step: int) -> Batch:
        return self.make(self.plan.rows(step), self.plan.generator(step))
