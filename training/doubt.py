"""python -m training.doubt: what a classifier's rule of "not sure" refuses, as a table."""

from __future__ import annotations

import sys
from functools import partial

from ssmamba.files import keep_json
from training.cli.command import run_command
from training.config import DoubtConfig
from training.evaluation.doubts import measure_doubts


def measure(config: DoubtConfig) -> None:
    result = measure_doubts(config)
    if config.out is not None:
        keep_json(config.out, result)


main = partial(run_command, DoubtConfig, measure, section="doubt", positional="checkpoint")

if __name__ == "__main__":
    sys.exit(main())
