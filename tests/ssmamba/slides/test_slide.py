"""Slides: pixels are the file's own, places mean what they say, bad files give one sentence."""

from __future__ import annotations

import struct
import threading
import zlib
from pathlib import Path

import cv2
import numpy as np
import openslide
import pytest
import tifffile
from PIL import Image

from ssmamba.errors import SlideError
from ssmamba.slides.pillow_image import ORIENTATION
from ssmamba.slides.pixel_source import sampled_hash
from ssmamba.slides.slide import Slide
from tests.slides import SHARED_SLIDES, tissue_like, write_pyramid
from training.data.images import read_rgb


@pytest.fixture
def pyramid(tmp_path: Path) -> tuple[Path, np.ndarray]:
    path = tmp_path / "slide.tif"
    return path, write_pyramid(path)


def test_a_slide_tells_what_it_is(pyramid: tuple[Path, np.ndarray]) -> None:
    with Slide.open(pyramid[0]) as slide:
        info = slide.info
        assert slide.dimensions == (1000, 700)
        assert info.vendor == "generic-tiff"
        assert info.mpp == pytest.approx(0.5)
        assert [lv.width for lv in slide.levels] == [1000, 500, 250]
        assert (slide.levels[0].tile_width, slide.levels[0].tile_height) == (128, 128)
        assert info.bounds is None
        assert info.bounds_offset == (0, 0)
        assert len(info.quick_hash) == 64


def test_regions_are_the_files_own_pixels(pyramid: tuple[Path, np.ndarray]) -> None:
    path, image = pyramid
    with Slide.open(path) as slide:
        assert np.array_equal(slide.read_region(130, 250, 0, 300, 200), image[250:450, 130:430])


def test_what_is_off_the_slide_is_white(pyramid: tuple[Path, np.ndarray]) -> None:
    path, image = pyramid
    with Slide.open(path) as slide:
        region = slide.read_region(-20, 650, 0, 100, 100)
    assert (region[:, :20] == 255).all()
    assert (region[50:] == 255).all()
    assert np.array_equal(region[:50, 20:], image[650:, :80])


@pytest.mark.parametrize("scale", [1.0, 2.0, 3.7, 30.0])
def test_blocks_of_a_picture_touch_without_gap_or_overlap(
    pyramid: tuple[Path, np.ndarray], monkeypatch: pytest.MonkeyPatch, scale: float
) -> None:
    """Every pixel of the level that is read is read once, whatever the scale."""
    with Slide.open(pyramid[0]) as slide:
        columns, rows = (int(side / scale) for side in slide.dimensions)
        level = slide.levels[slide.best_level(scale)]
        seen = np.zeros((level.height, level.width), int)
        read = Slide._read_level

        def counted(self: Slide, index: int, left: int, top: int, w: int, h: int) -> np.ndarray:
            seen[top : top + h, left : left + w] += 1
            return read(self, index, left, top, w, h)

        monkeypatch.setattr(Slide, "_read_level", counted)
        for x in range(0, columns, 7):
            for y in range(0, rows, 150):
                wide, high = min(7, columns - x), min(150, rows - y)
                block = slide.read_block(scale, x, y, wide, high)
                assert block.shape == (high, wide, 3)
    across, down = (round(n * scale / level.downsample) for n in (columns, rows))
    assert (seen[:down, :across] == 1).all()


def test_a_block_is_that_part_of_the_slide_made_smaller(pyramid: tuple[Path, np.ndarray]) -> None:
    path, image = pyramid
    with Slide.open(path) as slide:
        assert np.array_equal(slide.read_block(1.0, 130, 250, 300, 200), image[250:450, 130:430])
        whole = slide.read_block(5.0, 0, 0, 200, 140).astype(int)
        part = slide.read_block(5.0, 40, 20, 60, 80).astype(int)
    assert np.array_equal(part, whole[20:100, 40:100])
    mean = cv2.resize(image, (200, 140), interpolation=cv2.INTER_AREA).astype(int)
    assert abs(whole - mean).mean() < 1.5  # by way of a level that is half as large


