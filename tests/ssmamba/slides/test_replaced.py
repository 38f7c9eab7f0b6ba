"""A slide whose file changes while it is open: nothing of another file is shown as its own."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssmamba.errors import SlideReplaced
from ssmamba.slides.file_state import file_state
from ssmamba.slides.slide import Slide
from tests.dicoms import write_instance
from tests.slides import tissue_like, write_pyramid


def write(path: Path, seed: int) -> None:
    if path.suffix == ".png":
        Image.fromarray(tissue_like(200, 150, seed)).save(path)
    else:
        write_pyramid(path, 400, 300, seed=seed)


@pytest.mark.parametrize("name", ["slide.tif", "patch.png"])
def test_pixels_of_a_file_in_its_place_are_refused(tmp_path: Path, name: str) -> None:
    """Moved over it, as copying programs do; same size in bytes and same time, if need be."""
    path, other = tmp_path / name, tmp_path / f"other-{name}"
    write(path, 0)
    write(other, 1)
    with Slide.open(path) as slide:
        slide.read_region(0, 0, 0, 50, 50)
        size, changed, _ = slide.info.file or (0, 0, 0)
        with other.open("ab") as file:
            file.truncate(size)
        os.utime(other, ns=(changed, changed))
        other.replace(path)
        with pytest.raises(SlideReplaced, match=f"{name} was changed or replaced .* open it again"):
            slide.read_region(0, 0, 0, 50, 50)
        with pytest.raises(SlideReplaced):
            slide.read_window(0, 0, 100, 32)
        with pytest.raises(SlideReplaced):
            slide.read_windows([(0, 0, 100), (50, 50, 100)], 32)


def test_a_file_written_over_is_refused_and_never_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "slide.tif"
    write(path, 0)
    with Slide.open(path) as slide:
        data = bytearray(path.read_bytes())
        path.write_bytes(data[: len(data) // 3])
        with pytest.raises(SlideReplaced):
            slide.read_region(0, 0, 0, 400, 300)


@pytest.mark.skipif(os.name == "nt", reason="Windows lets nobody rename an open file")
def test_a_file_that_was_moved_away_is_still_read(tmp_path: Path) -> None:
    path = tmp_path / "slide.tif"
    image = write_pyramid(path, 400, 300)
    with Slide.open(path) as slide:
        path.rename(tmp_path / "elsewhere.tif")
        assert np.array_equal(slide.read_region(0, 0, 0, 64, 64), image[:64, :64])


def test_another_file_of_a_dicom_slide_is_watched_too(tmp_path: Path) -> None:
    """Each level is a file; the one that was opened need not be the one whose pixels change."""
    for number, value in enumerate(("NONE", "RESAMPLED")):
        write_instance(tmp_path / f"{number}.dcm", 512 >> number, value=value)
    (tmp_path / "notes.txt").write_text("of another kind")
    with Slide.open(tmp_path / "1.dcm") as slide:
        before = slide.info.file
        (tmp_path / "notes.txt").write_text("changed, which is no matter")
        slide.read_region(0, 0, 0, 50, 50)
        other = tmp_path / "other"
        write_instance(other, 512, picture=tissue_like(512, 512))
        other.replace(tmp_path / "0.dcm")
        with pytest.raises(SlideReplaced, match=r"1\.dcm was changed or replaced"):
            slide.read_region(0, 0, 0, 50, 50)
    assert file_state(tmp_path / "1.dcm") != before


def write_mirax(folder: Path) -> Path:
    """The files of a MIRAX slide by name, with no slide in them."""
    path = folder / "slide.mrxs"
    path.write_bytes(b"a thumbnail")
    (folder / "slide").mkdir()
    for name in ("Slidedat.ini", "Index.dat", "Data0000.dat", "Data0001.dat"):
        (folder / "slide" / name).write_bytes(b"x" * 100)
    return path


def write_vms(folder: Path) -> Path:
    path = folder / "slide.vms"
    names = ("slide-0.jpg", "slide-1.jpg")
    path.write_text("[Virtual Microscope Specimen]\nNoLayers=1\n" + "".join(
        f"ImageFile({n},0)={name}\n" for n, name in enumerate(names)
    ))  # fmt: skip
    for name in names:
        (folder / name).write_bytes(b"x" * 100)
    return path


@pytest.mark.parametrize(
    ("write", "name"), [(write_mirax, "slide/Data0001.dat"), (write_vms, "slide-1.jpg")]
)
@pytest.mark.parametrize("how", ["in place", "moved over it", "gone"])
def test_files_that_hold_pixels_are_part_of_a_slide(tmp_path: Path, write, name, how) -> None:
    path = write(tmp_path)
    data, before = tmp_path / name, file_state(path)
    assert before == file_state(path) is not None
    if how == "in place":
        os.utime(data, ns=(1, 1))
    elif how == "moved over it":
        stat = data.stat()
        other = tmp_path / "other"
        other.write_bytes(data.read_bytes())
        os.utime(other, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
        other.replace(data)
    else:
        data.unlink()
    assert file_state(path) != before
