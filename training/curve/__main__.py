"""python -m training.curve: what a pre-training is worth with few labels and with many."""

from __future__ import annotations

import sys
from functools import partial

from training.cli.command import run_command
from training.curve.config import CurveConfig


def curve(config: CurveConfig) -> None:
    from training.curve.run import draw_curve  # seconds to import scikit-learn and torch

    draw_curve(config)


main = partial(run_command, CurveConfig, curve, section="curve", positional="checkpoint")

if __name__ == "__main__":
    sys.exit(main())
