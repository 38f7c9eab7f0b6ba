"""python -m training.convert: weights of a published encoder into a checkpoint with a card.

The result starts training.finetune (--init), whole or frozen (--freeze).
"""

from __future__ import annotations

import sys

from training.cli.command import run_command
from training.convert.config import ConvertConfig
from training.convert.encoders import convert


def main(argv: list[str] | None = None) -> int:
    return run_command(
        ConvertConfig, convert, section="convert", positional="weights", recipe=None, argv=argv
    )


if __name__ == "__main__":
    sys.exit(main())
