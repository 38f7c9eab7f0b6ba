"""The training loop against steps written out in plain torch, and what it leaves on the disk."""

from __future__ import annotations

import json
import math
import os
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from ssmamba.errors import DataError
from ssmamba.runtime.threads import ThreadTuner
from training.loop.batches import Batches, Plan
from training.loop.epoch_log import LOG_FILE
from training.loop.fit import Fit
from training.loop.interrupt import Interrupted
from training.loop.state import STATE_FILE
from training.loop.task import Outcome, Schedule, Task

PLAN = Plan(images=24, batch_size=8, epochs=4, seed=3)  # three steps an epoch
SCHEDULE = Schedule(
    lr=0.05, weight_decay=0.1, warmup_steps=4, clip_norm=0.0, ema_decay=0.0, validate_every=1
)
Pair = tuple[Tensor, Tensor]
Weights = dict[str, Tensor]

_points = torch.Generator().manual_seed(0)
X = torch.randn(PLAN.images, 5, generator=_points)
Y = (X @ torch.randn(5, 2, generator=_points)).tanh() + 1


def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(5, 2)


def with_dropout() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 16), nn.Dropout(0.3), nn.Linear(16, 2))


def take(rows: np.ndarray, rng: np.random.Generator) -> Pair:
    return X[rows], Y[rows]


def loss_of(model: nn.Module, batch: Pair) -> Tensor:
    return mse_loss(model(batch[0]), batch[1])


def copied(model: nn.Module) -> Weights:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


@dataclass
class Run:
    """One call of ``fit`` with what it was given to save and to validate."""

    folder: Path
    scores: list[float] = field(default_factory=lambda: [1.0, 2.0, 3.0, 4.0])  # one a validation
    plan: Plan = PLAN
    schedule: Schedule = SCHEDULE
    loss: Callable[[nn.Module, Pair], Tensor] = loss_of
    on_validate: Callable[[nn.Module], Any] = lambda model: None
    validated: list[Weights] = field(default_factory=list)
    saved: list[tuple[str, int]] = field(default_factory=list)  # name of the file, epoch

    def go(self, model: nn.Module, resume: bool = False) -> Outcome:
        task: Task[Pair] = Task(self.loss, self._validate, lambda m: (m["score"],), self._save)
        fabric = Fabric(accelerator="cpu", devices=1)
        batches = Batches(self.plan, take, workers=0)
        run = Fit(fabric, model, batches, self.schedule, task, self.folder, "test")
        return run.run(resume)

    def _validate(self, model: nn.Module) -> dict[str, float]:
        assert not model.training and not torch.is_grad_enabled()
        self.on_validate(model)
        self.validated.append(copied(model))
        return {"score": self.scores[len(self.validated) - 1]}

    def _save(self, path: Path, model: nn.Module, outcome: Outcome) -> None:
        self.saved.append((path.name, outcome.epoch))
        save_file(copied(model), path)

    def on_disk(self, name: str) -> Weights:
        return load_file(self.folder / name)

    def log(self) -> list[dict[str, Any]]:
        lines = (self.folder / LOG_FILE).read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


