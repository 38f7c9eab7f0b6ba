"""A session as a file: whole, checked, and of one slide."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from ssmamba.errors import RoiError
from tests.viewer.fakes import square
from tests.viewer.saving.test_answers import kept
from tests.viewer.state.test_planning import INFO
from viewer.saving.contents import contents_of
from viewer.saving.journal import HEAD
from viewer.saving.records import json_of, line_of
from viewer.saving.session import SessionStore
from viewer.saving.session_file import read_session_file, write_session_file
from viewer.state.settings import SlideSettings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    store = SessionStore(tmp_path / "sessions")
    one = kept("a")
    rois = (square(0, 0, 5, "A", "a"), square(9, 9, 5, "B", "b"))
    store.write(INFO, {**contents_of(rois, SlideSettings(0.25)), one.key: one})
    path = tmp_path / "a.ssmsession"
    write_session_file(path, store.records(INFO), INFO)
    return path


def test_a_session_comes_back_from_its_file(file: Path) -> None:
    found = read_session_file(file)
    assert found.is_of(INFO) and found.slide_name == "a.svs"
    assert not found.is_of(replace(INFO, quick_hash="other"))
    assert [roi.name for roi in found.session.rois] == ["A", "B"]
    assert found.session.settings == SlideSettings(0.25)
    assert [answer.result.roi_id for answer in found.session.answers] == ["a"]
    assert found.session.warning == ""


def test_damage_costs_a_line_and_is_told(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b'"name":"A"', b'"name":"X"'))
    found = read_session_file(file)
    assert [roi.name for roi in found.session.rois] == ["B"] and "damaged" in found.session.warning
    file.write_bytes(whole[: whole.index(b"ssmamba:end") - 9])
    found = read_session_file(file)
    assert len(found.session.rois) == 2 and "damaged" in found.session.warning


@pytest.mark.parametrize("data", [b"", b"\x00" * 100, b'{"type": "FeatureCollection"}\n'])
def test_what_is_no_session_is_one_sentence(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.ssmsession"
    path.write_bytes(data)
    with pytest.raises(RoiError, match="not a session of this program; choose"):
        read_session_file(path)
    with pytest.raises(RoiError, match=os.strerror(errno.ENOENT)):
        read_session_file(tmp_path / "none.ssmsession")


def test_a_file_of_a_newer_version_is_refused(file: Path) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    head = line_of(HEAD, json_of({"format": "ssmamba-session", "version": 99}))
    file.write_bytes(b"".join([head, *lines[1:]]))
    with pytest.raises(RoiError, match="newer version"):
        read_session_file(file)


def test_a_file_that_was_sent_as_text_is_whole(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    found = read_session_file(file)
    assert found.session.warning == "" and len(found.session.rois) == 2


@pytest.mark.parametrize(
    "head",
    [
        {"format": "ssmamba-session", "version": "1"},
        {"format": "ssmamba-session", "version": 0},
        {"format": "ssmamba-session"},
        {"format": "ssmamba-scan", "version": 1},
    ],
)
def test_a_head_of_something_else_is_no_session(file: Path, head: dict) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([line_of(HEAD, json_of(head)), *lines[1:]]))
    with pytest.raises(RoiError, match="not a session of this program; choose"):
        read_session_file(file)


def test_each_reader_has_sessions_of_their_own(tmp_path: Path) -> None:
    first, other = SessionStore(tmp_path), SessionStore(tmp_path, "Dr. Ü/7")
    first.write(INFO, contents_of((square(0, 0, 5, "first"),), SlideSettings()))
    assert other.load(INFO).rois == () and not other.load(INFO).shared
    other.write(INFO, contents_of((square(0, 0, 5, "other"),), SlideSettings()))
    for store, name in (
        (SessionStore(tmp_path), "first"),
        (SessionStore(tmp_path, "Dr. Ü/7"), "other"),
    ):
        assert [roi.name for roi in store.load(INFO).rois] == [name]
