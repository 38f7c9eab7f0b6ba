"""Read whole slides from the command line: ``python -m ssmamba.scan``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from ssmamba.errors import InputError, SSMambaError
from ssmamba.headless.scan.request import FORMATS, ScanRequest, formats_of
from ssmamba.headless.scan.run import scan
from ssmamba.reading.grid import LEAST_TISSUE
from ssmamba.reading.slide_plan import GridOptions

BAD_INPUT, STOPPED = 2, 130  # exit statuses


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 2 for bad input, 130 when stopped."""
    try:
        failures = scan(_parse(argv))
    except SSMambaError as error:
        failures = [str(error)]
    except KeyboardInterrupt:
        print("Stopped; the same command goes on from here.", file=sys.stderr)
        return STOPPED
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    return BAD_INPUT if failures else 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see python -m ssmamba.scan --help.")


def _parse(argv: Sequence[str] | None) -> ScanRequest:
    parser = _Parser(
        prog="python -m ssmamba.scan",
        description="Read whole slides with a model: a class or a doubt for every tile of tissue.",
        epilog="Writes a folder for each slide (tiles.geojson, tiles.csv, heatmap.ome.tif, "
        "overview.png, summary.json) and summary.csv. The same command goes on where one ended; "
        "under torchrun or in a Slurm array the processes share the slides out.",
    )
    add = parser.add_argument
    add("inputs", nargs="+", metavar="SLIDES",
        help="slides, folders of slides, or CSV files: slide[,patient][,mpp]")  # fmt: skip
    add("--model", required=True, metavar="FILE", help="checkpoint of a classifier")
    add("--out", type=Path, required=True, metavar="DIR")
    add("--overlap", type=_share, default=0.0, metavar="F",
        help="share of a tile's side that neighbours have in common (default: 0)")  # fmt: skip
    add("--format", default=",".join(FORMATS), dest="formats", metavar="LIST",
        help="of geojson, csv and tiff (default: all)")  # fmt: skip
    add("--mpp", type=_positive, metavar="X", help="µm/px of the slides, if their files have none")
    add("--field-px", type=_positive, metavar="N",
        help="side of one tile in level-0 pixels, for models without µm/px")  # fmt: skip
    add("--least-tissue", type=_share, default=LEAST_TISSUE, metavar="F",
        help=f"share of a tile; what has less is left out (default: {LEAST_TISSUE})")  # fmt: skip
    add("--preflight", action="store_true",
        help="list scale, levels, tiles and what would be missing; read nothing")  # fmt: skip
    add("--batch", type=_count, metavar="N", help="tiles at once (default: by device)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    values = vars(parser.parse_args(argv))
    options = GridOptions(
        **{k: values.pop(k) for k in ("overlap", "least_tissue", "mpp", "field_px")}
    )
    inputs, formats = tuple(values.pop("inputs")), formats_of(values.pop("formats"))
    return ScanRequest(inputs=inputs, options=options, formats=formats, **values)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be a positive number")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError("must be from 0 to below 1")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


if __name__ == "__main__":
    sys.exit(main())
