"""python -m training.pretrain: MAMIM, MAE or contrastive pre-training on a data folder."""

from __future__ import annotations

import sys

from training.cli.command import run_command
from training.config import PretrainConfig
from training.methods.pretraining import pretrain


def main(argv: list[str] | None = None) -> int:
    return run_command(
        PretrainConfig, pretrain, section="pretrain", argv=argv, processes_share=True
    )


if __name__ == "__main__":
    sys.exit(main())
