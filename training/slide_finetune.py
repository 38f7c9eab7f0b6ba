"""python -m training.slide_finetune: train a model of whole slides (Pixel-Mamba §3.4, A.2)."""

from __future__ import annotations

import sys
from functools import partial

from training.cli.command import run_command
from training.slides.config import SlideFinetuneConfig


def slide_finetune(config: SlideFinetuneConfig) -> None:
    from training.slides import finetune  # seconds to import torch

    finetune.slide_finetune(config)


main = partial(
    run_command, SlideFinetuneConfig, slide_finetune, section="slide_finetune", shared=True
)

if __name__ == "__main__":
    sys.exit(main())
