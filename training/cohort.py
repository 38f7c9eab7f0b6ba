"""python -m training.cohort: make a cohort for slide models from labelled patches."""

from __future__ import annotations

import sys
from functools import partial

from training.cli.command import run_command
from training.slides.config import CohortConfig


def make(config: CohortConfig) -> None:
    from training.slides import made_cohorts  # seconds to import torch

    made_cohorts.make_cohort(config)


main = partial(run_command, CohortConfig, make, section="cohort", positional="kind")

if __name__ == "__main__":
    sys.exit(main())
