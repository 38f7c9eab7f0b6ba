"""A journal keeps every change that it was given, whatever happens to its files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from viewer.saving import journal as journal_module
from viewer.saving.journal import Journal
from viewer.saving.records import json_of, line_of, read_lines


def write(journal: Journal, **values: object) -> None:
    with journal.locked():
        journal.sync()
        journal.append({k: None if v is None else json_of(v) for k, v in values.items()})


def read(folder: Path) -> dict[str, bytes]:
    journal = Journal(folder, "a")
    journal.sync()
    return journal.live


def numbers(values: Mapping[str, bytes]) -> dict[str, int]:
    return {key: int(value) for key, value in values.items()}


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path, "a")


def test_records_come_back_in_any_spelling() -> None:
    key, value = 'region/ü "\ud800\n', json_of({"name": "\ud800é\n", "places": [1.25, 2]})
    found = read_lines(line_of("a b", b"1") + line_of(key.replace("\ud800", ""), value))
    assert found.values == [("a b", b"1"), (key.replace("\ud800", ""), value)]


def test_a_file_that_was_copied_as_text_is_whole() -> None:
    lines = line_of("a", b"1") + line_of("b", b"[2]")
    found = read_lines(b"\xef\xbb\xbf" + lines.replace(b"\n", b"\r\n"))
    assert found.values == [("a", b"1"), ("b", b"[2]")] and not found.damaged


def test_every_change_is_in_the_journal_and_the_last_of_a_key_counts(
    journal: Journal, tmp_path: Path
) -> None:
    write(journal, a=1, b=2)
    write(journal, a=3)
    write(journal, b=None, c=4)
    assert numbers(read(tmp_path)) == {"a": 3, "c": 4}


@pytest.mark.parametrize("cut", range(1, 24))
def test_a_torn_last_record_costs_itself_alone(journal: Journal, tmp_path: Path, cut: int) -> None:
    write(journal, a=1)
    before = (tmp_path / "a.journal").stat().st_size
    write(journal, last="x" * 15)
    file = tmp_path / "a.journal"
    os.truncate(file, max(file.stat().st_size - cut, before))
    assert numbers(read(tmp_path)) == {"a": 1}
    again = Journal(tmp_path, "a")
    write(again, b=2)
    assert numbers(read(tmp_path)) == {"a": 1, "b": 2} and again.damage == []


def test_a_damaged_record_in_the_middle_costs_itself_alone_and_a_copy_stays(
    journal: Journal, tmp_path: Path
) -> None:
    write(journal, a=1, b=2, c=3)
    file = tmp_path / "a.journal"
    damaged = file.read_bytes().replace(b" b 2", b" b 7")
    file.write_bytes(damaged)
    again = Journal(tmp_path, "a")
    again.sync()
    assert numbers(again.live) == {"a": 1, "c": 3}
    (copy,) = again.damage
    assert Path(copy).read_bytes() == damaged


def test_changes_made_together_are_there_together_or_not_at_all(
    journal: Journal, tmp_path: Path
) -> None:
    """Wherever a crash has cut what was written."""
    write(journal, a=1, b=2)
    file = tmp_path / "a.journal"
    start = file.stat().st_size
    write(journal, a=None, b=3, c=4)
    whole = file.read_bytes()
    for cut in range(start, len(whole)):
        file.write_bytes(whole[:cut])
        again = Journal(tmp_path, "a")
        again.sync()
        assert numbers(again.live) == {"a": 1, "b": 2} and again.damage == []
    write(again, d=5)
    write(again, a=6, d=7)
    assert numbers(read(tmp_path)) == {"a": 6, "b": 2, "d": 7}


def test_a_damaged_line_among_changes_made_together_costs_itself_alone(
    journal: Journal, tmp_path: Path
) -> None:
    write(journal, a=1, b=2, c=3)
    file = tmp_path / "a.journal"
    for key, left in ((b" b 2", {"a": 1, "c": 3}), (b"batch 3", {"a": 1, "b": 2, "c": 3})):
        file.write_bytes(file.read_bytes().replace(key, key[:-1] + b"9"))
        assert numbers(read(tmp_path)) == left
        file.write_bytes(file.read_bytes().replace(key[:-1] + b"9", key))


def test_a_large_change_is_written_in_blocks(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "BLOCK_BYTES", 100)
    values = {f"k{number}": number for number in range(50)}
    write(journal, **values)
    write(journal, k3=None)
    del values["k3"]
    assert numbers(read(tmp_path)) == values


@pytest.mark.parametrize("kept", [b"\0" * 90, b"hello\nworld\n", b"\xff\xfe1\x002\x00"])
def test_what_is_no_journal_at_all_is_copied_before_it_is_written_over(
    tmp_path: Path, kept: bytes
) -> None:
    (tmp_path / "a.journal").write_bytes(kept)
    journal = Journal(tmp_path, "a")
    write(journal, a=1)
    (copy,) = tmp_path.glob("a.journal.unreadable-*")
    assert copy.read_bytes() == kept and numbers(read(tmp_path)) == {"a": 1}


def fold(journal: Journal, **values: object) -> None:
    write(journal, **values)
    with journal.locked():
        journal.sync()
        journal.fold()


def test_a_folded_journal_says_the_same(journal: Journal, tmp_path: Path) -> None:
    fold(journal, a=1, b=2)
    assert len(read_lines((tmp_path / "a.journal").read_bytes()).values) == 1  # its head
    write(journal, b=None, c=3)
    assert numbers(read(tmp_path)) == numbers(journal.live) == {"a": 1, "c": 3}
    fold(journal, d=4)
    write(journal, a=None)
    assert numbers(read(tmp_path)) == {"c": 3, "d": 4}


def test_a_long_journal_is_folded_by_itself(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "FOLD_BYTES", 2000)
    for number in range(300):
        write(journal, last=number, **{f"k{number % 7}": number})
    assert (tmp_path / "a.journal").stat().st_size < 4000
    assert len(read(tmp_path)) == 8 and numbers(read(tmp_path))["last"] == 299


@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "bit", "garbage"])
def test_a_damaged_snapshot_is_made_good_from_its_backup(
    journal: Journal, tmp_path: Path, damage: str
) -> None:
    fold(journal, a=1, b=2, gone=3)
    write(journal, gone=None, c=4)
    fold(journal, d=5)
    write(journal, b=None, e=6)
    snapshot = tmp_path / "a.session"
    data = snapshot.read_bytes()
    if damage == "gone":
        snapshot.unlink()
    else:
        middle = len(data) // 2
        bit = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        snapshot.write_bytes({"empty": b"", "cut": data[:middle], "bit": bit}.get(damage, b"x\n"))
    again = Journal(tmp_path, "a")
    again.sync()
    assert numbers(again.live) == {"a": 1, "c": 4, "d": 5, "e": 6}
    assert len(again.damage) == (damage != "gone")


def test_a_crash_between_any_two_steps_of_folding_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each rename, opening and sync fails in turn, as if the process had ended there."""

    class Crash(BaseException):
        pass

    for step in range(40):
        folder = tmp_path / str(step)
        journal = Journal(folder, "a")
        fold(journal, a=1, b=2)
        write(journal, b=None, c=3)
        left = [step]

        def or_crash(real, left=left):
            def run(*args, **options):
                if left[0] == 0:
                    raise Crash
                left[0] -= 1
                return real(*args, **options)

            return run

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", or_crash(Path.replace))
            patch.setattr(os, "fsync", or_crash(os.fsync))
            patch.setattr(Path, "open", or_crash(Path.open))
            try:
                with journal.locked():
                    journal.fold()
                done = True
            except Crash:
                done = False
        assert numbers(read(folder)) == {"a": 1, "c": 3}, step
        write(Journal(folder, "a"), d=4)
        assert numbers(read(folder)) == {"a": 1, "c": 3, "d": 4}, step
        if done:
            break
    assert step > 4


