"""What is kept of a slide between runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ssmamba.errors import RoiError
from tests.viewer.fakes import square
from tests.viewer.state.test_planning import INFO
from viewer.saving.recents import Recents
from viewer.saving.session import SessionStore
from viewer.state.settings import SlideSettings


def test_regions_and_calibration_come_back(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    rois = (square(1.25, 2, 30, "A"), replace(square(5, 5, 9, "B"), locked=True, class_name="x"))
    store.save(INFO, rois, SlideSettings(0.25, 900.0, False))
    kept = store.load(replace(INFO, path="/moved/elsewhere.svs"))
    assert [(r.id, r.name, r.locked, r.class_name) for r in kept.rois] == [
        (r.id, r.name, r.locked, r.class_name) for r in rois
    ]
    assert kept.rois[0].polygons == rois[0].polygons
    assert kept.settings == SlideSettings(0.25, 900.0, False)


def test_nothing_kept_is_an_empty_session(tmp_path: Path) -> None:
    session = SessionStore(tmp_path / "new").load(INFO)
    assert session.rois == () and session.settings == SlideSettings()


def test_the_last_region_deleted_stays_deleted(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    kept = store.save(INFO, (square(0, 0, 5),), SlideSettings())
    store.save(INFO, (), SlideSettings(), kept.basis)
    assert store.load(INFO).rois == ()


def test_slides_do_not_share_regions(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    store.save(INFO, (square(0, 0, 5),), SlideSettings())
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
    store.save(before, (square(0, 0, 5, "A"),), SlideSettings(0.25))
    now = replace(before, quick_hash="whole", former_hash="shared")
    kept = store.load(now)
    assert [roi.name for roi in kept.rois] == ["A"] and kept.settings.mpp == 0.25
    assert store.load(replace(now, quick_hash="another", path=str(other))).rois == ()
    store.save(now, (), kept.settings, kept.basis)
    assert store.load(now).rois == ()  # deleted now: those of then do not come back


def test_what_is_drawn_while_regions_of_an_earlier_version_load_joins_them(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    before = replace(INFO, quick_hash="shared")
    store.save(before, (square(0, 0, 5, "old"),), SlideSettings(0.25))
    now = replace(before, quick_hash="whole", former_hash="shared")
    store.save(now, (square(0, 0, 5, "new"),), SlideSettings())
    session = store.load(now)
    assert [roi.name for roi in session.rois] == ["old", "new"]
    assert session.settings == SlideSettings(0.25)


def names(store: SessionStore) -> list[str]:
    return [roi.name for roi in store.load(INFO).rois]


def damage(folder: Path, text: str = "{broken") -> Path:
    (file,) = folder.glob("*.geojson")
    file.write_text(text)
    return file


def test_unreadable_regions_are_set_aside_and_the_calibration_stays(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    for text in ("{broken", "{broken again"):
        store.save(INFO, (square(0, 0, 5),), SlideSettings(0.25))
        damage(tmp_path, text)
        session = store.load(INFO)
        assert session.rois == () and session.settings == SlideSettings(0.25)
        (aside,) = (p for p in tmp_path.glob("*unreadable*") if p.read_text() == text)
        assert str(aside) in session.warning
        aside.rename(tmp_path / f"{aside.stem}.moved")
    assert store.load(INFO).warning == ""


def test_one_damaged_region_costs_itself_alone_and_a_copy_stays(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    store.save(INFO, (square(0, 0, 5, "A"), square(9, 9, 5, "B")), SlideSettings(0.25))
    (file,) = tmp_path.glob("*.geojson")
    text = file.read_text().replace('"coordinates":[[[9,', '"coordinates":[[["?",')
    file.write_text(text)
    for _ in range(2):
        session = store.load(INFO)
        assert [roi.name for roi in session.rois] == ["A"]
        (aside,) = tmp_path.glob("*unreadable*")
        assert aside.read_text() == text and str(aside) in session.warning
        assert "feature 2" in session.details
    store.save(INFO, session.rois, session.settings, session.basis)
    assert names(store) == ["A"] and store.load(INFO).warning == ""
    assert aside.read_text() == text


def test_what_cannot_be_set_aside_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SessionStore(tmp_path)
    store.save(INFO, (square(0, 0, 5),), SlideSettings())
    file = damage(tmp_path)
    replace_file = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if self == file:
            raise PermissionError(13, "Permission denied", str(file))
        return replace_file(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    session = store.load(INFO)
    assert "could not be renamed (Permission denied)" in session.warning
    store.save(INFO, (square(0, 0, 5, "new"),), SlideSettings(), session.basis)
    assert file.read_text() == "{broken" and names(store) == ["new"]


def test_regions_that_the_disk_does_not_give_now_are_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SessionStore(tmp_path)
    store.save(INFO, (square(0, 0, 5, "old"),), SlideSettings(0.25))
    (file,) = tmp_path.glob("*.geojson")
    whole = file.read_bytes()
    read = Path.read_bytes

    def fail(self: Path) -> bytes:
        if self == file:
            raise OSError(5, "Input/output error", str(file))
        return read(self)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", fail)
        session = store.load(INFO)
        assert "Input/output error" in session.warning and "left unchanged" in session.warning
        kept = store.save(INFO, (square(0, 0, 5, "new"),), SlideSettings(0.25), session.basis)
        assert read(file) == whole
        assert names(store) == ["new"]
    assert names(store) == ["old", "new"]
    saved = store.save(INFO, (square(0, 0, 5, "newer"),), SlideSettings(0.25), kept.basis)
    assert [roi.name for roi in saved.others] == ["old"]
    assert names(store) == ["old", "newer"]
    assert len(list(tmp_path.glob("*.geojson"))) == 1


def test_two_windows_on_one_slide_keep_the_regions_of_both(tmp_path: Path) -> None:
    ours, theirs = SessionStore(tmp_path), SessionStore(tmp_path)
    both, deleted = square(0, 0, 5, "both"), square(9, 9, 5, "deleted")
    kept = ours.save(INFO, (both, deleted), SlideSettings())
    seen = theirs.load(INFO)
    theirs.save(INFO, (*seen.rois, square(5, 5, 5, "theirs")), SlideSettings(0.25), seen.basis)
    changed = replace(both, name="ours")
    kept = ours.save(INFO, (changed,), SlideSettings(), kept.basis)
    assert [roi.name for roi in kept.others] == ["theirs"]
    session = ours.load(INFO)
    assert [roi.name for roi in session.rois] == ["theirs", "ours"]
    assert session.settings == SlideSettings(0.25)
    assert ours.save(INFO, session.rois, SlideSettings(), kept.basis).others == ()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(RoiError, match="Export them"):
        SessionStore(blocked / "sessions").save(INFO, (), SlideSettings())


def test_recents_are_newest_first_without_what_is_gone(tmp_path: Path) -> None:
    recents = Recents(tmp_path / "deep" / "recents.json")
    files = [tmp_path / name for name in ("a.svs", "b.svs", "c.svs")]
    for file in files:
        file.touch()
        recents.note(str(file))
    recents.note(str(files[0]))
    files[1].unlink()
    assert [Path(p).name for p in recents.paths()] == ["a.svs", "c.svs"]


@pytest.mark.parametrize("text", ["[broken", "null", "5", '{"a": 1}', "[" * 100_000])
def test_a_damaged_list_of_recents_counts_as_empty(tmp_path: Path, text: str) -> None:
    file, slide = tmp_path / "recents.json", tmp_path / "a.svs"
    slide.touch()
    file.write_text(text)
    assert Recents(file).paths() == []
    Recents(file).note(str(slide))
    assert Recents(file).paths() == [str(slide)]


def test_recents_leave_out_what_may_not_be_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recents = Recents(tmp_path / "recents.json")
    secret, slide = tmp_path / "secret.svs", tmp_path / "a.svs"
    for file in (secret, slide):
        file.touch()
        recents.note(str(file))
    stat = Path.stat

    def refuse(self: Path, **options: bool) -> object:
        if self.name == "secret.svs":
            raise PermissionError(13, "Permission denied", str(self))
        return stat(self, **options)

    monkeypatch.setattr(Path, "stat", refuse)
    assert recents.paths() == [str(slide)]
    recents.note(str(slide))
    monkeypatch.undo()
    assert recents.paths() == [str(slide), str(secret)]


def test_noting_a_slide_looks_at_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recents = Recents(tmp_path / "recents.json")
    recents.note("/dead/network/drive/a.svs")
    looked: list[str] = []
    monkeypatch.setattr(Path, "exists", lambda self: looked.append(str(self)) or True)
    recents.note(str(tmp_path / "b.svs"))
    assert not looked
