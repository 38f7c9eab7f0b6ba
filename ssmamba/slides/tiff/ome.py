"""The OME-XML of a TIFF: µm/px, channels, planes."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

UM = {"pm": 1e-6, "Å": 1e-4, "nm": 1e-3, "µm": 1.0, "μm": 1.0, "um": 1.0, "mm": 1e3, "cm": 1e4,
      "m": 1e6, "in": 25_400.0}  # fmt: skip
RGB_NAMES = (("r", "g", "b"), ("red", "green", "blue"))
RGB_COLOURS = (0xFF0000, 0x00FF00, 0x0000FF)


@dataclass(frozen=True)
class OmePicture:
    """One Pixels element."""

    um_across: float | None  # of a pixel
    um_down: float | None
    channels: int
    planes: int  # of depth and time
    rgb_order: tuple[int, ...] | None  # which of three grey channels are red, green, blue

    @property
    def in_words(self) -> str:
        """How many channels and planes there are."""
        words = [f"{self.channels} channels"] if self.channels > 1 else []
        return " of ".join(words + ([f"{self.planes} planes"] if self.planes > 1 else []))


def ome_picture(description: str, width: int, height: int) -> OmePicture | None:
    """The picture of a size in an image description; None if that is no OME-XML."""
    if "<OME" not in description[:2000] or "<!ENTITY" in description:
        return None
    try:
        root = ElementTree.fromstring(description.strip("\0 \n"))
    except (ElementTree.ParseError, ValueError):
        return None
    for pixels in root.iterfind(".//{*}Pixels"):
        if (pixels.get("SizeX"), pixels.get("SizeY")) == (str(width), str(height)):
            return _picture(pixels)
    return None


def _picture(pixels: ElementTree.Element) -> OmePicture:
    planes = _whole(pixels.get("SizeZ")) * _whole(pixels.get("SizeT"))
    channels = pixels.findall("./{*}Channel")
    return OmePicture(
        _um(pixels, "X"), _um(pixels, "Y"), _whole(pixels.get("SizeC")), planes, _order(channels)
    )


def _order(channels: list[ElementTree.Element]) -> tuple[int, ...] | None:
    names = [(c.get("Name") or "").strip().lower() for c in channels]
    for wanted in RGB_NAMES:
        if sorted(names) == sorted(wanted):
            return tuple(names.index(name) for name in wanted)
    # signed RGBA, of which the last byte is the opacity
    colours = [(_whole(c.get("Color"), 0) & 0xFFFFFFFF) >> 8 for c in channels]
    if not any(names) and sorted(colours) == sorted(RGB_COLOURS):
        return tuple(colours.index(colour) for colour in RGB_COLOURS)
    return None


def _whole(text: str | None, otherwise: int = 1) -> int:
    try:
        return int(text or otherwise)
    except ValueError:
        return otherwise


def _um(pixels: ElementTree.Element, axis: str) -> float | None:
    try:
        size = float(pixels.get(f"PhysicalSize{axis}", ""))
    except ValueError:
        return None
    unit = UM.get(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
    return None if unit is None else size * unit
