"""What LatentMIM and DINO share: a teacher that follows the student, and what is watched."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from typing import ClassVar

import torch
from torch import Tensor, nn

from ssmamba.models.slides.encoder import RegionEncoder
from training.loop.batchnorm import sum_over_processes
from training.loop.optim import blend


class Distillation(nn.Module):
    """A student and its slow moving average.

    Args:
        encoder: the student.
        momentum: share of itself that the teacher retains per step at the start; it rises to 1 by a
            half cosine (Caron et al. 2021, §3.1).
        steps: of the whole run.
        passes: forward passes in training that make one step (accumulation).
    """

    WATCHED: ClassVar[tuple[str, ...]]  # what ``watch`` is given in each pass
    step: Tensor
    watched_sum: Tensor

    def __init__(self, encoder: RegionEncoder, momentum: float, steps: int, passes: int) -> None:
        super().__init__()
        self.momentum, self.steps, self.passes = momentum, steps, passes
        self.turn = 0  # passes of this step that are done
        self.encoder = encoder
        self.teacher = deepcopy(encoder).requires_grad_(False)
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))
        self.register_buffer("watched_sum", torch.zeros(len(self.WATCHED) + 1, dtype=torch.float64))

    @property
    def pairs(self) -> tuple[tuple[nn.Module, nn.Module], ...]:
        """Teachers and whom they follow."""
        return ((self.teacher, self.encoder),)

    def train(self, mode: bool = True) -> Distillation:
        """The teacher fuses regions as in evaluation: its targets hang on no chance."""
        super().train(mode)
        for teacher, _ in self.pairs:
            teacher.eval()
        return self

    def begin_pass(self) -> None:
        """In a step's first pass in training the teacher moves."""
        if not self.training:
            return
        if self.turn == 0:
            self.follow()
        self.turn = (self.turn + 1) % self.passes

    @torch.no_grad()
    def follow(self) -> None:
        """Move the teacher towards the student; at the first step both are still the same."""
        share = 1 - momentum_at(int(self.step), self.steps, self.momentum)
        for teacher, student in self.pairs:
            blend(teacher.state_dict(), student.state_dict(), share)
        self.step += 1

    @torch.no_grad()
    def watch(self, values: Sequence[Tensor]) -> None:
        """Count a pass's values, in the order of ``WATCHED``; those of all processes."""
        if not self.training:
            return
        one = torch.ones((), device=values[0].device)
        now = torch.stack([value.detach().float() for value in (*values, one)])
        self.watched_sum += sum_over_processes(now.double())

    @torch.no_grad()
    def take_watched(self) -> dict[str, float]:
        """Means since the last call; counting starts anew."""
        *sums, count = self.watched_sum.tolist()
        self.watched_sum.zero_()
        names = zip(self.WATCHED, sums, strict=True)
        return {name: round(total / count, 6) for name, total in names} if count else {}


def momentum_at(step: int, steps: int, start: float) -> float:
    """The teacher's momentum before a step: from ``start`` to 1 by a half cosine."""
    return 1 - (1 - start) * (1 + math.cos(math.pi * min(step / max(steps, 1), 1.0))) / 2
