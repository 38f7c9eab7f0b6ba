"""The loop of every training command: steps, validation, best weights, stop and resume."""

from __future__ import annotations

import time
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from ssmamba.runtime.threads import ThreadTuner
from training.loop.batches import Batches
from training.loop.epoch_log import LOG_FILE, append_epoch, forget_epochs_after
from training.loop.interrupt import Interrupted, StopRequest
from training.loop.precision import steps_in_tf32
from training.loop.progress import Progress, console
from training.loop.sharding import whole
from training.loop.state import (
    load_state,
    mend_state,
    refuse_full_disk,
    restore_rng,
    rng_state,
    save_state,
)
from training.loop.task import Batch, Outcome, Schedule, Score, Task
from training.loop.weights import Weights


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

    def __post_init__(self) -> None:
        self.plan, self.stop = self.batches.plan, StopRequest()
        self.weights = Weights(self.fabric, self.raw, self.task.loss, self.schedule, self.plan)
        follows = self.schedule.follows_load and self.fabric.device.type == "cpu"
        self.threads = ThreadTuner() if follows else None

    @property
    def log_file(self) -> Path:
        return self.log or self.folder / LOG_FILE

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
        self.weights.model.train()
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
        return self.stop.asked if self.fabric.world_size == 1 else self.weights.stops_everywhere

    @property
    def _leads(self) -> bool:
        return bool(self.fabric.is_global_zero)

    def _step(self, turns: list[Batch]) -> float:
        with nullcontext() if self.threads is None else self.threads.measured("step"):
            value = self.weights.step(turns, self.outcome.step, self.stop.asked)
        self.loss_sum += value
        self.loss_count += 1
        return value

    def _end_epoch(self) -> None:
        outcome = self.outcome
        outcome.epoch += 1
        outcome.done = outcome.epoch == self.plan.epochs
        record: dict[str, Any] = {
            "epoch": outcome.epoch,
            "step": outcome.step,
            "peak_lr": self.schedule.lr,
            "loss": self.loss_sum / max(self.loss_count, 1),
            "lr": self.weights.optimizer.param_groups[0]["lr"],
            "seconds": round(outcome.seconds, 2),
            **self.task.each_epoch(),
        }
        self.loss_sum, self.loss_count = 0.0, 0
        if outcome.done or outcome.epoch % self.schedule.validate_every == 0:
            record["val"] = self._validate()
        self._log(record)

    def _validate(self) -> dict[str, float]:
        """Validate the averaged weights when there are any, and keep the best."""
        own, average = whole(self.weights.trained.state_dict()), self.weights.average
        rng = rng_state()  # validation must not move the training's random numbers
        self.raw.load_state_dict(whole(average.average) if average else own)
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
        self.weights.model.train()
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
        state = self.weights.gather()
        if not self._leads:
            return
        if with_checkpoint:
            self.task.save(self.folder / "last.safetensors", self.raw, self.outcome)
        save_state(
            self.folder,
            {
                **state,
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
        self.weights.load(state)
        self.best = state["best"]
        score = state["best_score"]
        self.best_score = None if score is None else tuple(score)
        self.loss_sum, self.loss_count = state["loss"]
        self.outcome = Outcome(**state["outcome"])
        restore_rng(state["rng"])
        if self._leads and not self.outcome.done:
            console.print(f"{self.title}: continuing from step {self.outcome.step}")
