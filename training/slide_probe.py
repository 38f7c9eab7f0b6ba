"""python -m training.slide_probe: what a slide encoder's frozen features are worth."""

from __future__ import annotations

import sys
from functools import partial

from training.cli.command import run_command
from training.slides.config import SlideProbeConfig


def slide_probe(config: SlideProbeConfig) -> None:
    from training.slides.ssl import probe  # seconds to import torch

    probe.slide_probe(config)


main = partial(run_command, SlideProbeConfig, slide_probe, section="slide_probe")

if __name__ == "__main__":
    sys.exit(main())
