"""python -m training.prepare: from the published download of a data set to a training folder."""

from __future__ import annotations

import sys

from training.cli.command import run_command
from training.prepare.config import PrepareConfig
from training.prepare.steps import prepare


def main(argv: list[str] | None = None) -> int:
    return run_command(
        PrepareConfig, prepare, section="prepare", positional="dataset", recipe=None, argv=argv
    )


if __name__ == "__main__":
    sys.exit(main())
