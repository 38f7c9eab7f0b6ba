"""Tiled TIFFs that OpenSlide opens and shows wrongly, or detects and cannot read."""

from __future__ import annotations

import struct
import threading
from pathlib import Path

import numpy as np
import openslide
import pytest

from ssmamba.errors import SlideError
from ssmamba.slides.openslide_source import OpenSlideSource, flatten_on_white
from ssmamba.slides.slide import Slide
from ssmamba.slides.tiff.source import TiffSource
from tests.slides import tissue_like, write_pyramid
from tests.ssmamba.slides.test_decode_sweep import turned
from tests.tiffs import (
    ASCII,
    DEFLATE,
    JPEG,
    JPEG2000,
    LZMA,
    MINISBLACK,
    RATIONAL,
    SHORT,
    WEBP,
    YCBCR,
    Kind,
    Page,
    write_tiff,
)

LEVEL_0 = tissue_like(500, 380)
LABEL = np.full((120, 300, 3), 17, np.uint8)


def resolution(across: float, down: float | None = None) -> tuple[tuple[int, int, object], ...]:
    """Tags for µm/px."""
    values = (round(1e7 / across), round(1e7 / (down or across)))  # thousandths of px/cm
    return (
        (282, RATIONAL, [values[0], 1000]), (283, RATIONAL, [values[1], 1000]),
        (296, SHORT, 3),
    )  # fmt: skip


def kind(reduced: bool = False, **changes: object) -> Kind:
    return Kind(**{"tile": 64, "compression": DEFLATE, "reduced": reduced, **changes})  # type: ignore[arg-type]


def smaller(step: int) -> np.ndarray:
    return np.ascontiguousarray(LEVEL_0[::step, ::step])


def whole(slide: Slide, level: int = 0) -> np.ndarray:
    place = slide.levels[level]
    return slide.read_region(0, 0, level, place.width, place.height)


def source_of(path: Path) -> type:
    with Slide.open(path) as slide:
        return type(slide._source)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_an_orientation_turns_the_slide_and_not_its_tiles(tmp_path: Path, orientation: int) -> None:
    pages = [
        Page(LEVEL_0, kind(orientation=orientation, tags=resolution(0.5))),
        Page(smaller(2), kind(True, orientation=orientation)),
    ]
    path = write_tiff(tmp_path / "turned.tif", pages)
    with Slide.open(path) as slide:
        expected = turned(LEVEL_0, orientation)
        assert slide.dimensions == expected.shape[1::-1]
        assert slide.mpp == pytest.approx(0.5)
        np.testing.assert_array_equal(whole(slide), expected)
        np.testing.assert_array_equal(whole(slide, 1), turned(smaller(2), orientation))
        np.testing.assert_array_equal(
            slide.read_region(70, 90, 0, 130, 150), expected[90:240, 70:200]
        )
        beyond = slide.read_region(-20, -10, 0, 40, 30)
        assert (beyond[:10] == 255).all() and (beyond[:, :20] == 255).all()
        np.testing.assert_array_equal(beyond[10:, 20:], expected[:20, :20])


@pytest.mark.parametrize(("turn", "levels"), [(1, 2), (6, 1)])
def test_a_level_that_is_to_be_turned_otherwise_is_none(
    tmp_path: Path, turn: int, levels: int
) -> None:
    pages = [Page(LEVEL_0, kind()), Page(smaller(2), kind(True, orientation=turn))]
    with Slide.open(write_tiff(tmp_path / "a.tif", pages)) as slide:
        assert len(slide.levels) == levels
        np.testing.assert_array_equal(whole(slide), LEVEL_0)


def test_an_overview_written_first_does_not_hide_the_slide(tmp_path: Path) -> None:
    pages = [
        Page(smaller(4), kind(True, tags=resolution(2.0))),
        Page(smaller(2), kind(True, tags=resolution(1.0))),
        Page(LEVEL_0, kind(tags=resolution(0.5))),
    ]
    with Slide.open(write_tiff(tmp_path / "last.tif", pages)) as slide:
        assert [level.width for level in slide.levels] == [500, 250, 125]
        assert slide.mpp == pytest.approx(0.5)
        np.testing.assert_array_equal(whole(slide), LEVEL_0)
        np.testing.assert_array_equal(whole(slide, 2), smaller(4))


