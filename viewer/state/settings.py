"""The user's settings for reading, maps and reconstructions; plain values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

SIGNED_COLORMAP = "blue-red"
LARGEST_MPP, LARGEST_FIELD_PX = 100.0, 1_000_000.0  # that a user can set


@dataclass(frozen=True)
class RegionClass:
    """A class that regions can have."""

    name: str
    color: tuple[int, int, int]  # RGB


@dataclass(frozen=True)
class ClassList:
    """The palette of a slide."""

    classes: tuple[RegionClass, ...] = ()
    drawn: str = ""  # name of the class of new regions; "" = none

    def checked(self) -> ClassList:
        """What can be: names once each, colours from 0 to 255."""
        found: dict[str, RegionClass] = {}
        for one in self.classes:
            if one.name and all(0 <= part <= 255 for part in one.color):
                found.setdefault(one.name, one)
        return ClassList(tuple(found.values()), self.drawn if self.drawn in found else "")


# what ``ViewColors.stain`` may be: the two stains of the slide, and which to show (2: the residual)
STAIN_VIEWS: dict[str, tuple[str, str, int]] = {
    f"{first}-{second}-{number}": (first, second, number)
    for first, second in (("haematoxylin", "eosin"), ("haematoxylin", "dab"))
    for number in range(3)
}
LARGEST_GAMMA = 4.0


@dataclass(frozen=True)
class ViewColors:
    """How the colours of a slide are shown. Models, exports and reports never use it."""

    brightness: float = 0.0  # -1..1, added to values of 0..1
    contrast: float = 0.0  # -1..1; the factor about the middle grey is 4 ** contrast
    gamma: float = 1.0  # 1/4..4; above 1 is brighter
    white: tuple[int, int, int] | None = None  # RGB that is shown as white; None = as it is
    stain: str = ""  # one of STAIN_VIEWS; "" = all of them, as stained

    def checked(self) -> ViewColors:
        """What can be."""
        white = self.white
        return ViewColors(
            min(max(self.brightness, -1.0), 1.0),
            min(max(self.contrast, -1.0), 1.0),
            min(max(self.gamma, 1 / LARGEST_GAMMA), LARGEST_GAMMA),
            white if white is not None and all(0 < part <= 255 for part in white) else None,
            self.stain if self.stain in STAIN_VIEWS else "",
        )


@dataclass(frozen=True)
class SlideSettings:
    """The user's settings for a slide; saved with its regions."""

    mpp: float | None = None  # µm per level-0 pixel; None = the slide's own
    field_px: float | None = None  # side of one window, level-0 px, for models without µm/px
    icc: bool = True  # the view applies the slide's colour profile
    # the same for models that were trained on the pictures of this key (``state.scale``); it wins
    fields: tuple[tuple[str, float], ...] = ()
    classes: ClassList = ClassList()
    colors: ViewColors = ViewColors()
    rotation: float = 0.0  # of the slide on the screen, degrees clockwise, 0 <= rotation < 360

    @property
    def of_reading(self) -> SlideSettings:
        """The part that says how models read the slide and how large everything on it is."""
        return SlideSettings(self.mpp, self.field_px, self.icc, self.fields)

    def field_of(self, key: str) -> float | None:
        """Side of one window for the models of a key, level-0 px; None = not set."""
        return dict(self.fields).get(key, self.field_px)

    def with_field(self, key: str, field_px: float) -> SlideSettings:
        return replace(self, fields=tuple(sorted({**dict(self.fields), key: field_px}.items())))


def fields_of(raw: object) -> tuple[tuple[str, float], ...]:
    """``SlideSettings.fields`` from JSON; what is no name with a length above 0 is left out."""
    found = {
        str(pair[0]): float(pair[1])
        for pair in (raw if isinstance(raw, list | tuple) else ())
        if isinstance(pair, list | tuple)
        and len(pair) == 2
        and isinstance(pair[1], int | float)
        and 0 < pair[1] <= LARGEST_FIELD_PX
    }
    return tuple(sorted(found.items()))


@dataclass(frozen=True)
class MapSpec:
    """Everything that the values of an evidence map of a region depend on."""

    checkpoint: str  # path
    method: str = "GradCAM"
    stage: int | None = None  # 1 (finest) .. 4; None = where the checkpoint's maps point best
    target: str | None = None  # class key; None = the class that the checkpoint predicts


@dataclass(frozen=True)
class MapPainting:
    """Display settings of all evidence maps."""

    visible: bool = True
    opacity: float = 0.6  # 0..1
    colormap: str = "inferno"
    scale: Literal["own", "shared"] = "own"  # colour scale of each map, or one for all models
    fade: bool = True  # low values are clear, so that the tissue stays visible

    @property
    def signed(self) -> bool:
        """Whether the colours also show evidence against the class, with zero in the middle."""
        return self.colormap == SIGNED_COLORMAP


@dataclass(frozen=True)
class PictureSettings:
    """Mask of a region for the reconstruction."""

    mask_ratio: float = 0.75
    seed: int = 0
