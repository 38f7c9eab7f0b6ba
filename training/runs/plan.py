"""The batches of a run, the threads that prepare them, and its schedule."""

from __future__ import annotations

import os

import torch
from lightning_fabric import Fabric

from ssmamba.errors import DataError
from training.config import RunConfig
from training.loop.batches import Plan
from training.loop.fit import Schedule

MOST_THREADS = 8  # that prepare batches for one GPU


def make_plan(config: RunConfig, fabric: Fabric, images: int) -> Plan:
    """The order of the batches. Raises DataError when processes and passes cannot share one."""
    plan = Plan(
        images,
        config.batch_size,
        config.epochs,
        config.seed,
        fabric.global_rank,
        fabric.world_size,
        config.accumulate,
    )
    if config.accumulate < 1 or not plan.fits:
        parts = 2 * fabric.world_size * max(config.accumulate, 1)
        raise DataError(
            f"A step of {plan.step_images} images cannot be shared evenly by {fabric.world_size} "
            f"processes in {config.accumulate} passes; give a --batch-size that is a multiple of "
            f"{parts} (and no more than the {images} training images)."
        )
    return plan


def loader_threads(fabric: Fabric) -> int:
    """Threads that prepare batches: several for a GPU, one beside a model on the CPU that leaves a
    core free, else none.

    A thread on a core that the model's own threads use delays them all at each barrier.
    """
    if fabric.device.type == "cpu":
        return int(torch.get_num_threads() < (os.cpu_count() or 1))
    return max(1, min(MOST_THREADS, (os.cpu_count() or 2) // max(fabric.world_size, 1) - 1))


def make_schedule(config: RunConfig, lr: float, plan: Plan) -> Schedule:
    return Schedule(
        lr,
        config.weight_decay,
        round(config.warmup_epochs * plan.epoch_steps),
        config.clip_norm,
        config.ema_decay,
        config.validate_every,
    )
