"""What is kept of a slide between runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ssmamba.errors import RoiError
from tests.viewer.fakes import square
from tests.viewer.test_planning import INFO
from viewer.recents import Recents
from viewer.session import SessionStore
from viewer.settings import Calibration


def test_regions_and_calibration_come_back(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    rois = (square(1.25, 2, 30, "A"), replace(square(5, 5, 9, "B"), locked=True, class_name="x"))
    store.save(INFO, rois, Calibration(0.25, 900.0, False))
    kept = store.load(replace(INFO, path="/moved/elsewhere.svs"))
    assert [(r.id, r.name, r.locked, r.class_name) for r in kept.rois] == [
        (r.id, r.name, r.locked, r.class_name) for r in rois
    ]
    assert kept.rois[0].polygons == rois[0].polygons
    assert kept.calibration == Calibration(0.25, 900.0, False)


def test_nothing_kept_is_an_empty_session(tmp_path: Path) -> None:
    session = SessionStore(tmp_path / "new").load(INFO)
    assert session.rois == () and session.calibration == Calibration()


def test_the_last_region_deleted_stays_deleted(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    store.save(INFO, (square(0, 0, 5),), Calibration())
    store.save(INFO, (), Calibration())
    assert store.load(INFO).rois == ()


def test_slides_do_not_share_regions(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    store.save(INFO, (square(0, 0, 5),), Calibration())
    assert store.load(replace(INFO, quick_hash="other")).rois == ()


def test_regions_kept_by_an_earlier_version_come_back_for_their_own_image_alone(
    tmp_path: Path,
) -> None:
    """Its quick hash was one for several plain images; the path tells whose the regions are."""
    store = SessionStore(tmp_path / "sessions")
    mine, other = tmp_path / "mine.bmp", tmp_path / "other.bmp"
    mine.touch()
    other.touch()
    before = replace(INFO, path=str(mine), quick_hash="shared")
    store.save(before, (square(0, 0, 5, "A"),), Calibration(0.25))
    now = replace(before, quick_hash="whole", former_hash="shared")
    kept = store.load(now)
    assert [roi.name for roi in kept.rois] == ["A"] and kept.calibration.mpp == 0.25
    assert store.load(replace(now, quick_hash="another", path=str(other))).rois == ()
    store.save(now, (), Calibration())
    assert store.load(now).rois == ()  # deleted now: those of then do not come back


def test_unreadable_regions_are_set_aside_not_overwritten(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    store.save(INFO, (square(0, 0, 5),), Calibration())
    (file,) = tmp_path.glob("*.geojson")
    file.write_text("{broken")
    with pytest.raises(RoiError):
        store.load(INFO)
    kept = store.set_aside(INFO)
    assert kept is not None and kept.read_text() == "{broken"
    assert store.load(INFO).rois == ()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(RoiError, match="export them"):
        SessionStore(blocked / "sessions").save(INFO, (), Calibration())


def test_recents_are_newest_first_without_what_is_gone(tmp_path: Path) -> None:
    recents = Recents(tmp_path / "deep" / "recents.json")
    files = [tmp_path / name for name in ("a.svs", "b.svs", "c.svs")]
    for file in files:
        file.touch()
        recents.note(str(file))
    recents.note(str(files[0]))
    files[1].unlink()
    assert [Path(p).name for p in recents.paths()] == ["a.svs", "c.svs"]


def test_a_damaged_list_of_recents_counts_as_empty(tmp_path: Path) -> None:
    file = tmp_path / "recents.json"
    file.write_text("[broken")
    assert Recents(file).paths() == []
