"""How much of a slide one window of a model covers: known, as trained, set, or to be asked for.

A model and a slide have a common scale when the card knows µm per pixel and so does the slide.
Without one, a plain image of about the size of the training images is read as they were. For
anything else a likely value is suggested, and only the user can say that it is right: until then, a
region up to ``UNASKED`` suggested windows wide is read as one square, and a larger one not at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ssmamba.checkpoints.card import InputSpec
from ssmamba.errors import RoiError, ScaleNeeded
from ssmamba.reading.values import DEFAULT_OPTIONS, ReadOptions
from ssmamba.wording import words

SCALE_UNKNOWN = words(
    "scale unknown: the model has no µm/px, set how much tissue one window covers"
)
UNCALIBRATED = words("uncalibrated: the slide has no µm/px, so the model may read at a wrong scale")
AS_TRAINED = words("scale as in training: the image is about as large as the training images")
ABOUT = 1.5  # an image this much larger or smaller than the training images is read as they were
UNASKED = 2.0  # sides of a suggested window up to which a region is read before the scale is set
UM_TIMES_MAGNIFICATION = 10.0  # a pixel at 20× is usually taken as 0.5 µm wide, at 40× as 0.25 µm


NEARLY_SQUARE = 1.1  # longest over shortest side up to which an image is read as one square


@dataclass(frozen=True)
class Field:
    """Side of one window on a slide, and how far it can be relied on."""

    px: float  # level-0 pixels
    sure: bool  # known, as trained, or set by the user; False: only a suggestion
    notes: tuple[str, ...] = ()  # what to say beside the answer
    slack: float = 1.01  # sides of it up to which a region is read as one window

    def is_exceeded(self, extent: float) -> bool:
        """Whether a region is too large for one window; extent: longer side, level-0 pixels."""
        return extent > self.px * self.slack

    def is_asked_for(self, extent: float) -> bool:
        """Whether a region may have no class before the user has confirmed the field."""
        return not self.sure and self.is_exceeded(extent)


def field_on(
    spec: InputSpec,
    dimensions: tuple[int, int],
    plain: bool,
    slide_mpp: float | None,
    options: ReadOptions = DEFAULT_OPTIONS,
) -> Field:
    """The field of a model on a slide.

    dimensions: width, height of level 0. plain: whether it is an image and not a slide. slide_mpp:
    µm per level-0 pixel, None = unknown. Raises RoiError for a set field that is no length.
    """
    if spec.known_mpp is not None and slide_mpp is not None:
        return Field(spec.window_px * spec.known_mpp / slide_mpp, True)
    note = SCALE_UNKNOWN if spec.known_mpp is None else UNCALIBRATED
    if options.field_px is not None:
        if not math.isfinite(options.field_px) or options.field_px < 1:
            raise RoiError(
                "A window of {field_px:g} px cannot be read; give 1 px or more.",
                field_px=options.field_px,
            )
        return Field(float(options.field_px), True, () if spec.known_mpp is None else (note,))
    if plain and is_about_training_size(spec, dimensions):
        return Field(float(min(dimensions)), True, (AS_TRAINED,), NEARLY_SQUARE)
    return Field(suggested_px(spec, dimensions, slide_mpp), False, (note,), UNASKED)


def is_about_training_size(spec: InputSpec, dimensions: tuple[int, int]) -> bool:
    """Whether an image is as large as the training images, or as the published ones, within ABOUT.

    Training took the centred square of each image, so the shorter side counts; the longer one may
    be as much longer.
    """
    shortest, longest = sorted(dimensions)
    sides = (spec.source_px, spec.published_px or spec.source_px)
    return longest <= shortest * ABOUT and any(1 / ABOUT <= shortest / s <= ABOUT for s in sides)


def suggested_px(spec: InputSpec, dimensions: tuple[int, int], slide_mpp: float | None) -> float:
    """The likely side of a training image on a slide, whole level-0 pixels.

    From the slide's µm/px and the magnification that the data set states; else as many pixels as
    the training images had. At most the slide's shorter side.
    """
    side = float(spec.source_px)
    if slide_mpp is not None and spec.magnification is not None:
        published = spec.published_px or spec.source_px
        side = published * UM_TIMES_MAGNIFICATION / spec.magnification / slide_mpp
    return float(max(1, min(round(side), *dimensions)))


def scale_needed(field: Field, name: str) -> ScaleNeeded:
    """The error for a region that is too large for a guess. name: of the slide."""
    return ScaleNeeded(
        "{name}: how much of it one training image covers is unknown, so regions wider than "
        "{limit_px:.0f} px are given no class; give that side with --field-px "
        "({px:.0f} is likely), or mark it in the viewer.",
        field.px,
        name=name,
        limit_px=field.px * field.slack,
        px=field.px,
    )