@pytest.mark.parametrize("grey", [False, True])
def test_a_label_is_no_level(tmp_path: Path, grey: bool) -> None:
    label = Page(LABEL, kind(True))
    if grey:
        label = Page(LABEL[..., 0], kind(True, photometric=MINISBLACK))
    pages = [Page(LEVEL_0, kind()), Page(smaller(2), kind(True)), label]
    with Slide.open(write_tiff(tmp_path / "label.tif", pages)) as slide:
        assert [level.width for level in slide.levels] == [500, 250]
        window = slide.read_window(0, 0, 320, 190)  # at 1.7 ×
        assert abs(window.astype(int) - 17).mean() > 50
        (shown,) = slide.associated_images().values()
        np.testing.assert_array_equal(np.asarray(shown), LABEL)


def test_a_second_picture_of_a_like_size_is_said_and_a_label_is_not(tmp_path: Path) -> None:
    label, other = Page(LABEL, kind()), Page(LEVEL_0[:, :200].copy(), kind())
    for pages, said in (([label], ()), ([label, other], ("200×380 px",))):
        with Slide.open(write_tiff(tmp_path / "a.tif", [Page(LEVEL_0, kind()), *pages])) as slide:
            notes = slide.info.notes
            assert len(notes) == len(said) and all(w in n for w, n in zip(said, notes, strict=True))


def test_a_grey_page_of_the_slides_shape_is_no_level_of_a_coloured_slide(tmp_path: Path) -> None:
    grey = Page(smaller(2)[..., 0], kind(True, photometric=MINISBLACK))
    with Slide.open(write_tiff(tmp_path / "g.tif", [Page(LEVEL_0, kind()), grey])) as slide:
        assert len(slide.levels) == 1


@pytest.mark.parametrize("compression", [WEBP, JPEG2000, LZMA])
def test_compressions_that_openslide_does_not_read_are_read(
    tmp_path: Path, compression: int
) -> None:
    pages = [
        Page(LEVEL_0, kind(compression=compression, tags=resolution(0.25))),
        Page(smaller(2), kind(True, compression=compression)),
    ]
    with Slide.open(write_tiff(tmp_path / "c.tif", pages)) as slide:
        assert len(slide.levels) == 2
        assert slide.mpp == pytest.approx(0.25)
        np.testing.assert_array_equal(whole(slide), LEVEL_0)


def test_float_and_one_bit_tiles_are_shown(tmp_path: Path) -> None:
    grey = LEVEL_0[..., 0]
    as_float = Page(grey / 255, kind(photometric=MINISBLACK, bits=32, sample_format=3))
    with Slide.open(write_tiff(tmp_path / "f.tif", [as_float])) as slide:
        np.testing.assert_array_equal(whole(slide)[..., 0], grey)
    as_bits = Page(grey > 128, kind(photometric=MINISBLACK, bits=1))
    with Slide.open(write_tiff(tmp_path / "b.tif", [as_bits])) as slide:
        np.testing.assert_array_equal(whole(slide)[..., 0] > 0, grey > 128)


def ome(size: str, unit: str | None, tall: str | None = None) -> tuple[int, int, object]:
    units = "" if unit is None else f'PhysicalSizeXUnit="{unit}" PhysicalSizeYUnit="{unit}"'
    pixels = (
        f'SizeX="500" SizeY="380" SizeC="3" SizeZ="1" SizeT="1" PhysicalSizeX="{size}" '
        f'PhysicalSizeY="{tall or size}" {units}'
    )
    text = f'<OME xmlns="http://www.openmicroscopy.org/x"><Image><Pixels {pixels}/></Image></OME>'
    return 270, ASCII, text


@pytest.mark.parametrize(
    ("size", "unit"), [("250", "nm"), ("0.25", None), ("0.25", "um"), ("0.00025", "mm")]
)
def test_levels_in_subifds_and_the_scale_in_xml_are_found(
    tmp_path: Path, size: str, unit: str | None
) -> None:
    below = tuple(Page(smaller(step), kind(True)) for step in (2, 4))
    path = write_tiff(tmp_path / "a.ome.tif", [Page(LEVEL_0, kind(tags=(ome(size, unit),)), below)])
    with Slide.open(path) as slide:
        assert [level.width for level in slide.levels] == [500, 250, 125]
        assert slide.mpp == pytest.approx(0.25)
        np.testing.assert_array_equal(whole(slide, 1), smaller(2))


