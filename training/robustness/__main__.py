"""python -m training.robustness: accuracy of classifiers on images changed at graded strength."""

from __future__ import annotations

import sys
from functools import partial

from training.cli.command import run_command
from training.robustness.compare import compare
from training.robustness.config import RobustnessConfig

main = partial(
    run_command, RobustnessConfig, compare, section="robustness", positional="checkpoints"
)

if __name__ == "__main__":
    sys.exit(main())
