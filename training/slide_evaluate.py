"""python -m training.slide_evaluate: measure a model that reads whole slides."""

from __future__ import annotations

import sys
from functools import partial

from training.cli.command import run_command
from training.slides.config import SlideEvaluateConfig


def slide_evaluate(config: SlideEvaluateConfig) -> None:
    from training.slides import evaluate  # seconds to import torch

    evaluate.slide_evaluate(config)


main = partial(run_command, SlideEvaluateConfig, slide_evaluate, section="slide_evaluate")

if __name__ == "__main__":
    sys.exit(main())