def test_a_window_at_level_0_scale_is_not_resampled(pyramid: tuple[Path, np.ndarray]) -> None:
    path, image = pyramid
    with Slide.open(path) as slide:
        window = slide.read_window(101.0, 77.0, 224.0, 224)
    assert np.array_equal(window, image[77:301, 101:325])


@pytest.mark.parametrize("side", [448.0, 600.0, 333.3])
def test_a_shrunk_window_is_the_area_average(pyramid: tuple[Path, np.ndarray], side: float) -> None:
    path, image = pyramid
    with Slide.open(path) as slide:
        window = slide.read_window(40, 60, side, 112)
    whole = image[60 : 60 + round(side), 40 : 40 + round(side)]
    expected = cv2.resize(whole, (112, 112), interpolation=cv2.INTER_AREA)
    assert np.abs(window.astype(int) - expected).mean() < 2.0


def test_a_window_does_not_alias(tmp_path: Path) -> None:
    checks = (np.indices((512, 512)).sum(0) % 2 * 255).astype(np.uint8)
    write_pyramid(tmp_path / "checks.tif", levels=1, picture=np.dstack([checks] * 3))
    with Slide.open(tmp_path / "checks.tif") as slide:
        window = slide.read_window(0, 0, 512, 100)
    assert window.std() < 8  # even grey; every second pixel alone would give 0 or 255


def test_a_huge_window_is_read_in_bands(
    pyramid: tuple[Path, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = pyramid
    with Slide.open(path) as slide:
        at_once = slide.read_window(0, 0, 690, 30)
        monkeypatch.setattr("ssmamba.slides.slide.BAND_PIXELS", 12_000)
        banded = slide.read_window(0, 0, 690, 30)
    assert np.abs(at_once.astype(int) - banded).max() <= 10


def test_a_tiny_window_is_enlarged(pyramid: tuple[Path, np.ndarray]) -> None:
    with Slide.open(pyramid[0]) as slide:
        assert slide.read_window(10, 10, 20, 224).shape == (224, 224, 3)


def test_the_scanned_part_of_a_slide_is_known(pyramid: tuple[Path, np.ndarray]) -> None:
    """As MRXS files have it; QuPath's places start at its corner."""
    from ssmamba.slides import slide as module

    source = module.open_source(pyramid[0])
    wanted = {"x": "100", "y": "50", "width": "700", "height": "600"}
    source.properties.update({f"openslide.bounds-{k}": v for k, v in wanted.items()})
    with Slide(pyramid[0], source) as slide:
        assert slide.info.bounds == (100, 50, 700, 600)
        assert slide.info.bounds_offset == (100, 50)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_a_plain_image_is_a_slide_of_one_level(tmp_path: Path, suffix: str) -> None:
    picture = tissue_like(300, 200)
    path = tmp_path / f"roi{suffix}"
    Image.fromarray(picture).save(path, quality=100) if suffix == ".jpg" else Image.fromarray(
        picture
    ).save(path)
    with Slide.open(path) as slide:
        assert slide.dimensions == (300, 200)
        assert len(slide.levels) == 1
        assert slide.mpp is None
        region = slide.read_region(0, 0, 0, 300, 200)
        assert np.abs(region.astype(int) - picture).max() <= (12 if suffix == ".jpg" else 0)
        assert (slide.read_region(290, 0, 0, 20, 5)[:, 10:] == 255).all()


def test_a_printers_resolution_is_not_taken_for_calibration(tmp_path: Path) -> None:
    picture = Image.fromarray(tissue_like(64, 64))
    picture.save(tmp_path / "print.tif", dpi=(300, 300))
    picture.save(tmp_path / "scope.tif", dpi=(50_800, 50_800))
    assert Slide.open(tmp_path / "print.tif").mpp is None
    assert Slide.open(tmp_path / "scope.tif").mpp == pytest.approx(0.5, rel=1e-3)


def test_transparent_parts_of_an_image_are_white(tmp_path: Path) -> None:
    pixels = np.zeros((10, 10, 4), np.uint8)
    pixels[:5, :, 3] = 255
    Image.fromarray(pixels).save(tmp_path / "clear.png")
    region = Slide.open(tmp_path / "clear.png").read_region(0, 0, 0, 10, 10)
    assert (region[:5] == 0).all()
    assert (region[5:] == 255).all()


def test_sixteen_bit_images_keep_their_contrast(tmp_path: Path) -> None:
    grey = np.linspace(0, 65535, 256, dtype=np.uint16).reshape(16, 16)
    Image.fromarray(grey).save(tmp_path / "deep.tif")
    region = Slide.open(tmp_path / "deep.tif").read_region(0, 0, 0, 16, 16)
    assert region.min() == 0
    assert region.max() == 255


@pytest.mark.parametrize("top", [1023, 4095, 16383, 65535, 1.0, 255.0])
def test_grey_of_any_depth_keeps_its_contrast(tmp_path: Path, top: float) -> None:
    """12-bit cameras fill a sixteenth of 16 bits, and floats often end at 1: black, if cut."""
    grey = np.linspace(0, top, 256, dtype=np.uint16 if top > 255 else np.float32).reshape(16, 16)
    Image.fromarray(grey).save(tmp_path / "deep.tif")
    region = Slide.open(tmp_path / "deep.tif").read_region(0, 0, 0, 16, 16)
    assert np.abs(region[..., 0].ravel().astype(int) - np.arange(256)).max() <= 1


def test_numbers_that_are_none_do_not_hide_the_others(tmp_path: Path) -> None:
    grey = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    grey[0, 0], grey[0, 1] = np.nan, np.inf
    Image.fromarray(grey).save(tmp_path / "nan.tif")
    region = Slide.open(tmp_path / "nan.tif").read_region(0, 0, 0, 16, 16)[..., 0]
    assert region[0, 0] == 0 and region[-1, -1] == 255


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_colour_of_twelve_bits_is_what_training_reads(tmp_path: Path, suffix: str) -> None:
    deep = np.random.default_rng(0).integers(0, 4096, (20, 30, 3), np.uint16)
    deep[0, 0] = 4095
    path = tmp_path / f"deep{suffix}"
    cv2.imwrite(str(path), deep)
    region = Slide.open(path).read_region(0, 0, 0, 30, 20)
    assert region.max() == 255
    assert np.array_equal(region, read_rgb(path))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3)])
