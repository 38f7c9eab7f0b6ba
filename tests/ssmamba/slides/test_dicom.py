"""Folders of DICOM files that are not whole, or stored in a way that OpenSlide does not read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssmamba.errors import SlideError
from ssmamba.slides.slide import Slide
from tests.dicoms import SIDE, write_instance

PREFIX = "1.2.840.10008.1.2"
VIOLET = (120, 60, 160)


def test_a_whole_folder_opens_without_a_word(tmp_path: Path) -> None:
    write_instance(tmp_path / "0.dcm", 512)
    write_instance(tmp_path / "1.dcm", 256, value="RESAMPLED")
    write_instance(tmp_path / "label.dcm", 128, "LABEL")
    with Slide.open(tmp_path / "1.dcm") as slide:
        assert slide.dimensions == (512, 512)
        assert slide.mpp == pytest.approx(0.5)
        assert slide.info.notes == ()
        assert "label" in slide.associated_images()


def test_a_folder_without_its_finest_level_says_so(tmp_path: Path) -> None:
    write_instance(tmp_path / "1.dcm", 256, value="RESAMPLED")
    write_instance(tmp_path / "2.dcm", 128, value="RESAMPLED")
    with Slide.open(tmp_path / "1.dcm") as slide:
        assert slide.dimensions == (256, 256)
        assert "no full-resolution file" in slide.info.notes[0]


def test_a_folder_of_label_and_overview_is_not_called_damaged(tmp_path: Path) -> None:
    for kind in ("LABEL", "OVERVIEW"):
        write_instance(tmp_path / f"{kind}.dcm", 128, kind)
    (tmp_path / "notes.txt").write_text("no DICOM")
    with pytest.raises(SlideError, match="only label and overview images") as error:
        Slide.open(tmp_path / "LABEL.dcm")
    assert "damaged" not in str(error.value)


@pytest.mark.parametrize(
    ("syntax", "name"),
    [
        (f"{PREFIX}.4.110", "JPEG XL"),
        (f"{PREFIX}.4.112", "JPEG XL"),
        (f"{PREFIX}.4.201", "HTJ2K"),
        (f"{PREFIX}.4.203", "HTJ2K"),
        (f"{PREFIX}.4.80", "JPEG-LS"),
        (f"{PREFIX}.4.999", f"of transfer syntax {PREFIX}.4.999"),
    ],
)
def test_a_compression_that_is_not_read_is_named(tmp_path: Path, syntax: str, name: str) -> None:
    write_instance(tmp_path / "0.dcm", 256, syntax=syntax)
    with pytest.raises(SlideError) as error:
        Slide.open(tmp_path / "0.dcm")
    text = str(error.value)
    assert f"its pixels are {name}, which OpenSlide does not read" in text
    assert "convert" in text and "damaged" not in text


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.1"])
def test_colours_that_are_not_read_in_a_compression_are_no_damage(
    tmp_path: Path, syntax: str
) -> None:
    write_instance(tmp_path / "0.dcm", 256, syntax=syntax)
    with pytest.raises(SlideError, match=r"Unsupported photometric.*convert it") as error:
        Slide.open(tmp_path / "0.dcm")
    assert "damaged" not in str(error.value)


def test_damage_is_still_called_damage(tmp_path: Path) -> None:
    path = tmp_path / "0.dcm"
    write_instance(path, 256)
    path.write_bytes(path.read_bytes()[:480])
    with pytest.raises(SlideError, match="damaged or truncated"):
        Slide.open(path)


def write_padded(folder: Path, steps: tuple[int, ...], told: bool = True) -> None:
    """A slide of 1024 × 768 px whose levels are filled up to whole frames, as Philips writes it.

    A violet square lies at (800, 600) to (880, 680).
    """
    picture = np.full((768, 1024, 3), 245, np.uint8)
    picture[600:680, 800:880] = VIOLET
    for step in (1, *steps):
        small = picture[::step, ::step]
        padding = ((0, -small.shape[0] % SIDE), (0, -small.shape[1] % SIDE), (0, 0))
        write_instance(
            folder / f"{step}.dcm",
            0,
            value="NONE" if step == 1 else "RESAMPLED",
            picture=np.pad(small, padding),
            pixel_mm=0.0005 * step if told else 0,
        )


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("steps", [(4, 16), (2, 4, 16), (16,), (3,)])
def test_places_on_padded_levels_are_places_on_the_slide(
    tmp_path: Path, steps: tuple[int, ...], told: bool
) -> None:
    write_padded(tmp_path, steps, told)
    with Slide.open(tmp_path / "1.dcm") as slide:
        found = [level.downsample for level in slide.levels]
        assert set(found) <= {1, *steps}
        if told:
            assert found == [1, *steps]
        for number, level in enumerate(slide.levels):
            step = int(level.downsample)
            assert (level.width, level.height) == (-(-1024 // step), -(-768 // step))
            whole = slide.read_region(0, 0, number, level.width, level.height)
            rows, columns = np.nonzero(np.abs(whole.astype(int) - VIOLET).sum(-1) < 60)
            edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert np.abs(np.array(edges) * step - (800, 600, 880, 680)).max() <= step
            assert whole.min(axis=-1)[0].min() > 200  # no black padding
        window = slide.read_window(800, 600, 80, 5)
        assert np.abs(window.astype(int) - VIOLET).max() < 25
