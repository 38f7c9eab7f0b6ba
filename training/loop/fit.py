"""The loop of every training command: steps, validation, best weights, stop and resume."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import closing
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import ModelParallelStrategy
from torch import Tensor, distributed, nn

from ssmamba.errors import DataError
from training.loop.batches import Batches
from training.loop.batchnorm import share_statistics, shared_statistics
from training.loop.epoch_log import LOG_FILE, append_epoch, forget_epochs_after
from training.loop.interrupt import Interrupted, StopRequest
from training.loop.optim import WeightAverage, lr_factor, make_optimizer
from training.loop.precision import is_scaled, steps_in_tf32
from training.loop.progress import Progress, console
from training.loop.sharding import copy_whole, load_optimizer_state, optimizer_state, plain, whole
from training.loop.state import (
    load_state,
    mend_state,
    refuse_full_disk,
    restore_rng,
    rng_state,
    save_state,
)

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


@dataclass
class Fit(Generic[Batch]):
    """The training of a model.

    Writes last.safetensors, best.safetensors and the resume state into ``folder``, and a line
    for each epoch into ``log`` (None = log.jsonl in the same folder).
    """

    fabric: Fabric
    raw: nn.Module  # the model; stays whole where the trained weights are shards
    batches: Batches[Batch]
    schedule: Schedule
    task: Task[Batch]
    folder: Path
    title: str
    log: Path | None = None
    outcome: Outcome = field(default_factory=Outcome)
    best: dict[str, Tensor] = field(default_factory=dict)
    best_score: Score | None = None
    loss_sum: float = 0.0
    loss_count: int = 0
    stops_everywhere: bool = False

    def __post_init__(self) -> None:
        self.plan, self.stop = self.batches.plan, StopRequest()
        if self.fabric.world_size > 1:
            self._share_statistics()
        self.sharded = isinstance(self.fabric.strategy, ModelParallelStrategy)
        self.trained = deepcopy(self.raw) if self.sharded else self.raw
        self._set_up()
        decay = self.schedule.ema_decay
        self.average = WeightAverage(self.trained, decay) if decay > 0 else None

    @property
    def log_file(self) -> Path:
        return self.log or self.folder / LOG_FILE

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

    def run(self, resume: bool) -> Outcome:
        """Train the model in place; its final weights are the best ones.

        Raises Interrupted after Ctrl-C, once the folder allows it to resume.
        """
        if resume:
            self._resume()
        if not self.outcome.done:
            if self._leads:
                refuse_full_disk(self.folder, self.raw)
            self._train()
        self.fabric.barrier()  # callers may read files that the leader has written
        self.raw.load_state_dict(self.best)
        return self.outcome

    def _train(self) -> None:
        outcome, plan = self.outcome, self.plan
        clock = time.monotonic() - outcome.seconds
        self.model.train()
        with (
            closing(self.batches.starting_at(outcome.step)) as batches,
            self.stop,
            Progress(self.title, plan.steps, not self._leads) as progress,
        ):
            for turns in batches:
                with steps_in_tf32():
                    loss = self._step(turns)
                outcome.step += 1
                outcome.images_seen += plan.step_images
                outcome.seconds = time.monotonic() - clock
                progress.update(outcome.step, f"epoch {outcome.epoch + 1}  loss {loss:.4f}")
                if outcome.step % plan.epoch_steps == 0:
                    self._end_epoch()
                    outcome.seconds = time.monotonic() - clock
                    self._save(with_checkpoint=outcome.done)
                if self._stop_asked and not outcome.done:
                    self._save(with_checkpoint=True)
                    self.fabric.barrier()  # torchrun ends the leader too when another process exits
                    raise Interrupted

    @property
    def _stop_asked(self) -> bool:
        """Whether to stop; all processes stop after the same step, whichever got the signal."""
        return self.stop.asked if self.fabric.world_size == 1 else self.stops_everywhere

    @property
    def _leads(self) -> bool:
        return bool(self.fabric.is_global_zero)

    def _share_statistics(self) -> None:
        left = share_statistics(self.raw)
        if left and self._leads:
            console.print(
                f"{left} norm layers of this model cannot share their statistics: each process "
                "normalises by its own part of the batch."
            )

    def _step(self, turns: list[Batch]) -> float:
        """Update the weights by the mean gradient of all passes and processes; returns the loss."""
        factor = lr_factor(self.outcome.step, self.plan.steps, self.schedule.warmup_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.lr * factor
        if self.fabric.world_size > 1:
            # Drop path differs between processes, and a resumed run needs no state of each.
            torch.manual_seed(_mixed(self.plan.seed, self.outcome.step, self.plan.rank))
        losses = [self._pass(batch, len(turns), last=batch is turns[-1]) for batch in turns]
        value = self._checked(losses, self._clip())
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.update(self.trained)
        self.loss_sum += value
        self.loss_count += 1
        return value

    def _pass(self, batch: Batch, passes: int, last: bool) -> Tensor:
        """Forward and backward; returns this pass's share of the step's loss, on the device.

        Gradients travel between processes in the last pass only. The backward pass is outside of
        autocast, which would round the products that the forward pass kept in float32.
        """
        waits = self.fabric.world_size > 1 and not last
        with self.fabric.no_backward_sync(self.model, enabled=waits):
            with self.fabric.autocast(), shared_statistics():
                loss = self.task.loss(self.model, batch) / passes
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

    def _checked(self, losses: list[Tensor], norm: Tensor | None) -> float:
        """The step's loss over all processes; the only wait for the device in a step.

        Raises DataError where the loss or the norm of the gradients is not finite.
        """
        numbers = torch.stack(losses if norm is None else [*losses, norm])
        found = self._mean_over_processes(numbers)
        value = sum(found[: len(losses)])
        if not all(map(math.isfinite, found)):
            what = "gradient" if math.isfinite(value) else "loss"
            raise DataError(
                f"The {what} is no longer a number at step {self.outcome.step}; start again with "
                "a lower --lr or --precision 32-true."
            )
        return value

    def _mean_over_processes(self, numbers: Tensor) -> list[float]:
        """Means, the same in every process; the same message carries the requests to stop."""
        if self.fabric.world_size == 1:
            return numbers.tolist()
        asked = torch.full((1,), float(self.stop.asked), device=numbers.device)
        sums = torch.cat([numbers, asked])
        distributed.all_reduce(sums)  # Fabric's own sets a barrier before it
        *found, stops = sums.tolist()
        self.stops_everywhere = stops > 0
        return [value / self.fabric.world_size for value in found]

    def _end_epoch(self) -> None:
        outcome = self.outcome
        outcome.epoch += 1
        outcome.done = outcome.epoch == self.plan.epochs
        record: dict[str, Any] = {
            "epoch": outcome.epoch,
            "step": outcome.step,
            "peak_lr": self.schedule.lr,
            "loss": self.loss_sum / max(self.loss_count, 1),
            "lr": self.optimizer.param_groups[0]["lr"],
            "seconds": round(outcome.seconds, 2),
            **self.task.each_epoch(),
        }
        self.loss_sum, self.loss_count = 0.0, 0
        if outcome.done or outcome.epoch % self.schedule.validate_every == 0:
            record["val"] = self._validate()
        self._log(record)

    def _validate(self) -> dict[str, float]:
        """Validate the averaged weights when there are any, and keep the best."""
        own = whole(self.trained.state_dict())
        rng = rng_state()  # validation must not move the training's random numbers
        self.raw.load_state_dict(whole(self.average.average) if self.average else own)
        self.raw.eval()
        with torch.no_grad():
            metrics = self.task.validate(self.raw)
        score = self.task.score(metrics)
        self.outcome.last_metrics = metrics
        if self.best_score is None or score > self.best_score:
            self.best_score = score
            self.best = {k: v.detach().clone() for k, v in self.raw.state_dict().items()}
            self.outcome.best_epoch, self.outcome.best_metrics = self.outcome.epoch, metrics
            if self._leads:
                self.task.save(self.folder / "best.safetensors", self.raw, self.outcome)
        self.raw.load_state_dict(own)
        self.model.train()
        restore_rng(rng)
        return metrics

    def _log(self, record: dict[str, Any]) -> None:
        if not self._leads:
            return
        append_epoch(self.log_file, record)
        val = "  ".join(f"{k} {v:.4f}" for k, v in record.get("val", {}).items())
        line = f"{self.title} epoch {record['epoch']}/{self.plan.epochs}  loss {record['loss']:.4f}"
        console.print(f"{line}  lr {record['lr']:.2g}{'  val: ' + val if val else ''}")

    def _save(self, with_checkpoint: bool) -> None:
        if self.sharded:
            self.raw.load_state_dict(whole(self.trained.state_dict()))
        optimizer = optimizer_state(self.trained, self.optimizer, self.sharded)
        average = self.average.state_dict() if self.average else None
        if not self._leads:
            return
        if with_checkpoint:
            self.task.save(self.folder / "last.safetensors", self.raw, self.outcome)
        save_state(
            self.folder,
            {
                "model": self.raw.state_dict(),
                "optimizer": optimizer,
                "precision": self.fabric.strategy.precision.state_dict(),  # the GradScaler's
                "average": average,
                "best": self.best,
                "best_score": list(self.best_score) if self.best_score else None,
                "loss": [self.loss_sum, self.loss_count],
                "outcome": asdict(self.outcome),
                "rng": rng_state(),
            },
        )

    def _resume(self) -> None:
        if self._leads:
            mend_state(self.folder)
        self.fabric.barrier()  # before any process reads it
        state = load_state(self.folder)
        if self._leads:
            done = 0 if state is None else state["outcome"]["epoch"]
            forget_epochs_after(self.log_file, self.schedule.lr, done)
        if state is None:
            return
        copy_whole(self.trained.state_dict(), state["model"])
        load_optimizer_state(self.trained, self.optimizer, state["optimizer"], self.sharded)
        if state.get("precision"):  # older states have none
            self.fabric.strategy.precision.load_state_dict(state["precision"])
        if self.average is not None and state["average"] is not None:
            self.average.load_state_dict(state["average"])
        self.best = state["best"]
        score = state["best_score"]
        self.best_score = None if score is None else tuple(score)
        self.loss_sum, self.loss_count = state["loss"]
        self.outcome = Outcome(**state["outcome"])
        restore_rng(state["rng"])
        if self._leads and not self.outcome.done:
            console.print(f"{self.title}: continuing from step {self.outcome.step}")


def _mixed(*numbers: int) -> int:
    """One seed derived from several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)