def by_hand(model: nn.Module, schedule: Schedule, plan: Plan = PLAN) -> list[Weights]:
    """The weights after each step: AdamW, warm-up and cosine, the whole batch at once."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    free = [p for p in model.parameters() if p.ndim == 1]
    groups = [
        {"params": decayed, "weight_decay": schedule.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    optimizer, after = torch.optim.AdamW(groups, lr=schedule.lr), []
    for step in range(plan.steps):
        past = (step - schedule.warmup_steps) / (plan.steps - schedule.warmup_steps)
        warm = (step + 1) / schedule.warmup_steps
        factor = warm if past < 0 else (1 + math.cos(math.pi * past)) / 2
        for group in optimizer.param_groups:
            group["lr"] = schedule.lr * factor
        rows = plan.rows(step)
        optimizer.zero_grad()
        loss_of(model, (X[rows], Y[rows])).backward()
        if schedule.clip_norm:
            nn.utils.clip_grad_norm_(model.parameters(), schedule.clip_norm)
        optimizer.step()
        after.append(copied(model))
    return after


def assert_close(found: Weights, expected: Weights) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-6)


def differ(one: Weights, other: Weights) -> bool:
    return any((one[name] - other[name]).abs().max() > 1e-3 for name in one)


@pytest.mark.parametrize("clip_norm", [0.0, 2.0])  # Adam would not tell what is always clipped
@pytest.mark.parametrize("passes", [1, 2, 4])
def test_a_run_is_adamw_with_warm_up_cosine_clipping_and_mean_gradients(
    tmp_path: Path, passes: int, clip_norm: float
) -> None:
    """However many passes a step has: the mean of their gradients is clipped, not each."""
    schedule = replace(SCHEDULE, clip_norm=clip_norm)
    run = Run(tmp_path, plan=replace(PLAN, accumulate=passes), schedule=schedule)
    model = linear()
    outcome = run.go(model)
    expected = by_hand(linear(), schedule)
    for found, step in zip(run.validated, (2, 5, 8, 11), strict=True):
        assert_close(found, expected[step])
    assert_close(copied(model), expected[-1])
    assert (outcome.step, outcome.epoch, outcome.images_seen) == (12, 4, 96) and outcome.done
    if clip_norm:
        assert differ(expected[-1], by_hand(linear(), SCHEDULE)[-1])  # the limit was felt


def test_the_log_has_each_epochs_mean_loss_rate_and_metrics(tmp_path: Path) -> None:
    losses: list[float] = []

    def recorded(model: nn.Module, batch: Pair) -> Tensor:
        loss = loss_of(model, batch)
        losses.append(loss.item())
        return loss

    run = Run(tmp_path, scores=[1.0, 2.0], schedule=replace(SCHEDULE, validate_every=3))
    run.loss = recorded
    run.go(linear())
    log = run.log()
    assert [(line["epoch"], line["step"]) for line in log] == [(1, 3), (2, 6), (3, 9), (4, 12)]
    means = [sum(losses[at : at + 3]) / 3 for at in (0, 3, 6, 9)]
    assert [line["loss"] for line in log] == pytest.approx(means)
    assert log[0]["lr"] == pytest.approx(0.05 * 3 / 4) and log[0]["peak_lr"] == 0.05
    assert [line["lr"] for line in log[1:]] == sorted([line["lr"] for line in log[1:]])[::-1]
    assert [line.get("val") for line in log] == [None, None, {"score": 1.0}, {"score": 2.0}]
    assert [line["seconds"] for line in log] == sorted(line["seconds"] for line in log)


@pytest.mark.parametrize(
    ("scores", "best"),
    [([1.0, 3.0, 2.0, 2.5], 2), ([5.0, 5.0, 5.0, 5.0], 1), ([-4.0, -3.0, -2.0, -1.0], 4)],
)
def test_the_best_validation_is_kept_and_of_equals_the_first(
    tmp_path: Path, scores: list[float], best: int
) -> None:
    run, model = Run(tmp_path, scores), linear()
    outcome = run.go(model)
    expected = by_hand(linear(), SCHEDULE)
    assert (outcome.best_epoch, outcome.best_metrics) == (best, {"score": scores[best - 1]})
    assert outcome.last_metrics == {"score": scores[-1]}
    assert_close(copied(model), expected[3 * best - 1])  # the model ends with its best weights
    assert_close(run.on_disk("best.safetensors"), expected[3 * best - 1])
    assert_close(run.on_disk("last.safetensors"), expected[-1])
    records = [n + 1 for n in range(4) if scores[n] > max(scores[:n], default=-math.inf)]
    files = [("best.safetensors", epoch) for epoch in records]
    assert run.saved == [*files, ("last.safetensors", 4)]


def test_averaged_weights_are_what_is_validated_and_kept(tmp_path: Path) -> None:
    run = Run(tmp_path, schedule=replace(SCHEDULE, ema_decay=0.8))
    model = linear()
    average, kept = copied(model), []
    run.go(model)
    steps = by_hand(linear(), SCHEDULE)  # the average does not move the training
    for number, weights in enumerate(steps, start=1):
        decay = min(0.8, (1 + number) / (10 + number))
        average = {n: decay * average[n] + (1 - decay) * w for n, w in weights.items()}
        kept.append(average)
    for found, step in zip(run.validated, (2, 5, 8, 11), strict=True):
        assert_close(found, kept[step])
    assert_close(copied(model), kept[-1])
    assert_close(run.on_disk("best.safetensors"), kept[-1])
    assert_close(run.on_disk("last.safetensors"), steps[-1])  # what the training goes on from
    assert differ(kept[-1], steps[-1])


def test_validation_moves_neither_the_random_numbers_nor_the_weights(tmp_path: Path) -> None:
    def disturb(model: nn.Module) -> None:
        torch.rand(100)
        np.random.rand(7)  # noqa: NPY002
        for parameter in model.parameters():
            parameter.mul_(2)

    ends = []
    for name, act in (("quiet", lambda model: None), ("loud", disturb)):
        (tmp_path / name).mkdir()
        run = Run(tmp_path / name, on_validate=act)
        model = with_dropout()
        run.go(model)
        ends.append(run.on_disk("last.safetensors"))
    assert_close(*ends)


def interrupted_at(step: int, presses: int = 1) -> Callable[[nn.Module, Pair], Tensor]:
    """A loss in whose n-th step (from 1) somebody presses Ctrl-C."""
    seen = []

    def loss(model: nn.Module, batch: Pair) -> Tensor:
        seen.append(1)
        if len(seen) == step:
            for _ in range(presses):
                os.kill(os.getpid(), signal.SIGINT)
        return loss_of(model, batch)

    return loss


@pytest.mark.parametrize("step", [1, 5, 6, 11])
@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_a_stopped_run_goes_on_as_if_it_had_not_been(
    tmp_path: Path, step: int, ema_decay: float
) -> None:
    """In the middle of an epoch or at its end; weights, best choice, average, drop-outs, log."""
    schedule, scores = replace(SCHEDULE, ema_decay=ema_decay), [1.0, 4.0, 3.0, 2.0]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    unbroken, model = Run(whole, scores, schedule=schedule), with_dropout()
    expected = unbroken.go(model)
    first = Run(parts, scores, schedule=schedule, loss=interrupted_at(step))
    with pytest.raises(Interrupted):
        first.go(with_dropout())
    assert first.saved[-1] == ("last.safetensors", step // 3)
    second, again = Run(parts, scores[step // 3 :], schedule=schedule), with_dropout()
    torch.manual_seed(99)  # another process has other numbers
    found = second.go(again, resume=True)
    assert len(first.validated) + len(second.validated) == 4
    assert_close(copied(again), copied(model))
    for name in ("best.safetensors", "last.safetensors"):
        assert_close(second.on_disk(name), unbroken.on_disk(name))
    drop = {"seconds": 0.0}
    assert {**asdict(found), **drop} == {**asdict(expected), **drop}
    for one, other in zip(second.log(), unbroken.log(), strict=True):
        assert {**one, **drop} == {**other, **drop}
    assert [line["seconds"] for line in second.log()] == sorted(
        line["seconds"] for line in second.log()
    )


def test_a_second_ctrl_c_ends_at_once_and_the_signals_are_given_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    run = Run(tmp_path, loss=interrupted_at(2, presses=2))
    with pytest.raises(KeyboardInterrupt):
        run.go(linear())
    assert run.saved == []
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_stop_in_the_last_step_is_a_finished_run(tmp_path: Path) -> None:
    run = Run(tmp_path, loss=interrupted_at(PLAN.steps))
    assert run.go(linear()).done
    assert run.saved[-1] == ("last.safetensors", 4)


def test_a_finished_run_resumed_trains_nothing_and_gives_its_best_weights(tmp_path: Path) -> None:
    scores = [1.0, 3.0, 2.0, 2.5]
    Run(tmp_path, scores).go(linear())
    best, log = load_file(tmp_path / "best.safetensors"), (tmp_path / LOG_FILE).read_text()

    def never(model: nn.Module, batch: Pair) -> Tensor:
        raise AssertionError("a step was made")

    again, model = Run(tmp_path, scores, loss=never), linear()
    outcome = again.go(model, resume=True)
    assert outcome.done and outcome.best_epoch == 2 and again.saved == []
    assert_close(copied(model), best)
    assert (tmp_path / LOG_FILE).read_text() == log


def test_resuming_where_nothing_was_begun_begins(tmp_path: Path) -> None:
    model = linear()
    assert Run(tmp_path).go(model, resume=True).step == PLAN.steps
    assert_close(copied(model), by_hand(linear(), SCHEDULE)[-1])


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("passes", [1, 2])
def test_a_loss_that_is_no_number_ends_the_run_and_leaves_what_was_saved(
    tmp_path: Path, bad: float, passes: int
) -> None:
    """Also in the second pass of a step alone; a resumed run would start from before it."""
    calls = []

    def breaks(model: nn.Module, batch: Pair) -> Tensor:
        calls.append(1)
        return loss_of(model, batch) * (bad if len(calls) == 5 * passes else 1.0)

    run = Run(tmp_path, plan=replace(PLAN, accumulate=passes), loss=breaks)
    model = linear()
    with pytest.raises(DataError, match=r"no longer a number at step 4; .*a lower --lr"):
        run.go(model)
    expected = by_hand(linear(), SCHEDULE)
    assert_close(copied(model), expected[3])  # not moved by it
    assert_close(run.on_disk("best.safetensors"), expected[2])
    assert torch.load(tmp_path / STATE_FILE, weights_only=True)["outcome"]["step"] == 3


def test_fewer_images_than_a_batch_make_a_step_of_what_there_is(tmp_path: Path) -> None:
    plan = replace(PLAN, batch_size=100, epochs=2)
    outcome = Run(tmp_path, [1.0, 2.0], plan=plan).go(linear())
    assert (outcome.step, outcome.images_seen) == (2, 48)


def test_steps_can_take_the_threads_that_other_programs_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.loop.fit.ThreadTuner", lambda: ThreadTuner(2, lambda: None))
    seen, before = [], torch.get_num_threads()

    def slow(model: nn.Module, batch: Pair) -> Tensor:
        seen.append(torch.get_num_threads())
        time.sleep(0.01)  # time in which this thread does not compute
        return loss_of(model, batch)

    run = Run(tmp_path, schedule=replace(SCHEDULE, follows_load=True), loss=slow)
    try:
        assert run.go(linear()).done
    finally:
        torch.set_num_threads(before)
    assert seen[:2] == [2, 1]
