"""Whether the numbers of a card are within what can be."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssmamba.checkpoints.card import Card, InputSpec

PICTURES = ("tissue", "cell")  # what a training image shows
MOST_WINDOW_PX = 4096  # side of a network's input
MOST_SOURCE_PX = 16_384  # side of a training image
MOST_FIELD_UM, MOST_MAGNIFICATION = 100_000.0, 1000.0  # above them is a mistake of units
LEAST_MPP, MOST_MPP = 0.01, 1000.0  # finer than any objective; a whole slide in one small window
LEAST_FIELD_UM = 0.1
TEMPERATURES = 0.01, 100.0  # beyond them every answer is sure, or none
LEAST_STD = 0.001  # of pixels 0..1; below it every picture is far off the scale
ROUNDING = 1e-6
SAME_FIELD = 0.02  # relative difference up to which mpp and field_um say the same


def check_slide(spec: InputSpec) -> None:
    """Raise ValueError for what the input of a slide model cannot be."""
    from ssmamba.checkpoints.card import SlideSpec

    if not isinstance(spec, SlideSpec):
        return
    if spec.reads != "slide":
        raise ValueError(f"it reads '{spec.reads}', not a window or a slide")
    if spec.mpp is None or spec.mpp <= 0:
        raise ValueError("a slide model needs µm/px as input.mpp")
    if not 0 <= spec.foreground <= 1:
        raise ValueError(f"input.foreground is {spec.foreground:g}, not within 0 to 1")


def check_ranges(card: Card) -> None:
    """Raise ValueError that names the first number of a card that cannot be."""
    spec, limits = card.input, card.calibration
    published = spec.source_px if spec.published_px is None else spec.published_px
    whole = {"input.window_px": (spec.window_px, MOST_WINDOW_PX),
             "input.source_px": (spec.source_px, MOST_SOURCE_PX),
             "input.published_px": (published, MOST_SOURCE_PX)}  # fmt: skip
    positive = {"calibration.temperature": limits.temperature, "input.mpp": spec.mpp,
                "calibration.class_temperature": limits.class_temperature}  # fmt: skip
    positive |= {f"input.std[{at}]": value for at, value in enumerate(spec.std)}
    least = {"calibration.entropy_limit": limits.entropy_limit,
             "calibration.distance_limit": limits.distance_limit}  # fmt: skip
    for name, (side, most) in whole.items():
        if not 1 <= side <= most:
            raise ValueError(f"{name} is {side}, not within 1 to {most}")
    for name, value in positive.items():
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"{name} is {value:g}, not above 0")
    if not TEMPERATURES[0] <= limits.temperature <= TEMPERATURES[1]:
        low, high = TEMPERATURES
        raise ValueError(
            f"calibration.temperature is {limits.temperature:g}, not within {low:g} to {high:g}"
        )
    for name, value in least.items():
        if value is not None and not 0 <= value < math.inf:
            raise ValueError(f"{name} is {value:g}, not 0 or more")
    for name in ("class_limit", "background_limit"):
        limit = getattr(limits, name)
        if limit is not None and not math.isfinite(limit):
            raise ValueError(f"calibration.{name} is {limit:g}, not a number")
    if limits.entropy_limit is not None and limits.entropy_limit > 1 + ROUNDING:
        raise ValueError(
            f"calibration.entropy_limit is {limits.entropy_limit:g}, not within 0 to 1"
        )
    _check_field(spec)
    for at, value in enumerate(spec.std):
        if 0 < value < LEAST_STD:
            raise ValueError(
                f"input.std[{at}] is {value:g}, below {LEAST_STD:g} (pixels are 0 to 1)"
            )
    for name, values in (("input.mean", spec.mean), ("input.std", spec.std)):
        for at, value in enumerate(values):
            if not 0 <= value <= 1:  # of 0..255 it would turn every picture into one colour
                raise ValueError(
                    f"{name}[{at}] is {value:g}, not within 0 to 1 (pixels are 0 to 1)"
                )
    if spec.mpp is not None and spec.mpp < LEAST_MPP:
        raise ValueError(f"input.mpp is {spec.mpp:g}, below {LEAST_MPP:g} µm/px")
    if spec.mpp is not None and spec.mpp > MOST_MPP:
        raise ValueError(f"input.mpp is {spec.mpp:g}, not up to {MOST_MPP:g} µm/px")
    if card.cam_stage not in (1, 2, 3, 4):
        raise ValueError(f"cam_stage is {card.cam_stage}, not 1 to 4")
    for info in card.classes:
        if not all(0 <= value <= 255 for value in info.color):
            raise ValueError(f"the colour of class '{info.key}' is not within 0 to 255")


def _check_field(spec: InputSpec) -> None:
    largest = {"input.field_um": (spec.field_um, MOST_FIELD_UM),
               "input.magnification": (spec.magnification, MOST_MAGNIFICATION)}  # fmt: skip
    for name, (value, above) in largest.items():
        if value is not None and not 0 < value <= above:
            raise ValueError(f"{name} is {value:g}, not above 0 and up to {above:g}")
    if spec.field_um is not None and spec.field_um < LEAST_FIELD_UM:
        raise ValueError(f"input.field_um is {spec.field_um:g}, below {LEAST_FIELD_UM:g} µm")
    if spec.picture not in PICTURES:
        raise ValueError(f"input.picture is '{spec.picture}', not {' or '.join(PICTURES)}")
    if spec.mpp is None or spec.field_um is None:
        return
    window_um = spec.mpp * spec.window_px
    if abs(window_um - spec.field_um) > SAME_FIELD * spec.field_um:
        raise ValueError(
            f"input.field_um is {spec.field_um:g}, and input.mpp makes a window {window_um:g} µm "
            "wide"
        )
