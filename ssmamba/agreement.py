"""Agreement of several readers from the command line: ``python -m ssmamba.agreement``."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path

from ssmamba.errors import SSMambaError
from ssmamba.headless.agreement import WITHIN, AgreementRequest, compare_readers
from ssmamba.headless.arguments import CommandParser, positive
from ssmamba.rois.readers import MERGES, Agreement

BAD_INPUT, STOPPED = 2, 130  # exit statuses


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 2 for bad input, 130 when stopped."""
    try:
        request = _parse(argv)
        _print(compare_readers(request), len(request.files))
        print(f"Wrote classes.csv, pairs.csv and merged.geojson to {request.out}.", file=sys.stderr)
    except SSMambaError as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return STOPPED
    return 0


def _parse(argv: Sequence[str] | None) -> AgreementRequest:
    parser = CommandParser(
        prog="python -m ssmamba.agreement",
        description="How far several readers of one slide agree, class by class, and their regions "
        "merged.",
        epilog="Dice and kappa are of areas. Kappa counts a place that nobody marked as agreement, "
        "so it depends on --within.",
    )
    add = parser.add_argument
    add("files", nargs="+", type=Path, metavar="REGIONS",
        help="a file of each reader: GeoJSON, or XML of ASAP or ImageScope")  # fmt: skip
    add("--out", type=Path, required=True, metavar="DIR")
    add("--slide", type=Path, metavar="SLIDE",
        help="the slide: its tissue, its µm/px, and where QuPath counts from")  # fmt: skip
    add("--merge", choices=MERGES, default="majority",
        help="what merged.geojson holds: marked by more than half, any or all")  # fmt: skip
    add("--within", choices=WITHIN,
        help="where readers could mark (default: tissue with --slide, else annotated)")  # fmt: skip
    add("--mpp", type=positive, metavar="X", help="µm/px, if the slide's file has none")
    values = vars(parser.parse_args(argv))
    return AgreementRequest(files=tuple(values.pop("files")), **values)


def _print(rows: Sequence[Agreement], readers: int) -> None:
    kappa = "Cohen's kappa" if readers == 2 else "Fleiss' kappa"
    wide = max(5, *(len(row.class_name) for row in rows))
    print(f"{'class':{wide}}  marked by     Dice  {kappa}")
    for row in rows:
        told = (f"{v:.3f}" if not math.isnan(v) else "-" for v in (row.dice, row.kappa))
        by = f"{row.marked_by} of {readers}"
        print(f"{row.class_name:{wide}}  {by:>9}  {next(told):>7}  {next(told):>13}")


if __name__ == "__main__":
    sys.exit(main())
