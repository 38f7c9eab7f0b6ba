"""The command line of the viewer."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass

DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")


@dataclass(frozen=True)
class Options:
    """What the user asked for on the command line."""

    files: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    rois: str | None = None
    device: str = "auto"
    demo: bool = False
    screenshot: str | None = None
    doctor: bool = False


def parse(argv: Sequence[str] | None = None) -> Options:
    """Parse arguments; leaves with status 2 and one sentence on a wrong one."""
    parser = argparse.ArgumentParser(
        prog="ssmamba-viewer",
        description="View whole-slide images, draw regions, and see what a model says of them. "
        "Research use only, not a medical device.",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="slide or picture to open")
    parser.add_argument(
        "--model", action="append", default=[], metavar="FILE", dest="models", nargs="+",
        help="checkpoint (.safetensors) to use; several are compared",
    )  # fmt: skip
    parser.add_argument("--rois", metavar="FILE.geojson", help="regions to import and classify")
    parser.add_argument("--device", default="auto", help="auto | cpu | cuda | cuda:N")
    parser.add_argument("--demo", action="store_true", help="open a synthetic slide with regions")
    parser.add_argument(
        "--screenshot", metavar="FILE.png", help="save the finished window and leave"
    )
    parser.add_argument("--doctor", action="store_true", help="check this installation and exit")
    given = parser.parse_args(argv)
    if not DEVICE.fullmatch(given.device):
        parser.error(f"unknown device '{given.device}'; choose auto, cpu, cuda or cuda:N")
    models = [path for group in given.models for path in _models_of(group)]
    swallowed = [path for group in given.models for path in group[len(_models_of(group)) :]]
    return Options(
        (*given.files, *swallowed),
        tuple(models),
        given.rois,
        given.device,
        given.demo,
        given.screenshot,
        given.doctor,
    )


def _models_of(group: list[str]) -> list[str]:
    """``--model A.safetensors slide.svs``: what follows and is no checkpoint is a slide."""
    end = len(group)
    while end > 1 and not group[end - 1].endswith(".safetensors"):
        end -= 1
    return group[:end]
