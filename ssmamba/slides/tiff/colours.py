"""Samples of a TIFF as RGB: what its tags say that the numbers mean."""

from __future__ import annotations

import numpy as np
from PIL import Image
from tifffile import PHOTOMETRIC, TiffPage

from ssmamba.slides.depth import on_white, to_eight_bits
from ssmamba.slides.picture import UnreadableImage
from ssmamba.slides.pillow_image import APPROXIMATE_CMYK
from ssmamba.slides.tiff.codecs import is_picture
from ssmamba.wording import words

ONE_HIDDEN = words("It has 1 channel beside its colours that is not shown.")
SOME_HIDDEN = words("It has {hidden} channels beside its colours that are not shown.")

MINISWHITE, GREY, RGB, PALETTE, CMYK, YCBCR = 0, 1, 2, 3, 5, 6
COLOURS = {MINISWHITE: 1, GREY: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3}
ASSOCIATED, UNASSOCIATED = 1, 2
PHOTOMETRIC_TAG, INK_SET, COLOUR_MAP = 262, 332, 320


class Colours:
    """Turns samples of one page into RGB."""

    def __init__(self, page: TiffPage, samples: int) -> None:
        """samples: of a pixel, which are more than the page's where several pages make one.

        Raises UnreadableImage for what RGB cannot show.
        """
        is_composed = samples != page.samplesperpixel
        kind = int(page.photometric)
        if is_composed or PHOTOMETRIC_TAG not in page.tags:
            kind = RGB if samples >= 3 else GREY
        if kind not in COLOURS or (kind == CMYK and page.tags.valueof(INK_SET, 1) != 1):
            name = PHOTOMETRIC(kind).name if kind in list(PHOTOMETRIC) else f"kind {kind}"
            raise UnreadableImage(
                "it is a TIFF whose colours are {name}, which is not shown here; save it as RGB",
                name=name,
            )
        self._kind = kind
        # JPEG and the like are RGB as soon as they are decoded
        self._is_ycbcr = kind == YCBCR and not (
            is_picture(page) and page.planarconfig == 1 and int(page.compression) != 33003
        )
        self._count = COLOURS[kind]
        extra = samples - self._count
        tags = [int(v) for v in page.extrasamples]
        meanings = (tags + [0] * extra)[: max(0, extra)]
        alphas = [i for i, m in enumerate(meanings) if m in (ASSOCIATED, UNASSOCIATED)]
        self._alpha = self._count + alphas[0] if alphas else None
        self._premultiplied = bool(alphas) and meanings[alphas[0]] == ASSOCIATED
        self.notes: tuple[str, ...] = (APPROXIMATE_CMYK,) if kind == CMYK else ()
        hidden = extra - len(alphas)
        if extra < 0 or (hidden and self._count == 1):
            raise UnreadableImage(
                "it is a TIFF of {samples} channels that are no colours, as fluorescence has; "
                "export it as RGB in the program that made it",
                samples=samples,
            )
        if hidden:
            self.notes += (ONE_HIDDEN if hidden == 1 else words(SOME_HIDDEN, hidden=hidden),)
        self._palette = _palette(page) if kind == PALETTE else None
        bits = int(page.bitspersample)
        says_depth = kind == PALETTE or (bits < 16 and page.sampleformat not in (2, 3))
        self.white = float(2**bits - 1) if says_depth else None  # None: found from the values

    def colour_samples(self, samples: np.ndarray) -> np.ndarray:
        """Those that white is found from."""
        return samples[..., : self._count]

    def alpha_samples(self, samples: np.ndarray) -> np.ndarray | None:
        return None if self._alpha is None else samples[..., self._alpha]

    def rgb(self, samples: np.ndarray, white: float, alpha_white: float) -> np.ndarray:
        """(H, W, samples) -> (H, W, 3) uint8, transparency on white.

        white, alpha_white: the sample values that become 255.
        """
        if self._palette is not None:
            index = np.minimum(samples[..., 0], len(self._palette) - 1)
            colours = self._palette[index]
        else:
            colours = self._plain(to_eight_bits(self.colour_samples(samples), white))
        alpha = self.alpha_samples(samples)
        if alpha is None:
            return colours
        return on_white(colours, to_eight_bits(alpha, alpha_white), self._premultiplied)

    def _plain(self, values: np.ndarray) -> np.ndarray:
        """(H, W, 1 | 3 | 4) uint8 -> (H, W, 3) uint8."""
        if self._kind == MINISWHITE:
            values = 255 - values
        if self._count == 1:
            return np.repeat(values, 3, axis=2)
        if self._kind == CMYK:
            return np.asarray(_image(values, "CMYK").convert("RGB"))
        if self._is_ycbcr:
            return np.asarray(_image(values, "YCbCr").convert("RGB"))
        return values


def _image(values: np.ndarray, mode: str) -> Image.Image:
    height, width = values.shape[:2]
    return Image.frombytes(mode, (width, height), np.ascontiguousarray(values).tobytes())


def _palette(page: TiffPage) -> np.ndarray:
    """(N, 3) uint8; some programs write 8-bit values where 16 are asked for."""
    table = page.tags.valueof(COLOUR_MAP)
    if table is None or np.size(table) % 3 or not np.size(table):
        raise UnreadableImage("it is a TIFF whose palette is missing; save it as RGB")
    colours = np.asarray(table).reshape(3, -1).T
    return (colours if colours.max() < 256 else colours >> 8).astype(np.uint8)
