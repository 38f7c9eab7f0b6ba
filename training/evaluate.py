"""python -m training.evaluate: measure a checkpoint on a split of a data folder."""

from __future__ import annotations

import sys
from functools import partial

from ssmamba.files import keep_json
from training.cli.command import run_command
from training.config import EvaluateConfig
from training.evaluation.measure import evaluate
from training.loop.progress import console


def evaluate_command(config: EvaluateConfig) -> None:
    result = evaluate(config)
    if config.out is not None:
        keep_json(config.out, result)
        console.print(f"Wrote {config.out}")


main = partial(
    run_command, EvaluateConfig, evaluate_command, section="evaluate", positional="checkpoint"
)

if __name__ == "__main__":
    sys.exit(main())