def test_a_rotation_in_the_header_is_applied_once_and_as_in_training(
    tmp_path: Path, shape: tuple[int, ...], dtype: type[np.generic], suffix: str
) -> None:
    """Pillow scrambles mapped TIFFs, OpenCV turns TIFFs but no PNGs: each has to be met."""
    picture = np.zeros(shape, dtype)
    picture[:8, :12] = np.iinfo(dtype).max
    path = tmp_path / f"turned{suffix}"
    if suffix == ".tif":
        tifffile.imwrite(path, picture, extratags=[(ORIENTATION, "H", 1, 6, True)])
    else:
        path.write_bytes(png_turned_clockwise(picture))
    slide = Slide.open(path)
    assert slide.dimensions == (20, 30)
    region = slide.read_region(0, 0, 0, 20, 30)
    expected = np.zeros((30, 20, 3), np.uint8)
    expected[:12, -8:] = 255
    np.testing.assert_array_equal(region, expected)
    np.testing.assert_array_equal(read_rgb(path), expected)


def png_turned_clockwise(picture: np.ndarray) -> bytes:
    """A PNG of any depth with an orientation of 6 in its eXIf chunk."""
    data = cv2.imencode(".png", picture)[1].tobytes()
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    body = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    place = data.index(b"IDAT") - 4
    return data[:place] + chunk + data[place:]