def test_a_pyramid_of_three_grey_pages_keeps_its_levels(tmp_path: Path) -> None:
    names = "".join(f'<Channel Name="{name}"/>' for name in "RGB")
    text = str(ome("0.25", None)[2]).replace("/></Image>", f">{names}</Pixels></Image>")
    grey = kind(photometric=MINISBLACK)
    pages = []
    for plane in range(3):
        first = kind(photometric=MINISBLACK, tags=((270, ASCII, text),))
        below = (Page(smaller(2)[..., plane], kind(True, photometric=MINISBLACK)),)
        pages.append(Page(LEVEL_0[..., plane], grey if plane else first, below))
    with Slide.open(write_tiff(tmp_path / "a.ome.tif", pages)) as slide:
        np.testing.assert_array_equal(whole(slide), LEVEL_0)
        np.testing.assert_array_equal(whole(slide, 1), smaller(2))


def test_the_scale_in_xml_is_found_where_openslide_shows_the_pixels(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.ome.tif", [Page(LEVEL_0, kind(tags=(ome("250", "nm"),)))])
    assert source_of(path) is OpenSlideSource
    with Slide.open(path) as slide:
        assert slide.mpp == pytest.approx(0.25)


def test_places_on_padded_levels_are_places_on_the_slide(tmp_path: Path) -> None:
    picture = np.full((760, 1000, 3), 245, np.uint8)
    picture[500:600, 800:900] = (120, 60, 160)
    pages = [Page(picture, kind())]
    for step in (2, 4, 8):
        small = picture[::step, ::step]
        padding = ((0, -small.shape[0] % 64), (0, -small.shape[1] % 64), (0, 0))
        pages.append(Page(np.pad(small, padding, constant_values=245), kind(True)))
    with Slide.open(write_tiff(tmp_path / "padded.tif", pages)) as slide:
        assert [level.downsample for level in slide.levels] == [1, 2, 4, 8]
        for level, step in enumerate((1, 2, 4, 8)):
            square = slide.read_region(800, 500, level, 96 // step, 96 // step)
            assert (square == (120, 60, 160)).all()
            assert (slide.read_region(792, 500, level, 1, 96 // step) == 245).all()


@pytest.mark.parametrize("side", [256, 384, 512])
def test_a_label_of_whole_tiles_is_no_padded_level(tmp_path: Path, side: int) -> None:
    """256 × 256 px is what 1000 × 760 px become at 1/4 if they are filled up to whole tiles."""
    picture = tissue_like(1000, 760)
    label = np.full((side, side, 3), 250, np.uint8)
    label[side // 3 : side // 2, 20:-20] = (10, 10, 10)
    small = Page(picture[::2, ::2], kind(True))
    path = write_tiff(
        tmp_path / "a.tif", [Page(picture, kind()), small, Page(label, kind(True, tile=128))]
    )
    with Slide.open(path) as slide:
        assert [level.width for level in slide.levels] == [1000, 500]
        assert any(
            np.array_equal(np.asarray(image), label) for image in slide.associated_images().values()
        )


def test_an_ordinary_pyramid_is_left_to_openslide(tmp_path: Path) -> None:
    path = tmp_path / "slide.tif"
    image = write_pyramid(path)
    assert source_of(path) is OpenSlideSource
    with Slide.open(path) as slide, openslide.OpenSlide(path) as handle:
        assert slide.quick_hash == handle.properties[openslide.PROPERTY_NAME_QUICKHASH1]
        np.testing.assert_array_equal(whole(slide), image)


def test_regions_stay_with_a_file_that_openslide_used_to_open(tmp_path: Path) -> None:
    below = (Page(smaller(2), kind(True)),)
    path = write_tiff(tmp_path / "a.tif", [Page(LEVEL_0, kind(), below)])
    with Slide.open(path) as slide, openslide.OpenSlide(path) as handle:
        assert slide.info.former_hash == handle.properties[openslide.PROPERTY_NAME_QUICKHASH1]
        assert slide.quick_hash != slide.info.former_hash


def test_tiles_that_were_never_written_are_white(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "sparse.tif", [Page(LEVEL_0, kind(compression=LZMA))])
    _change_lengths(path, {0: 0})
    with Slide.open(path) as slide:
        assert (slide.read_region(0, 0, 0, 64, 64) == 255).all()
        np.testing.assert_array_equal(slide.read_region(64, 0, 0, 64, 64), LEVEL_0[:64, 64:128])


def test_a_damaged_tile_is_said_and_the_others_are_shown(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "bad.tif", [Page(LEVEL_0, kind(compression=LZMA))])
    _change_lengths(path, {0: 30})
    with Slide.open(path) as slide:
        with pytest.raises(SlideError, match=r"bad\.tif cannot be read.*copy the file again"):
            slide.read_region(0, 0, 0, 64, 64)
        np.testing.assert_array_equal(slide.read_region(64, 0, 0, 64, 64), LEVEL_0[:64, 64:128])


def _change_lengths(path: Path, lengths: dict[int, int]) -> None:
    data = bytearray(path.read_bytes())
    count = -(-500 // 64) * -(-380 // 64)
    entry = data.index(struct.pack("<HHI", 325, 4, count))
    (table,) = struct.unpack_from("<I", data, entry + 8)
    for index, length in lengths.items():
        struct.pack_into("<I", data, table + 4 * index, length)
    path.write_bytes(data)


def test_many_threads_read_a_tiff_and_one_closes_it(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", [Page(LEVEL_0, kind(compression=LZMA))])
    slide = Slide.open(path)
    assert isinstance(slide._source, TiffSource)
    wrong: list[str] = []

    def read(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(200):
            x, y = int(rng.integers(0, 436)), int(rng.integers(0, 316))
            try:
                region = slide.read_region(x, y, 0, 64, 64)
            except SlideError:
                return
            if not np.array_equal(region, LEVEL_0[y : y + 64, x : x + 64]):
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


def test_decoded_tiles_are_held_up_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ssmamba.slides.tiff.source.CACHE_BYTES", 3 * 64 * 64 * 3)
    with Slide.open(
        write_tiff(tmp_path / "a.tif", [Page(LEVEL_0, kind(compression=LZMA))])
    ) as slide:
        np.testing.assert_array_equal(whole(slide), LEVEL_0)
        source = slide._source
        assert isinstance(source, TiffSource)
        assert sum(p.nbytes for p in source._pieces.values() if p is not None) <= 3 * 64 * 64 * 3


def test_a_deep_slide_too_large_for_memory_says_where_its_white_is_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ssmamba.slides.tiff.choice.MAX_IMAGE_PIXELS", 1000)
    deep = (LEVEL_0.astype(int) * 4095 // 255).astype(np.uint16)
    deep[0, 0] = 4095
    pages = [Page(deep, kind(bits=16)), Page(deep[::2, ::2], kind(True, bits=16))]
    with Slide.open(write_tiff(tmp_path / "deep.tif", pages)) as slide:
        assert np.abs(whole(slide).astype(int) - LEVEL_0)[1:].max() <= 1
        assert "value 4095" in slide.info.notes[0]


@pytest.mark.parametrize("order", ["<", ">"])
def test_jpeg_tiles_whose_colours_the_tag_says(tmp_path: Path, order: str) -> None:
    """A file marker may say otherwise; the tag is what holds."""
    for photometric in (YCBCR, 2):
        page = Page(LEVEL_0, kind(compression=JPEG, photometric=photometric, order=order))
        turned_too = Page(LEVEL_0, kind(compression=JPEG, photometric=photometric, orientation=3))
        shown = []
        for number, one in enumerate((page, turned_too)):
            with Slide.open(write_tiff(tmp_path / f"{number}.tif", [one])) as slide:
                shown.append(whole(slide))
        assert np.abs(shown[0].astype(int) - LEVEL_0).max() <= 8
        assert np.abs(shown[0].astype(int) - shown[1][::-1, ::-1]).max() <= 1


def test_alpha_over_bright_colours_does_not_wrap_round() -> None:
    bgra = np.array([[[60, 60, 200, 128], [0, 10, 20, 255], [9, 9, 9, 0]]], np.uint8)
    flatten_on_white(bgra)
    assert bgra.tolist() == [[[187, 187, 255, 255], [0, 10, 20, 255], [255, 255, 255, 255]]]
