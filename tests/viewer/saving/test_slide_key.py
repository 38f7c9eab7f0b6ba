"""A session belongs to one slide's content: never another's, and the same after a move."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssmamba.slides.identity import content_hash
from ssmamba.slides.slide import Slide, SlideInfo
from tests.ssmamba.slides.test_identity import write
from tests.viewer.fakes import square
from tests.viewer.saving.kept_window import KeptWindow
from tests.viewer.saving.test_session import save_as_before
from viewer.saving.contents import contents_of, with_scale_of_file
from viewer.saving.session import SessionStore
from viewer.saving.slide_key import key_of
from viewer.state.settings import SlideSettings

SHARED = Path(__file__).resolve().parents[4] / "shared/cases/hash-collision"


def info_of(path: Path) -> SlideInfo:
    """As the viewer's tile source has it."""
    with Slide.open(path) as slide:
        return replace(slide.info, content_hash=content_hash(slide))


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (512, 512, 3), dtype=np.uint8)


@pytest.fixture
def alike(tmp_path: Path, pixels: np.ndarray) -> tuple[Path, Path]:
    """Two slides of one quick hash."""
    return write(tmp_path / "a.tif", pixels), write(tmp_path / "b.tif", pixels[::-1])


def names(folder: Path, info: SlideInfo) -> list[str]:
    return [roi.name for roi in SessionStore(folder).load(info).rois]


def test_slides_of_one_quick_hash_do_not_share_a_session(alike, tmp_path: Path) -> None:
    first, second = (info_of(path) for path in alike)
    folder = tmp_path / "sessions"
    SessionStore(folder).write(first, contents_of((square(0, 0, 5, "A"),), SlideSettings(0.25)))
    assert names(folder, second) == []
    moved = tmp_path / "moved"
    moved.mkdir()
    assert names(folder, info_of(Path(alike[0]).rename(moved / "renamed.tif"))) == ["A"]


@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/cases")
def test_the_published_pair_has_two_keys() -> None:
    assert key_of(info_of(SHARED / "A.tif")) != key_of(info_of(SHARED / "B.tif"))


# --- sessions of earlier versions, by the quick hash
def test_an_older_session_goes_to_the_slide_that_it_names(alike, tmp_path: Path) -> None:
    first, second = (info_of(path) for path in alike)
    folder = tmp_path / "sessions"
    save_as_before(folder, first, (square(0, 0, 5, "A"),), mpp=0.5)
    assert names(folder, second) == []
    assert names(folder, first) == ["A"]


def test_an_older_session_goes_to_a_copy_of_the_slide(alike, tmp_path: Path) -> None:
    folder = tmp_path / "sessions"
    save_as_before(folder, info_of(alike[0]), (square(0, 0, 5, "A"),))
    copy = tmp_path / "copy.tif"
    copy.write_bytes(alike[0].read_bytes())
    assert names(folder, info_of(copy)) == ["A"]


def test_an_older_session_of_a_slide_that_is_gone_is_not_given_to_one_that_looks_alike(
    alike, tmp_path: Path
) -> None:
    folder = tmp_path / "sessions"
    file = save_as_before(folder, info_of(alike[0]), (square(0, 0, 5, "A"),))
    alike[0].unlink()
    session = SessionStore(folder).load(info_of(alike[1]))
    assert session.rois == () and str(file) in session.warning and "a.tif" in session.warning


# --- a scale that was corrected in the file
def test_a_scale_set_for_another_scale_of_the_file_is_not_used_in_silence(
    tmp_path: Path, pixels: np.ndarray
) -> None:
    folder, path = tmp_path / "sessions", tmp_path / "a.tif"
    before = info_of(write(path, pixels, mpp=1.0))
    contents = contents_of((square(0, 0, 5, "A"),), SlideSettings(0.5))
    SessionStore(folder).write(before, with_scale_of_file(contents, before.mpp))
    assert SessionStore(folder).load(before).settings.mpp == 0.5
    after = info_of(write(path, pixels, mpp=0.25))
    session = SessionStore(folder).load(after)
    assert [roi.name for roi in session.rois] == ["A"] and session.settings.mpp is None
    assert (
        "now says 0.25 µm/px, not 1 µm/px" in session.warning and "Calibration" in session.warning
    )
    assert KeptWindow(folder, after).document.mpp == 0.25


def test_the_scale_of_an_older_session_is_told_where_the_file_says_another(
    tmp_path: Path, pixels: np.ndarray
) -> None:
    info = info_of(write(tmp_path / "a.tif", pixels, mpp=0.25))
    save_as_before(tmp_path / "sessions", info, (), mpp=0.5)
    session = SessionStore(tmp_path / "sessions").load(info)
    assert session.settings.mpp == 0.5 and "0.5 µm/px; its file says 0.25" in session.warning
