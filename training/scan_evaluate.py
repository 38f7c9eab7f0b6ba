"""python -m training.scan_evaluate: compare maps of whole slides with outlines of the truth."""

from __future__ import annotations

import sys
from functools import partial

from training.cli.command import run_command
from training.config import ScanEvaluateConfig


def scan_evaluate(config: ScanEvaluateConfig) -> None:
    from training.evaluation import scans  # seconds to import torch and matplotlib

    scans.scan_evaluate(config)


main = partial(
    run_command, ScanEvaluateConfig, scan_evaluate, section="scan_evaluate", positional="scans"
)

if __name__ == "__main__":
    sys.exit(main())
