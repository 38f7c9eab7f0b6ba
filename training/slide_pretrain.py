"""python -m training.slide_pretrain: train a slide encoder without labels (thesis §3.2, §3.3)."""

from __future__ import annotations

import sys
from functools import partial

from training.cli.command import run_command
from training.slides.config import SlidePretrainConfig


def slide_pretrain(config: SlidePretrainConfig) -> None:
    from training.slides.ssl import pretrain  # seconds to import torch

    pretrain.slide_pretrain(config)


main = partial(
    run_command, SlidePretrainConfig, slide_pretrain, section="slide_pretrain", shared=True
)

if __name__ == "__main__":
    sys.exit(main())
