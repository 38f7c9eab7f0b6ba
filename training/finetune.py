"""python -m training.finetune: train a classifier on a data folder (SSMamba §4.2)."""

from __future__ import annotations

import sys
from functools import partial

from training.cli.command import run_command
from training.config import FinetuneConfig
from training.methods.finetuning import finetune

main = partial(run_command, FinetuneConfig, finetune, section="finetune")

if __name__ == "__main__":
    sys.exit(main())
