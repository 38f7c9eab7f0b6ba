"""Read whole slides from the command line: ``python -m ssmamba.scan``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ssmamba.errors import SSMambaError
from ssmamba.headless.arguments import CommandParser, count, positive, share, some_of
from ssmamba.headless.scan.request import FORMATS, ScanRequest
from ssmamba.headless.scan.run import scan
from ssmamba.reading.grid import LEAST_TISSUE
from ssmamba.reading.slide_plan import GridOptions
from ssmamba.runtime.memory import KEPT_BY_COMMANDS, keep_freed_memory_without_gpu

BAD_INPUT, STOPPED = 2, 130  # exit statuses


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 2 for bad input, 130 when stopped."""
    keep_freed_memory_without_gpu(KEPT_BY_COMMANDS)
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


def _parse(argv: Sequence[str] | None) -> ScanRequest:
    parser = CommandParser(
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
    add("--overlap", type=share, default=0.0, metavar="F",
        help="share of a tile's side that neighbours have in common (default: 0)")  # fmt: skip
    add("--format", default=",".join(FORMATS), dest="formats", metavar="LIST",
        help="of geojson, csv and tiff (default: all)")  # fmt: skip
    add("--mpp", type=positive, metavar="X", help="µm/px of the slides, if their files have none")
    add("--field-px", type=positive, metavar="N",
        help="side of one tile in level-0 pixels, for models without µm/px")  # fmt: skip
    add("--least-tissue", type=share, default=LEAST_TISSUE, metavar="F",
        help=f"share of a tile; what has less is left out (default: {LEAST_TISSUE})")  # fmt: skip
    add("--tissue", type=Path, metavar="PATH",
        help="regions of the classes Tissue and No tissue that correct what is found: a file, or "
        "a folder with one for each slide")  # fmt: skip
    add("--preflight", action="store_true",
        help="list scale, levels, tiles and what would be missing; read nothing")  # fmt: skip
    add("--batch", type=count, metavar="N", help="tiles at once (default: by device)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    values = vars(parser.parse_args(argv))
    options = GridOptions(
        **{k: values.pop(k) for k in ("overlap", "least_tissue", "mpp", "field_px")}
    )
    inputs, formats = tuple(values.pop("inputs")), some_of(values.pop("formats"), FORMATS)
    return ScanRequest(inputs=inputs, options=options, formats=formats, **values)


if __name__ == "__main__":
    sys.exit(main())
