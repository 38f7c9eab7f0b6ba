"""The batches of a run, the threads that prepare them, and its schedule."""

from __future__ import annotations

import torch
from lightning_fabric import Fabric
from torch import nn

from ssmamba.errors import DataError
from ssmamba.runtime.cores import usable_cores
from training.config import RunConfig
from training.loop.batches import Plan
from training.loop.task import Schedule

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


def refuse_single_values(config: RunConfig, plan: Plan, model: nn.Module) -> None:
    """Raise DataError where BatchNorm would see a single value of each channel: one image in a pass
    and one cell in a layer. A step is tried; the network is left as it was.
    """
    if plan.step_images // config.accumulate > 1:
        return
    state = {name: value.clone() for name, value in model.state_dict().items()}
    weight, training = next(model.parameters()), model.training
    image = torch.zeros(1, 3, config.image_size, config.image_size, device=weight.device)
    try:
        with torch.no_grad():
            model.train()(image)
    except ValueError as error:
        if "more than 1 value" not in str(error):
            raise
        raise DataError(
            f"A pass of one image of {config.image_size} px leaves BatchNorm a single value; give "
            "a --batch-size of two or more for each pass, or a larger --image-size."
        ) from error
    finally:
        model.train(training).load_state_dict(state)


def loader_threads(fabric: Fabric) -> int:
    """Threads that prepare batches: several for a GPU, one beside a model on the CPU that leaves a
    core free, else none.

    A thread on a core that the model's own threads use delays them all at each barrier.
    """
    if fabric.device.type == "cpu":
        return int(torch.get_num_threads() < usable_cores())
    return max(1, min(MOST_THREADS, usable_cores() // max(fabric.world_size, 1) - 1))


def make_schedule(config: RunConfig, lr: float, plan: Plan) -> Schedule:
    return Schedule(
        lr,
        config.weight_decay,
        round(config.warmup_epochs * plan.epoch_steps),
        config.clip_norm,
        config.ema_decay,
        config.validate_every,
        config.threads == "auto",
    )
