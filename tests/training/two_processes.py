"""What test_distributed starts with torchrun: training commands, one after the other.

Arguments: a JSON list of [command, [flags ...], step]. With a step the second process gets Ctrl-C
there, and every process must stop; 0 = none.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from training import finetune, pretrain
from training.loop import fit

COMMANDS = {"pretrain": pretrain.main, "finetune": finetune.main}
STOPPED = 130
_step = fit._Run._step


def main() -> int:
    for name, flags, step in json.loads(sys.argv[1]):
        _stop_at(step)
        status = COMMANDS[name](flags)
        if status != (STOPPED if step else 0):
            return status or 1
    return 0


def _stop_at(step: int) -> None:
    def with_signal(self: Any, turns: list[Any]) -> float:
        value = _step(self, turns)
        if step and self.outcome.step == step and self.plan.rank == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return value

    fit._Run._step = with_signal  # type: ignore[method-assign]


if __name__ == "__main__":
    sys.exit(main())
