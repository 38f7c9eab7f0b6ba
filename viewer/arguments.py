"""The command line of the viewer."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ssmamba.checkpoints.wsinfer import is_model
from viewer.text.tr import tr

DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")


@dataclass(frozen=True)
class Options:
    """The options of the command line."""

    files: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    rois: str | None = None
    device: str = "auto"
    demo: bool = False
    screenshot: str | None = None
    doctor: bool = False
    demo_data: str = ""  # a folder of images for the demo; "" = the generated slide


def parse(argv: Sequence[str] | None = None) -> Options:
    """Parse arguments; exits with status 2 and a message on a wrong one."""
    parser = argparse.ArgumentParser(
        prog="ssmamba-viewer",
        description=tr(
            "View whole-slide images, draw regions and classify them. "
            "Research use only, not a medical device."
        ),
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help=tr("slide or image to open"))
    parser.add_argument(
        "--model", action="append", default=[], metavar="FILE", dest="models", nargs="+",
        help=tr(
            "checkpoint (.safetensors) or model folder of WSInfer's; several are compared side by "
            "side"
        ),
    )  # fmt: skip
    parser.add_argument("--rois", metavar="FILE.geojson", help=tr("regions to import and classify"))
    parser.add_argument("--device", default="auto", help=tr("auto, cpu, cuda or cuda:N"))
    parser.add_argument(
        "--demo", nargs="?", const="", metavar="DATA",
        help=tr("open a slide of generated tissue, or of held-out images of a data folder"),
    )  # fmt: skip
    parser.add_argument(
        "--screenshot", metavar="FILE.png",
        help=tr("save an image of the window once everything is shown, and exit"),
    )  # fmt: skip
    parser.add_argument("--doctor", action="store_true", help=tr("check the installation and exit"))
    given = parser.parse_args(argv)
    if not DEVICE.fullmatch(given.device):
        text = tr("unknown device '{device}'; choose auto, cpu, cuda or cuda:N")
        parser.error(text.format(device=given.device))
    models = [path for group in given.models for path in _models_of(group)]
    swallowed = [path for group in given.models for path in group[len(_models_of(group)) :]]
    # "--demo slide.svs": only a folder is data
    data = given.demo if given.demo and not Path(given.demo).is_file() else ""
    beside = (given.demo,) if given.demo and not data else ()
    return Options(
        (*given.files, *swallowed, *beside),
        tuple(models),
        given.rois,
        given.device,
        given.demo is not None,
        given.screenshot,
        given.doctor,
        data,
    )


def _models_of(group: list[str]) -> list[str]:
    """``--model A.safetensors slide.svs``: trailing files that are no models are slides."""
    end = len(group)
    while end > 1 and not is_model(group[end - 1]):
        end -= 1
    return group[:end]
