"""Classify images and regions of slides from the command line: ``python -m ssmamba.predict``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ssmamba.errors import SSMambaError
from ssmamba.explain.methods import METHODS, STAGES
from ssmamba.headless.arguments import CommandParser, positive
from ssmamba.headless.request import Request
from ssmamba.headless.run import predict
from ssmamba.runtime.memory import keep_freed_memory_without_gpu

BAD_INPUT, STOPPED = 2, 130  # exit statuses


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 2 for bad input, 130 when stopped."""
    keep_freed_memory_without_gpu()
    try:
        request = _parse(argv)
        failures = predict(request)
    except SSMambaError as error:
        failures = [str(error)]
    except KeyboardInterrupt:
        print("Stopped; finished results have been written.", file=sys.stderr)
        return STOPPED
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    return BAD_INPUT if failures else 0


def _parse(argv: Sequence[str] | None) -> Request:
    parser = CommandParser(
        prog="python -m ssmamba.predict",
        description="Classify images, regions of slides, or all tissue on a slide.",
        epilog="Writes results.json, results.csv, rois.geojson and a PNG for each CAM. "
        "Without --rois, a plain image is read whole and a slide by its pieces of tissue.",
    )
    add = parser.add_argument
    add("inputs", nargs="+", metavar="IMAGE_OR_SLIDE")
    add("--model", nargs="+", action="extend", required=True, metavar="FILE", dest="models",
        help="checkpoints of classifiers")  # fmt: skip
    add("--out", type=Path, required=True, metavar="DIR")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--rois",
        type=Path,
        metavar="FILE",
        help="regions in QuPath's GeoJSON, or in the XML of ASAP or ImageScope",
    )
    add("--no-bounds-offset", action="store_true",
        help="region files count from the corner of the whole slide, as HALO's and ASAP's do; "
        "QuPath's count from the scanned part, where a slide says which part that is")  # fmt: skip
    where.add_argument(
        "--tissue", action="store_true", help="treat every piece of tissue as a region"
    )
    add("--cam", metavar="METHOD", help=f"also draw a CAM: {', '.join(METHODS)}")
    add("--target", metavar="CLASS", help="class shown by the CAM (default: the predicted class)")
    add("--stage", type=int, choices=STAGES,
        help="stage of the CAM, 1 (fine) to 4 (coarse) (default: the model's own)")  # fmt: skip
    add("--mode", choices=("auto", "whole", "tiles"), default="auto",
        help="read a region as one window (whole) or several (tiles)")  # fmt: skip
    add(
        "--mpp",
        type=positive,
        metavar="X",
        help="µm/px of the slide, if its file has none",
    )
    add("--field-px", type=positive, metavar="N",
        help="side of one window in level-0 pixels, for models without µm/px")  # fmt: skip
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    values = vars(parser.parse_args(argv))
    inputs, models = tuple(values.pop("inputs")), tuple(dict.fromkeys(values.pop("models")))
    return Request(inputs=inputs, models=models, **values)


if __name__ == "__main__":
    sys.exit(main())
