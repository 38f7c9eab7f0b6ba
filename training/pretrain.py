"""python -m training.pretrain: MAMIM, MAE or contrastive pre-training on a data folder."""

from __future__ import annotations

import sys
from functools import partial

from training.cli.command import run_command
from training.config import PretrainConfig
from training.methods.pretraining import pretrain

main = partial(run_command, PretrainConfig, pretrain, section="pretrain")

if __name__ == "__main__":
    sys.exit(main())
