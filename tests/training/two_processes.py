"""What test_distributed starts with torchrun: training commands, one after the other.

Arguments: a JSON list of [command, [flags ...]].
"""

from __future__ import annotations

import json
import sys

from training import finetune, pretrain

COMMANDS = {"pretrain": pretrain.main, "finetune": finetune.main}


def main() -> int:
    for name, flags in json.loads(sys.argv[1]):
        if status := COMMANDS[name](flags):
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
