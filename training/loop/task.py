"""What is trained and how: schedule, loss, validation and checkpoints of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from torch import Tensor, nn

Batch = TypeVar("Batch")
Score = tuple[float, ...]  # larger is better, compared from the left


@dataclass(frozen=True)
class Schedule:
    """Learning rate, regularisation and validation of a run."""

    lr: float
    weight_decay: float
    warmup_steps: int
    clip_norm: float  # largest norm of all gradients; 0 = no limit
    ema_decay: float  # 0 = no average
    validate_every: int  # epochs
    follows_load: bool = False  # CPU threads of a step by what other programs leave
    weight_decay_end: float | None = None  # in the last step, by a half cosine; None = the same


@dataclass(frozen=True)
class Task(Generic[Batch]):
    """Loss, validation and checkpoints of what a command trains."""

    loss: Callable[[nn.Module, Batch], Tensor]
    validate: Callable[[nn.Module], dict[str, float]]
    score: Callable[[dict[str, float]], Score]
    save: Callable[[Path, nn.Module, Outcome], None]  # writes a checkpoint
    each_epoch: Callable[[], dict[str, Any]] = dict  # more entries of an epoch's line in the log


@dataclass
class Outcome:
    """Progress of a run and its best validation so far."""

    step: int = 0
    epoch: int = 0  # finished epochs
    images_seen: int = 0
    seconds: float = 0.0  # of work, over all sessions
    best_epoch: int = 0
    best_metrics: dict[str, float] = field(default_factory=dict)
    last_metrics: dict[str, float] = field(default_factory=dict)
    done: bool = False
