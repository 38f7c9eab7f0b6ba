"""python -m training.suite: models compared on tasks with room, paired over tasks and seeds."""

from __future__ import annotations

import sys
from functools import partial

from training.cli.command import run_command
from training.suite.config import SuiteConfig


def suite(config: SuiteConfig) -> None:
    from training.suite.run import run_suite  # seconds to import torch

    run_suite(config)


main = partial(run_command, SuiteConfig, suite, section="suite")

if __name__ == "__main__":
    sys.exit(main())
