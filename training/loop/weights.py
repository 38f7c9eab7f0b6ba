"""The weights that are trained: their updates, their average, and what a resumed run needs."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from typing import Any, Generic

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import ModelParallelStrategy
from torch import Tensor, distributed, nn

from ssmamba.errors import DataError
from training.loop.batches import Plan
from training.loop.batchnorm import share_statistics, shared_statistics
from training.loop.optim import WeightAverage, decay_at, lr_factor, make_optimizer
from training.loop.precision import is_scaled
from training.loop.progress import console
from training.loop.sharding import copy_whole, load_optimizer_state, optimizer_state, plain, whole
from training.loop.task import Batch, Schedule


class Weights(Generic[Batch]):
    """A model's weights with their optimiser, whole or as shards, and their moving average."""

    def __init__(
        self,
        fabric: Fabric,
        raw: nn.Module,
        loss: Callable[[nn.Module, Batch], Tensor],
        schedule: Schedule,
        plan: Plan,
    ) -> None:
        """raw: the model; stays whole where the trained weights are shards."""
        self.fabric, self.raw, self.loss = fabric, raw, loss
        self.schedule, self.plan = schedule, plan
        self.stops_everywhere = False  # whether any process was asked to stop, as of the last step
        if fabric.world_size > 1:
            self._share_statistics()
        self.sharded = isinstance(fabric.strategy, ModelParallelStrategy)
        self.trained = deepcopy(raw) if self.sharded else raw
        self._set_up()
        decay = schedule.ema_decay
        self.average = WeightAverage(self.trained, decay) if decay > 0 else None

    def _set_up(self) -> None:
        schedule = self.schedule
        if not self.sharded:
            optimizer = make_optimizer(self.trained, schedule.lr, schedule.weight_decay)
            self.model, self.optimizer = self.fabric.setup(self.trained, optimizer)
            return
        self.raw.to(self.fabric.device)
        self.model = self.fabric.setup_module(self.trained)  # makes the weights shards
        optimizer = make_optimizer(self.trained, schedule.lr, schedule.weight_decay)
        self.optimizer = self.fabric.setup_optimizers(optimizer)

    def _share_statistics(self) -> None:
        left = share_statistics(self.raw)
        if left and self.fabric.is_global_zero:
            console.print(
                f"{left} norm layers of this model cannot share their statistics: each process "
                "normalises by its own part of the batch."
            )

    def step(self, turns: list[Batch], number: int, stop: bool) -> float:
        """Update the weights by the mean gradient of all passes and processes; returns the loss.

        number: of the step, from 0. stop: whether this process was asked to stop. Raises DataError
        where the loss or the norm of the gradients is not finite.
        """
        factor = lr_factor(number, self.plan.steps, self.schedule.warmup_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.lr * factor
            end = self.schedule.weight_decay_end
            if end is not None and group["weight_decay"] > 0:  # some are not decayed at all
                start = self.schedule.weight_decay
                group["weight_decay"] = decay_at(number, self.plan.steps, start, end)
        if self.fabric.world_size > 1:
            # Drop path differs between processes, and a resumed run needs no state of each.
            torch.manual_seed(_mixed(self.plan.seed, number, self.plan.rank))
        losses = [self._pass(batch, len(turns), last=batch is turns[-1]) for batch in turns]
        value = self._checked(losses, self._clip(), number, stop)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.update(self.trained)
        return value

    def _pass(self, batch: Batch, passes: int, last: bool) -> Tensor:
        """Forward and backward; returns this pass's share of the step's loss, on the device.

        Gradients travel between processes in the last pass only. The backward pass is outside of
        autocast, which would round the products that the forward pass kept in float32.
        """
        waits = self.fabric.world_size > 1 and not last
        with self.fabric.no_backward_sync(self.model, enabled=waits):
            with self.fabric.autocast(), shared_statistics():
                loss = self.loss(self.model, batch) / passes
            self.fabric.backward(loss)
        return loss.detach().float()

    def _clip(self) -> Tensor | None:
        """Clip the gradients; returns their norm before clipping where it must be finite.

        With loss scaling (16-mixed) it need not be: the scaler skips such a step.
        """
        if self.schedule.clip_norm <= 0:
            return None
        norm = self.fabric.clip_gradients(
            self.model,
            self.optimizer,
            max_norm=self.schedule.clip_norm,
            error_if_nonfinite=False,  # it would wait for the device, and stop where scaling helps
        )
        assert norm is not None
        return None if is_scaled(self.fabric) else plain(norm)

    def _checked(self, losses: list[Tensor], norm: Tensor | None, step: int, stop: bool) -> float:
        """The step's loss over all processes; the only wait for the device in a step.

        Raises DataError where the loss or the norm of the gradients is not finite.
        """
        numbers = torch.stack(losses if norm is None else [*losses, norm])
        found = self._mean_over_processes(numbers, stop)
        value = sum(found[: len(losses)])
        if not all(map(math.isfinite, found)):
            what = "gradient" if math.isfinite(value) else "loss"
            raise DataError(
                f"The {what} is no longer a number at step {step}; start again with "
                "a lower --lr or --precision 32-true."
            )
        return value

    def _mean_over_processes(self, numbers: Tensor, stop: bool) -> list[float]:
        """Means, the same in every process; the same message carries the requests to stop."""
        if self.fabric.world_size == 1:
            return numbers.tolist()
        asked = torch.full((1,), float(stop), device=numbers.device)
        sums = torch.cat([numbers, asked])
        distributed.all_reduce(sums)  # Fabric's own sets a barrier before it
        *found, stops = sums.tolist()
        self.stops_everywhere = stops > 0
        return [value / self.fabric.world_size for value in found]

    def gather(self) -> dict[str, Any]:
        """Bring whole weights into ``raw``; returns the state to save. Every process calls it."""
        if self.sharded:
            self.raw.load_state_dict(whole(self.trained.state_dict()))
        return {
            "model": self.raw.state_dict(),
            "optimizer": optimizer_state(self.trained, self.optimizer, self.sharded),
            "precision": self.fabric.strategy.precision.state_dict(),  # the GradScaler's
            "average": self.average.state_dict() if self.average else None,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a state that ``gather`` gave."""
        copy_whole(self.trained.state_dict(), state["model"])
        load_optimizer_state(self.trained, self.optimizer, state["optimizer"], self.sharded)
        if state.get("precision"):  # older states have none
            self.fabric.strategy.precision.load_state_dict(state["precision"])
        if self.average is not None and state["average"] is not None:
            self.average.load_state_dict(state["average"])


def _mixed(*numbers: int) -> int:
    """One seed derived from several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)
