"""Folders of DICOM files that are not whole, or stored in a way that OpenSlide does not read."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssmamba.errors import SlideError
from ssmamba.slides.slide import Slide
from tests.dicoms import write_instance

PREFIX = "1.2.840.10008.1.2"


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


def test_damage_is_still_called_damage(tmp_path: Path) -> None:
    path = tmp_path / "0.dcm"
    write_instance(path, 256)
    path.write_bytes(path.read_bytes()[:480])
    with pytest.raises(SlideError, match="damaged or truncated"):
        Slide.open(path)
