"""Which process of how many this is: ``torchrun``'s and Slurm arrays' variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """A process among those that share the slides of one run out."""

    rank: int = 0
    count: int = 1
    local_rank: int | None = None  # on its machine, for the choice of a GPU

    @property
    def is_shared(self) -> bool:
        return self.count > 1


def share_of(environment: Mapping[str, str] = os.environ) -> Share:
    """From RANK and WORLD_SIZE, or SLURM_ARRAY_TASK_ID with _MIN and _COUNT; else alone.

    In a Slurm array whose tasks each start ``torchrun``, every process of every task has its share.
    """
    rank, count = _number(environment, "RANK", 0), _number(environment, "WORLD_SIZE", 1)
    task = _number(environment, "SLURM_ARRAY_TASK_ID", -1)
    if task >= 0:
        tasks = max(1, _number(environment, "SLURM_ARRAY_TASK_COUNT", 1))
        task -= _number(environment, "SLURM_ARRAY_TASK_MIN", 0)
        rank, count = (task % tasks) * count + rank, tasks * count
    local = _number(environment, "LOCAL_RANK", -1)
    return Share(rank, count, local if local >= 0 else None)


def device_for(request: str, share: Share) -> str:
    """``auto`` on a machine with several GPUs: each process takes one."""
    if request != "auto" or share.local_rank is None:
        return request
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return f"cuda:{share.local_rank % gpus}" if gpus > 1 else request


def _number(environment: Mapping[str, str], name: str, fallback: int) -> int:
    text = environment.get(name, "")
    return int(text) if text.isdigit() else fallback
