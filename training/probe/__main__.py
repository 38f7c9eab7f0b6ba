"""python -m training.probe: how well a checkpoint's frozen features separate classes."""

from __future__ import annotations

import sys
from functools import partial

from training.cli.command import run_command
from training.probe.config import ProbeConfig


def probe(config: ProbeConfig) -> None:
    from training.probe.measure import probe  # seconds to import scikit-learn and matplotlib

    probe(config)


main = partial(run_command, ProbeConfig, probe, section="probe", positional="checkpoint")

if __name__ == "__main__":
    sys.exit(main())