def test_a_full_disk_leaves_no_half_record(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(journal, a=1)
    size = (tmp_path / "a.journal").stat().st_size
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", _full)
        with pytest.raises(OSError, match="No space"):
            write(journal, b=2)
    assert (tmp_path / "a.journal").stat().st_size == size
    write(journal, c=3)
    assert numbers(read(tmp_path)) == {"a": 1, "c": 3}


def _full(_: int) -> None:
    raise OSError(28, "No space left on device")


def test_two_read_what_the_other_wrote(tmp_path: Path) -> None:
    ours, theirs = Journal(tmp_path, "a"), Journal(tmp_path, "a")
    write(ours, a=1)
    write(theirs, b=2)
    with ours.locked():
        assert ours.sync() == {"b": b"2"}
        ours.append({"a": None})
        ours.fold()
    with theirs.locked():
        assert theirs.sync() == {"a": None}
    assert numbers(theirs.live) == numbers(ours.live) == {"b": 2}


def test_files_that_are_gone_are_not_taken_for_deletions(journal: Journal, tmp_path: Path) -> None:
    write(journal, a=1)
    for file in tmp_path.iterdir():
        file.unlink()
    with journal.locked():
        assert journal.sync() == {}
        journal.append({"b": b"2"})
    assert numbers(read(tmp_path)) == {"a": 1, "b": 2}


def test_a_snapshot_that_the_disk_does_not_give_now_is_kept_and_joined(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fold(journal, old=1)
    (tmp_path / "a.journal.old").unlink()  # from which it would be made good
    snapshot, real = tmp_path / "a.session", Path.read_bytes

    def fail(self: Path) -> bytes:
        if self == snapshot:
            raise OSError(5, "Input/output error")
        return real(self)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", fail)
        again = Journal(tmp_path, "a")
        write(again, new=2)
        assert "Input/output" in again.unread and numbers(again.live) == {"new": 2}
        with again.locked():
            again.fold()  # not now
        write(journal, newer=3)
        assert numbers(journal.live) == {"old": 1, "new": 2, "newer": 3}
    with again.locked():
        assert again.sync() == {"old": b"1", "newer": b"3"}
