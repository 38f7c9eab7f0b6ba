"""python -m training.convert: convert a published encoder's weights to a checkpoint with a card.

The result starts training.finetune (--init), whole or frozen (--freeze).
"""

from __future__ import annotations

import sys
from functools import partial

from training.cli.command import run_command
from training.convert.config import ConvertConfig
from training.convert.encoders import convert

main = partial(run_command, ConvertConfig, convert, section="convert", positional="weights")

if __name__ == "__main__":
    sys.exit(main())
