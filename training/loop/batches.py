"""Which images make up which step, and their preparation one step ahead.

Order and augmentation of a step depend on the seed and the step's number alone, so a run that
goes on from step n makes the very batches that the first one would have made.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
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
    """Batches from a step on, made in threads while the model works on earlier ones.

    workers: threads; NumPy and OpenCV let go of the interpreter, so several help where the
    model is not on the same cores.
    """

    def __init__(self, plan: Plan, make: MakeBatch[Batch], workers: int = 1) -> None:
        self.plan, self.make, self.workers = plan, make, workers

    def starting_at(self, step: int) -> Generator[Batch, None, None]:
        with ThreadPoolExecutor(self.workers, thread_name_prefix="batches") as pool:
            ahead: deque[Future[Batch]] = deque()
            following = step
            while following < self.plan.steps or ahead:
                while following < self.plan.steps and len(ahead) <= self.workers:
                    ahead.append(pool.submit(self._batch, following))
                    following += 1
                yield ahead.popleft().result()

    def _batch(self, step: int) -> Batch:
        return self.make(self.plan.rows(step), self.plan.generator(step))
