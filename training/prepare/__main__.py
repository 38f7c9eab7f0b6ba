"""python -m training.prepare: turn a data set's published download into a training folder."""

from __future__ import annotations

import sys
from functools import partial

from training.cli.command import run_command
from training.prepare.config import PrepareConfig
from training.prepare.steps import prepare

main = partial(run_command, PrepareConfig, prepare, section="prepare", positional="dataset")

if __name__ == "__main__":
    sys.exit(main())
