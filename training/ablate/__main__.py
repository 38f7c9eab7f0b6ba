"""python -m training.ablate: the SSMamba paper's ablations, tables and figures on a data folder."""

from __future__ import annotations

import sys
from functools import partial

from training.ablate.config import AblateConfig
from training.ablate.grid import run_grid
from training.cli.command import run_command


def main(argv: list[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    work = partial(run_grid, arguments=arguments)
    return run_command(AblateConfig, work, section="ablate", argv=arguments)


if __name__ == "__main__":
    sys.exit(main())