@pytest.mark.parametrize("suffix", [".bmp", ".tif"])
def test_plain_images_that_differ_in_the_middle_alone_are_told_apart(
    tmp_path: Path, suffix: str
) -> None:
    """Uncompressed files of one size begin and end alike where the slide's glass is."""
    picture = np.full((300, 300, 3), 240, np.uint8)
    hashes = []
    for number in range(2):
        path = tmp_path / f"{number}{suffix}"
        picture[150, 150] = number
        Image.fromarray(picture).save(path)
        hashes.append(Slide.open(path).info)
    assert hashes[0].quick_hash != hashes[1].quick_hash
    assert hashes[0].former_hash == hashes[1].former_hash  # by which sessions were found


def test_slides_without_a_hash_of_their_own_are_told_apart_by_their_middle(tmp_path: Path) -> None:
    data = bytearray(4_000_000)
    (tmp_path / "one").write_bytes(data)
    data[1_900_000:2_200_000] = b"x" * 300_000
    (tmp_path / "two").write_bytes(data)
    assert sampled_hash(tmp_path / "one") != sampled_hash(tmp_path / "two")


def _missing(folder: Path) -> Path:
    return folder / "missing.svs"


def _folder(folder: Path) -> Path:
    return folder


def _text(folder: Path) -> Path:
    path = folder / "notes.svs"
    path.write_text("not a slide")
    return path


def _empty(folder: Path) -> Path:
    path = folder / "empty.tif"
    path.touch()
    return path


def _cut_image(folder: Path) -> Path:
    path = folder / "cut.png"
    Image.fromarray(tissue_like(200, 200)).save(path)
    path.write_bytes(path.read_bytes()[:5000])
    return path


@pytest.mark.parametrize("make", [_missing, _folder, _text, _empty, _cut_image])
def test_a_bad_file_gives_one_sentence_with_the_next_step(make: object, tmp_path: Path) -> None:
    with pytest.raises(SlideError) as error:
        Slide.open(make(tmp_path))  # type: ignore[operator]
    text = str(error.value)
    assert "\n" not in text
    assert text.endswith(".")
    assert any(word in text for word in ("check", "choose", "copy"))


def test_a_slide_cut_short_still_shows_its_sound_parts(tmp_path: Path) -> None:
    path = tmp_path / "slide.tif"
    image = write_pyramid(path, levels=1)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 40_000] = b"\xff" * 40_000
    path.write_bytes(data)
    with Slide.open(path) as slide:
        with pytest.raises(SlideError, match=r"slide\.tif.*copy it again"):
            slide.read_region(0, 0, 0, 1000, 700)
        assert np.array_equal(slide.read_region(0, 0, 0, 128, 128), image[:128, :128])


def test_many_threads_may_read_and_one_may_close(pyramid: tuple[Path, np.ndarray]) -> None:
    path, image = pyramid
    slide = Slide.open(path)
    wrong: list[str] = []

    def read(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(60):
            x, y = int(rng.integers(0, 900)), int(rng.integers(0, 600))
            try:
                region = slide.read_region(x, y, 0, 64, 64)
            except SlideError:
                return  # closed
            if not np.array_equal(region, image[y : y + 64, x : x + 64]):
                wrong.append(f"{x},{y}")

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    slide.close()
    for thread in threads:
        thread.join()
    assert not wrong
    with pytest.raises(SlideError, match="closed"):
        slide.read_region(0, 0, 0, 8, 8)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "mpp", "tile", "icc"),
    [
        ("CMU-1-Small-Region.svs", 0.499, 240, False),
        ("TCGA-CR-7395-01A-01-TS1.svs", None, 256, True),
        ("OS-1-detail_pyr.tif", 0.2271, 256, False),
    ],
)
def test_real_slides(name: str, mpp: float | None, tile: int, icc: bool) -> None:
    path = SHARED_SLIDES / name
    if not path.exists():
        pytest.skip("../shared/data/slides is absent")
    with Slide.open(path) as slide, openslide.OpenSlide(path) as reference:
        assert slide.mpp == (None if mpp is None else pytest.approx(mpp, rel=1e-3))
        assert slide.levels[0].tile_width == tile
        assert slide.info.has_icc is icc
        wanted = np.asarray(reference.read_region((301, 402), 0, (224, 224)).convert("RGB"))
        assert np.array_equal(slide.read_window(301, 402, 224, 224), wanted)
