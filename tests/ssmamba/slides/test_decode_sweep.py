"""The same known pixels stored in every way that a TIFF allows, at every door."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssmamba.slides.slide import Slide
from tests.tiffs import (
    CMYK,
    DEFLATE,
    JPEG,
    JPEG2000,
    LZMA,
    LZW,
    MINISBLACK,
    MINISWHITE,
    NONE,
    PACKBITS,
    PALETTE,
    RGB,
    SHORT,
    WEBP,
    YCBCR,
    ZSTD,
    Kind,
    Page,
    write_tiff,
)
from training.data.images import read_rgb

WIDTH, HEIGHT, BLOCK = 72, 56, 8
RNG = np.random.default_rng(15)
INDEX = np.kron(RNG.permutation(63).reshape(7, 9) % 16, np.ones((BLOCK, BLOCK), int))
TABLE = RNG.integers(0, 256, (16, 3)).astype(np.uint8)
TABLE[0], TABLE[15] = 0, 255
# the tag's bits, the sample format, the largest value that is stored
DEPTHS = {
    "1": (1, 1, 1), "2": (2, 1, 3), "4": (4, 1, 15), "8": (8, 1, 255), "10": (10, 1, 1023),
    "12": (12, 1, 4095), "14": (14, 1, 16383), "10 in 16": (16, 1, 1023),
    "12 in 16": (16, 1, 4095), "14 in 16": (16, 1, 16383), "16": (16, 1, 65535),
    "signed 16": (16, 2, 16383), "32": (32, 1, 2**32 - 1), "half": (16, 3, 1.0),
    "float": (32, 3, 1.0), "double": (64, 3, 1.0), "float, 255": (32, 3, 255.0),
}  # fmt: skip
COLOURS = {
    "white is 0": MINISWHITE, "black is 0": MINISBLACK, "RGB": RGB, "palette": PALETTE,
    "YCbCr": YCBCR, "CMYK": CMYK,
}  # fmt: skip
LAYOUTS = {"tiles": (32, 0), "strips": (None, 10), "one strip": (None, 0)}
CODECS = {
    "none": (NONE, 1), "Deflate": (DEFLATE, 1), "Deflate, predictor": (DEFLATE, 2),
    "Deflate, floating predictor": (DEFLATE, 3), "LZW": (LZW, 1), "LZW, predictor": (LZW, 2),
    "PackBits": (PACKBITS, 1), "LZMA": (LZMA, 1), "ZSTD": (ZSTD, 1), "JPEG": (JPEG, 1),
    "WebP": (WEBP, 1), "JPEG 2000": (JPEG2000, 1),
}  # fmt: skip
PICTURES = ("JPEG", "WebP", "JPEG 2000")
ALPHAS = {"no": (), "premultiplied": (1,), "unassociated": (2,)}


@dataclass(frozen=True)
class Case:
    depth: str
    colours: str
    planar: int
    layout: str
    codec: str
    order: str
    alpha: str
    orientation: int

    @property
    def makes_sense(self) -> bool:
        """Whether the format knows such a file."""
        bits, kind, _ = DEPTHS[self.depth]
        compression, predictor = CODECS[self.codec]
        single = COLOURS[self.colours] in (MINISWHITE, MINISBLACK, PALETTE) and self.alpha == "no"
        as_picture = compression in (JPEG, WEBP, JPEG2000)
        return not (
            (single and self.planar == 2)
            or (self.colours == "palette" and (bits > 8 or self.alpha != "no"))
            or (self.colours in ("YCbCr", "CMYK") and bits != 8)
            or (self.colours == "YCbCr" and (self.planar == 2 or self.alpha != "no"))
            or (self.colours == "YCbCr" and predictor != 1 and self.layout != "strips")
            or (predictor == 2 and (bits < 8 or bits % 8 or kind == 3))
            or (predictor == 3 and kind != 3)
            or (as_picture and (bits != 8 or self.alpha != "no" or self.planar == 2))
            or (as_picture and self.colours in ("palette", "CMYK", "white is 0"))
            or (as_picture and compression != JPEG and self.colours != "RGB")
            or (self.colours == "RGB" and bits < 4)
            or (self.alpha != "no" and bits < 4)
            or (self.alpha == "premultiplied" and self.colours in ("white is 0", "CMYK"))
        )


def every_case() -> Iterator[Case]:
    sides = (DEPTHS, COLOURS, (1, 2), LAYOUTS, CODECS, "<>", ALPHAS, range(1, 9))
    return (case for case in itertools.starmap(Case, itertools.product(*sides)) if case.makes_sense)


def known_picture(case: Case) -> np.ndarray:
    """(H, W, 3) uint8 that ``stored`` holds, before alpha."""
    bits = DEPTHS[case.depth][0]
    colour = TABLE[INDEX]
    if case.colours in ("white is 0", "black is 0"):
        colour = np.repeat(colour[..., :1], 3, axis=2)
    if case.colours == "palette":
        return TABLE[INDEX % 2 ** min(bits, 4)]
    steps = 2.0 ** min(bits, 8) - 1  # coarse depths hold few values
    return np.rint(np.rint(colour / 255 * steps) / steps * 255).astype(np.uint8)


def opacity(case: Case) -> np.ndarray:
    """(H, W) uint8: columns of blocks from clear to opaque, of values that 4 bits hold."""
    return np.kron(np.arange(9) % 3 * 119 + 17, np.ones((HEIGHT, BLOCK), int)).astype(np.uint8)


def stored(case: Case) -> tuple[Page, np.ndarray]:
    """A page that holds the known picture, and how it should be shown."""
    bits, sample_format, top = DEPTHS[case.depth]
    photometric = COLOURS[case.colours]
    shown = known_picture(case)
    tags: list[tuple[int, int, object]] = []
    values = shown.astype(float) / 255
    if photometric == PALETTE:
        table = np.zeros((3, 2**bits), int)
        table[:, : min(16, 2**bits)] = TABLE[: 2**bits].T.astype(int) * 257
        tags.append((320, SHORT, table))
        samples = (INDEX % 2 ** min(bits, 4))[..., None].astype(float)
    elif photometric == YCBCR and CODECS[case.codec][0] == JPEG:
        samples = shown
    elif photometric == YCBCR:
        samples = np.asarray(Image.fromarray(shown).convert("YCbCr"))
        tags += [(530, SHORT, [2, 2])] if case.layout != "strips" else [(530, SHORT, [1, 1])]
    elif photometric == CMYK:
        samples = np.dstack([255 - shown, np.zeros_like(shown[..., :1])])
    else:
        grey = photometric in (MINISWHITE, MINISBLACK)
        values = values[..., :1] if grey else values
        values = 1 - values if photometric == MINISWHITE else values
        samples = values * top if sample_format == 3 else np.rint(values * top)
    if case.alpha != "no":
        alpha = opacity(case)[..., None] / 255
        if case.alpha == "premultiplied":
            samples = samples * alpha
            samples = samples if sample_format == 3 else np.rint(samples)
        plain = alpha * top if sample_format == 3 else np.rint(alpha * top)
        samples = np.dstack([samples, plain])
        shown = np.rint(shown * alpha + 255 * (1 - alpha)).astype(np.uint8)
    tile, rows = LAYOUTS[case.layout]
    compression, predictor = CODECS[case.codec]
    kind = Kind(
        photometric, bits, sample_format, case.planar, tile, rows, compression, predictor,
        case.order, case.orientation, extra=ALPHAS[case.alpha], tags=tuple(tags),
    )  # fmt: skip
    return Page(samples.astype(kind.dtype), kind), turned(shown, case.orientation)


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """As Pillow turns a photo of that orientation."""
    steps = Image.Transpose
    how = [None, steps.FLIP_LEFT_RIGHT, steps.ROTATE_180, steps.FLIP_TOP_BOTTOM, steps.TRANSPOSE,
           steps.ROTATE_270, steps.TRANSVERSE, steps.ROTATE_90][orientation - 1]  # fmt: skip
    image = Image.fromarray(pixels)
    return np.asarray(image if how is None else image.transpose(how))


def check(case: Case, path: Path) -> None:
    page, expected = stored(case)
    write_tiff(path, [page])
    height, width = expected.shape[:2]
    with Slide.open(path) as slide:
        assert slide.dimensions == (width, height), case
        whole = slide.read_region(0, 0, 0, width, height)
        window = slide.read_window(0, 0, min(width, height), min(width, height))  # by predict
    trained = read_rgb(path)
    # lossy, or rounded twice: by the depth and by the alpha
    allowed = 12 if case.codec in ("JPEG", "JPEG 2000") else 4 if case.alpha != "no" else 1
    allowed += 9 if case.alpha != "no" and DEPTHS[case.depth][0] < 8 else 0
    allowed += 2 if case.colours == "YCbCr" else 0
    difference = int(np.abs(whole.astype(int) - expected).max())
    assert difference <= allowed, f"{case}: off by {difference}"
    assert np.array_equal(window, whole[: len(window), : len(window)]), case
    between = int(np.abs(trained.astype(int) - whole).max())
    assert between <= (1 if case.codec == "JPEG" else 0), f"{case}: doors differ by {between}"


CASES = list(every_case())
CHOICE = random.Random(3)
GROUPS = itertools.groupby(CASES, lambda case: (case.depth, case.colours))
FEW = [case for _, some in GROUPS for case in CHOICE.sample(list(some), 6)]
FEW += [case for case in CASES if case.codec in PICTURES and case.orientation == 6]


def test_the_few_cases_show_every_value_of_every_side() -> None:
    for side in Case.__dataclass_fields__:
        assert {getattr(c, side) for c in FEW} == {getattr(c, side) for c in CASES}, side


@pytest.mark.parametrize("depth", DEPTHS)
def test_known_pixels_at_every_door(depth: str, tmp_path: Path) -> None:
    for number, case in enumerate(c for c in FEW if c.depth == depth):
        check(case, tmp_path / f"{number}.tif")


@pytest.mark.slow  # the whole product, 9,634 files; orientations, the innermost side, take turns
@pytest.mark.parametrize("colours", COLOURS)
@pytest.mark.parametrize("depth", DEPTHS)
def test_known_pixels_in_every_way(depth: str, colours: str, tmp_path: Path) -> None:
    for number, case in enumerate(CASES):
        in_turn = number // 8 % 8 == number % 8
        if in_turn and (case.depth, case.colours) == (depth, colours):
            check(case, tmp_path / "one.tif")


def test_the_page_of_images_says_what_is_read() -> None:
    """Write its table anew with ``python -m tests.ssmamba.slides.image_table``."""
    from tests.ssmamba.slides.image_table import table

    page = Path(__file__).resolve().parents[3] / "docs" / "images.md"
    assert table() in page.read_text(encoding="utf-8")
