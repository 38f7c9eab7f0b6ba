"""Classifiers for other programs from the command line: ``python -m ssmamba.export``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ssmamba.errors import SSMambaError
from ssmamba.headless.arguments import CommandParser, positive, some_of
from ssmamba.headless.export.request import FORMATS, ExportRequest
from ssmamba.headless.export.run import export

BAD_INPUT, STOPPED = 2, 130  # exit statuses


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 2 for bad input, 130 when stopped."""
    try:
        export(_parse(argv))
    except SSMambaError as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("Stopped; nothing half-written is left.", file=sys.stderr)
        return STOPPED
    return 0


def _parse(argv: Sequence[str] | None) -> ExportRequest:
    parser = CommandParser(
        prog="python -m ssmamba.export",
        description="A classifier for programs without this project.",
        epilog="wsinfer: config.json and torchscript_model.pt, for WSInfer and its QuPath "
        "extension; torch-export: config.json and model.pt2. A file is kept only if it answers as "
        "the checkpoint does.",
    )
    add = parser.add_argument
    add("model", metavar="MODEL", help="a checkpoint with classes")
    add("--out", type=Path, required=True, metavar="DIR")
    add("--format", default="wsinfer", metavar="LIST", dest="formats",
        help=f"of {', '.join(FORMATS)} (default: wsinfer)")  # fmt: skip
    add("--target-mpp", type=positive, metavar="X",
        help="µm/px of the network's input, for models without one")  # fmt: skip
    values = vars(parser.parse_args(argv))
    formats = some_of(values.pop("formats"), FORMATS)
    return ExportRequest(formats=formats, **values)


if __name__ == "__main__":
    sys.exit(main())
