"""python -m training.card: complete the cards of existing checkpoints; their weights stay."""

from __future__ import annotations

import sys
from functools import partial

from training.cli.command import run_command
from training.config import CardConfig
from training.loop.progress import console
from training.runs.completing import complete_cards


def complete(config: CardConfig) -> None:
    for path, changes in complete_cards(config).items():
        told = ", ".join(f"{name} {value}" for name, value in changes.items())
        console.print(f"{path}: {told or 'nothing to change'}")


main = partial(run_command, CardConfig, complete, section="card", positional="checkpoints")

if __name__ == "__main__":
    sys.exit(main())
