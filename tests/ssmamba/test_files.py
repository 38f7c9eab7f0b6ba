"""What is written appears whole or not at all."""

import errno
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from ssmamba.errors import DataError
from ssmamba.files import (
    LONGEST_NAME,
    copy_file,
    keep_json,
    read_json,
    refuse_unwritable,
    remove_partials,
    short_name,
    write_first_json,
    write_text,
    written_whole,
)


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_text("old")
    with written_whole(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_alone(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "kept.json"
    path.write_text("old")
    with pytest.raises(error), written_whole(path) as partial:
        partial.write_text("ne")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_long_texts_become_names_that_fit_and_differ() -> None:
    assert short_name("Region 1") == "Region 1"
    for text in ("a" * 300, "ä" * 300, "染" * 300):
        left, right = short_name(f"{text} left"), short_name(f"{text} right")
        assert left != right and left == short_name(f"{text} left")
        assert 140 < len(left.encode()) <= LONGEST_NAME and left.startswith(text[:40])


def test_a_file_of_the_longest_name_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    with written_whole(path) as partial:
        partial.write_text("whole")
    assert path.read_text() == "whole" and list(tmp_path.iterdir()) == [path]


def test_an_unchanged_text_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "kept.csv"
    write_text(path, "ä,b\n")
    before = path.stat()
    write_text(path, "ä,b\n")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    write_text(path, "a,b\n")
    copy_file(path, tmp_path / "copy.csv")
    assert (tmp_path / "copy.csv").read_text() == "a,b\n"


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    stays = [".hidden.partial", "a.0123abcd.partial", ".lock", ".x.0123abcd.partial.txt"]
    for name in (*stays, ".state.pt.0123abcd.partial", ".x.89abcdef.partial"):
        (tmp_path / name).touch()
    (tmp_path / ".folder.0123abcd.partial").mkdir()
    remove_partials(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {*stays, ".folder.0123abcd.partial"}


def test_a_place_that_cannot_be_written_is_known_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    refuse_unwritable(tmp_path)
    refuse_unwritable(tmp_path / "new" / "deep" / "r.json")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    with pytest.raises(DataError, match=r"file cannot be written \(Not a directory\); choose"):
        refuse_unwritable(tmp_path / "file" / "r.json")

    def refuse(self: Path, data: bytes) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", refuse)
        with pytest.raises(DataError, match="Read-only file system"):
            refuse_unwritable(tmp_path / "r.json")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    refuse_unwritable(tmp_path, needed=100)
    with pytest.raises(DataError, match="free some space on the disk, or choose another --out"):
        refuse_unwritable(tmp_path, needed=101)


def test_results_that_cannot_be_written_are_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(DataError, match=r"No space left .* the results are printed instead"):
        keep_json(tmp_path / "r.json", {"n": [1, 2]})
    assert json.loads(capsys.readouterr().out) == {"n": [1, 2]}


def test_what_a_killed_process_left_of_a_shared_file_goes_and_processes_that_begin_together_agree(
    tmp_path: Path,
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    (tmp_path / ".settings.json.0123abcd.partial").write_text("{")
    (tmp_path / ".other.json.0123abcd.partial").write_text("{")
    path = tmp_path / "settings.json"
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(write_first_json, path, {"a": 1}) for _ in range(40)]
    assert all(future.exception() is None for future in done)
    assert read_json(path) == {"a": 1}
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        ".other.json.0123abcd.partial",
        "settings.json",
    ]
