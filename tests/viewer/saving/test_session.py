"""What is kept of a slide between runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from ssmamba.errors import RoiError
from ssmamba.rois.geojson import write_rois
from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import Level, SlideInfo
from tests.viewer.fakes import square
from tests.viewer.state.test_planning import INFO
from viewer.saving.contents import contents_of
from viewer.saving.journal import FORMAT, HEAD, VERSION
from viewer.saving.recents import Recents
from viewer.saving.records import json_of, line_of
from viewer.saving.session import SessionStore
from viewer.saving.slide_key import former_key
from viewer.state.seen import Seen
from viewer.state.settings import SlideSettings

NO_SETTINGS = SlideSettings()
CORNER = [(0.0, 0.0), (300.0, 0.0), (300.0, 200.0), (0.0, 200.0)]
SEEN = Seen.nothing(INFO.width, INFO.height).with_view([CORNER], 1.0)


def save(
    folder: Path,
    rois: Iterable[Roi] = (),
    settings: SlideSettings = NO_SETTINGS,
    info: SlideInfo = INFO,
) -> None:
    SessionStore(folder).write(info, contents_of(rois, settings))


def save_as_before(folder: Path, info: SlideInfo, rois: Iterable[Roi], **calibration) -> Path:
    """The files of version 0.1; returns that of the regions."""
    folder.mkdir(exist_ok=True)
    file = folder / f"{former_key(info)}.geojson"
    write_rois(file, rois)
    kept = {"slide": info.path, "calibration": calibration}
    file.with_suffix(".json").write_text(json.dumps(kept))
    return file


def names(folder: Path, info: SlideInfo = INFO) -> list[str]:
    return [roi.name for roi in SessionStore(folder).load(info).rois]


def test_what_was_seen_comes_back(tmp_path: Path) -> None:
    SessionStore(tmp_path).write(INFO, contents_of((), SlideSettings(), seen=SEEN))
    found = SessionStore(tmp_path).load(INFO).seen
    assert found is not None and found.fits(SEEN)
    assert (found.steps == SEEN.steps).all() and found.is_any


def test_regions_and_calibration_come_back(tmp_path: Path) -> None:
    rois = (square(1.25, 2, 30, "A"), replace(square(5, 5, 9, "B"), locked=True, class_name="x"))
    save(tmp_path, rois, SlideSettings(0.25, 900.0, False))
    kept = SessionStore(tmp_path).load(replace(INFO, path="/moved/elsewhere.svs"))
    assert [(r.id, r.name, r.locked, r.class_name) for r in kept.rois] == [
        (r.id, r.name, r.locked, r.class_name) for r in rois
    ]
    assert kept.rois[0].polygons == rois[0].polygons
    assert kept.settings == SlideSettings(0.25, 900.0, False)
    assert kept.warning == ""


def test_nothing_kept_is_an_empty_session(tmp_path: Path) -> None:
    session = SessionStore(tmp_path / "new").load(INFO)
    assert session.rois == () and session.settings == SlideSettings()


def test_the_last_region_deleted_stays_deleted(tmp_path: Path) -> None:
    save(tmp_path, (square(0, 0, 5, "A", "a"),))
    SessionStore(tmp_path).write(INFO, {"region/a": None})
    assert names(tmp_path) == []


def test_slides_do_not_share_regions(tmp_path: Path) -> None:
    save(tmp_path, (square(0, 0, 5),))
    assert names(tmp_path, replace(INFO, quick_hash="other")) == []


def test_a_region_keeps_an_id_that_is_no_uuid(tmp_path: Path) -> None:
    odd = square(0, 0, 5, "A", 'x/ "ü" 7')
    save(tmp_path, (odd,))
    assert [roi.id for roi in SessionStore(tmp_path).load(INFO).rois] == [odd.id]


# --- sessions of version 0.1
def test_what_an_earlier_version_kept_is_taken_over_once(tmp_path: Path) -> None:
    old = (square(1, 2, 30, "A", "a"), square(5, 5, 9, "B", "b"))
    save_as_before(tmp_path, INFO, old, mpp=0.25, field_px=900, icc=False)
    kept = SessionStore(tmp_path).load(INFO)
    assert [roi.name for roi in kept.rois] == ["A", "B"]
    assert kept.settings == SlideSettings(0.25, 900.0, False)
    SessionStore(tmp_path).write(INFO, {"region/a": None, "setting/mpp": None})
    kept = SessionStore(tmp_path).load(INFO)  # deleted now: that of then does not come back
    assert [roi.name for roi in kept.rois] == ["B"] and kept.settings.mpp is None


@pytest.mark.parametrize(
    "kept", ["", "[]", '{"calibration": 5}', '{"calibration": {"mpp": "x", "field_px": -1}}']
)
def test_odd_settings_of_an_earlier_version_count_as_none(tmp_path: Path, kept: str) -> None:
    telling = replace(INFO, levels=(Level(1000, 1000, 1.0, 256, 256),))
    file = save_as_before(tmp_path, telling, (square(0, 0, 5, "A"),))
    file.with_suffix(".json").write_text(kept)
    session = SessionStore(tmp_path).load(telling)
    assert session.settings == SlideSettings() and len(session.rois) == 1


def test_regions_kept_by_an_earlier_version_come_back_for_their_own_image_alone(
    tmp_path: Path,
) -> None:
    """Its quick hash was one for several plain images; the path tells whose the regions are."""
    folder = tmp_path / "sessions"
    mine, other = tmp_path / "mine.bmp", tmp_path / "other.bmp"
    mine.touch()
    other.touch()
    before = replace(INFO, path=str(mine), quick_hash="shared")
    save_as_before(folder, before, (square(0, 0, 5, "A"),), mpp=0.25)
    now = replace(before, quick_hash="whole", former_hash="shared")
    assert names(folder, replace(now, quick_hash="another", path=str(other))) == []
    assert names(folder, now) == ["A"]
    assert SessionStore(folder).load(now).settings.mpp == 0.25


def test_what_was_drawn_before_an_older_session_was_read_joins_it(tmp_path: Path) -> None:
    save_as_before(tmp_path, INFO, (square(0, 0, 5, "old"),), mpp=0.25)
    save(tmp_path, (square(0, 0, 5, "new"),))
    session = SessionStore(tmp_path).load(INFO)
    assert sorted(roi.name for roi in session.rois) == ["new", "old"]
    assert session.settings == SlideSettings(0.25)


def test_damaged_regions_of_an_earlier_version_are_named_and_left(tmp_path: Path) -> None:
    file = save_as_before(tmp_path, INFO, (square(0, 0, 5, "A"), square(9, 9, 5, "B")), mpp=0.25)
    text = file.read_text().replace('"coordinates":[[[9,', '"coordinates":[[["?",')
    file.write_text(text)
    session = SessionStore(tmp_path).load(INFO)
    assert [roi.name for roi in session.rois] == ["A"]
    assert str(file) in session.warning and "feature 2" in session.details
    assert file.read_text() == text
    again = SessionStore(tmp_path).load(INFO)
    assert again.warning == "" and len(again.rois) == 1


def test_a_file_of_an_earlier_version_that_is_no_geojson_costs_the_regions_alone(
    tmp_path: Path,
) -> None:
    file = save_as_before(tmp_path, INFO, (), mpp=0.25)
    file.write_text("{broken")
    session = SessionStore(tmp_path).load(INFO)
    assert session.settings == SlideSettings(0.25) and str(file) in session.warning


def test_an_older_session_that_the_disk_does_not_give_now_is_read_when_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = save_as_before(tmp_path, INFO, (square(0, 0, 5, "old"),), mpp=0.25)
    read = Path.read_bytes

    def fail(self: Path) -> bytes:
        if self == file:
            raise OSError(5, "Input/output error", str(file))
        return read(self)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", fail)
        session = SessionStore(tmp_path).load(INFO)
        assert "Input/output error" in session.warning and "left unchanged" in session.warning
        assert session.settings == SlideSettings(0.25)
        save(tmp_path, (square(0, 0, 5, "new"),))
    assert sorted(names(tmp_path)) == ["new", "old"]


# --- damage
def test_damage_is_told_once_and_a_copy_stays(tmp_path: Path) -> None:
    save(tmp_path, (square(0, 0, 5, "A", "a"), square(9, 9, 5, "B", "b")), SlideSettings(0.25))
    (file,) = tmp_path.glob("*.journal")
    damaged = file.read_bytes().replace(b'"name":"A"', b'"name":"X"')
    file.write_bytes(damaged)
    session = SessionStore(tmp_path).load(INFO)
    assert [roi.name for roi in session.rois] == ["B"] and session.settings.mpp == 0.25
    (copy,) = tmp_path.glob("*unreadable*")
    assert copy.read_bytes() == damaged and str(copy) in session.warning
    session = SessionStore(tmp_path).load(INFO)
    assert session.warning == "" and len(session.rois) == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("file_mpp", "[]"),
        ("file_mpp", '["0.5"]'),
        ("file_mpp", "[{}]"),
        ("file_mpp", "0.5"),
        ("setting/mpp", '"0.5"'),
        ("setting/mpp", "25000"),
        ("setting/mpp", "1" + "0" * 400),
        ("setting/mpp", "9" * 5000),
        ("setting/field_px", "-3"),
        ("setting/icc", "5"),
        ("view", "[NaN, 1, 1]"),
        ("view", "[1, 2, 0]"),
        ("view", "[1e300, 1, 1]"),
        ("view", "[1" + "0" * 400 + ", 1, 1]"),
        ("seen", "[]"),
        ("seen", '{"width": 100, "height": 50, "steps": "eJwDAAAAAAE="}'),
        ("seen", '{"width": 0, "height": 0, "steps": "eJwDAAAAAAE="}'),
        ("region/b", "5"),
        ("region/b", "[" * 50_000),
    ],
)
def test_a_value_that_cannot_be_is_told_and_costs_itself_alone(
    tmp_path: Path, key: str, value: str
) -> None:
    rois = (square(0, 0, 5, "A", "a"), square(9, 9, 5, "B", "b"))
    store = SessionStore(tmp_path)
    kept = {"view": [7, 8, 2], "file_mpp": [INFO.mpp], "seen": SEEN}
    store.write(INFO, {**contents_of(rois, SlideSettings(0.25, 90.0, False)), **kept})
    store.leave()
    (file,) = tmp_path.glob("*.journal")
    file.write_bytes(file.read_bytes() + line_of(key, value.encode()))
    session = SessionStore(tmp_path).load(INFO)
    assert session.warning == ("Part of what was saved for a.svs is damaged and could not be read.")
    own = session.settings
    assert [roi.id for roi in session.rois] == (["a"] if key == "region/b" else ["a", "b"])
    assert own.mpp == (None if key == "setting/mpp" else 0.25)
    assert own.field_px == (None if key == "setting/field_px" else 90.0)
    assert own.icc == (key == "setting/icc")
    assert session.view == (None if key == "view" else (7.0, 8.0, 2.0))
    assert (session.seen is None) == (key == "seen")


def test_what_a_newer_version_has_saved_is_copied_and_said_once(tmp_path: Path) -> None:
    save(tmp_path, (square(0, 0, 5, "A", "a"),))
    (file,) = tmp_path.glob("*.journal")
    head, rest = file.read_bytes().split(b"\n", 1)
    newer = line_of(HEAD, json_of({"format": FORMAT, "version": VERSION + 1, "id": "x"})) + rest
    file.write_bytes(newer)
    session = SessionStore(tmp_path).load(INFO)
    (copy,) = tmp_path.glob("*.newer-*")
    assert copy.read_bytes() == newer and head not in newer
    assert "A newer version of this program has saved a.svs" in session.warning
    assert str(copy) in session.warning and [roi.id for roi in session.rois] == ["a"]
    again = SessionStore(tmp_path).load(INFO)
    assert again.warning == "" and [roi.id for roi in again.rois] == ["a"]


def test_a_record_of_a_later_version_stays(tmp_path: Path) -> None:
    save(tmp_path, (square(0, 0, 5, "A", "a"),))
    store = SessionStore(tmp_path)
    store.write(INFO, {"later/thing": {"x": 1}})
    store.write(INFO, {"region/a": None})
    assert SessionStore(tmp_path).load(INFO).contents == {"later/thing": {"x": 1}}


def test_a_session_can_be_read_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, (square(0, 0, 5, "A"),))

    def refuse(path: object, flags: int, *_: object) -> int:
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr(os, "open", refuse)
    session = SessionStore(tmp_path).load(INFO)
    assert [roi.name for roi in session.rois] == ["A"] and not session.shared
    with pytest.raises(RoiError, match="Read-only file system"):
        save(tmp_path, (square(0, 0, 5, "B"),))


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(RoiError, match="Export them"):
        save(blocked / "sessions")
    assert SessionStore(blocked / "sessions").load(INFO).rois == ()


def test_a_second_window_is_noticed_until_the_first_leaves(tmp_path: Path) -> None:
    first, second = SessionStore(tmp_path), SessionStore(tmp_path)
    assert not first.load(INFO).shared
    assert second.load(INFO).shared
    assert not second.load(replace(INFO, quick_hash="other")).shared
    first.leave()
    assert not second.load(INFO).shared
    second.leave()


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
