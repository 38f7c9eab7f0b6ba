"""What test_distributed starts with torchrun: training commands, one after the other.

Arguments: a JSON list of [command, [flags ...], step]. With a step the second process gets Ctrl-C
there, and every process must stop; 0 = none. Weights must be shards where --strategy fsdp is asked
for, and only there.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any

import pytest
from torch.distributed.tensor import DTensor

from tests.training.conftest import measure_little
from training import finetune, pretrain, slide_finetune, slide_pretrain
from training.loop import fit
from training.loop.weights import Weights

COMMANDS = {
    "pretrain": pretrain.main,
    "finetune": finetune.main,
    "slide_pretrain": slide_pretrain.main,
    "slide_finetune": slide_finetune.main,
}
STOPPED = 130
SLOW_S = 0.5  # before the leader validates and writes
_step, _set_up, _validate = fit.Fit._step, Weights._set_up, fit.Fit._validate


def main() -> int:
    measure_little(pytest.MonkeyPatch())
    fit.Fit._validate = _validate_late  # type: ignore[method-assign]
    for name, flags, step in json.loads(sys.argv[1]):
        _stop_at(step)
        _expect_shards("fsdp" in flags)
        status = COMMANDS[name](flags)
        if status != (STOPPED if step else 0):
            return status or 1
    return 0


def _validate_late(self: Any) -> dict[str, float]:
    """The leader is slow, as with a slow disk: a process that does not wait finds no file."""
    if self.plan.rank == 0:
        time.sleep(SLOW_S)
    return _validate(self)


def _stop_at(step: int) -> None:
    def with_signal(self: Any, turns: list[Any]) -> float:
        if step and self.outcome.step == step and self.plan.rank == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return _step(self, turns)

    fit.Fit._step = with_signal  # type: ignore[method-assign]


def _expect_shards(expected: bool) -> None:
    def with_check(self: Any) -> None:
        _set_up(self)
        shards = {isinstance(weight, DTensor) for weight in self.trained.parameters()}
        assert shards == {expected}, f"shards: {shards}, expected {expected}"

    Weights._set_up = with_check  # type: ignore[method-assign]


if __name__ == "__main__":
    sys.exit(main())
