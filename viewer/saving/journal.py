"""What is kept of one thing: a snapshot and an append-only journal beside it.

A change is one line at the end of the journal, on disk when ``append`` returns; those made together
are there together or not at all, also after a crash. Several processes may write to one journal:
each reads what the others wrote before it writes. A long journal is folded into a new snapshot,
which is complete before it takes the old one's place; that one stays as a backup, with the journal
that leads from it to the new one. A crash between any two steps, or a damaged snapshot, loses
nothing: replaying records that a snapshot already has changes nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from ssmamba.files import written_whole
from ssmamba.locks import FileLock
from viewer.saving.records import (
    BATCH,
    GONE,
    Records,
    json_of,
    line_of,
    read_journal,
    read_lines,
)
from viewer.saving.turns import in_turns
from viewer.text.tr import tr

FORMAT = "ssmamba-session"
VERSION = 1
HEAD, END = "ssmamba:head", "ssmamba:end"  # keys of the first and the last line
FOLD_BYTES = 256 * 1024  # a journal is folded when it is longer than this and than its snapshot
LOCK_WAIT_S = 20.0
BLOCK_BYTES = 2**20  # written at a time: a join of 100 MB would hold up the window
Changes = Mapping[str, bytes | None]  # JSON by key; None = gone


class Journal:
    """The files ``NAME.session``, ``NAME.journal``, their ``.old`` predecessors and ``NAME.lock``.

    ``live`` is what they say, as far as this object has read them. Not safe from several threads.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.live: dict[str, bytes] = {}
        self.damage: list[str] = []  # paths of copies of damaged files, since the last ``sync``
        self.newer: list[str] = []  # the same of files of a newer version
        self._folder = folder
        self._snapshot = folder / f"{name}.session"
        self._journal = folder / f"{name}.journal"
        self._lock = FileLock(folder / f"{name}.lock")
        self._id = ""  # of the journal that was read, from its head
        self._read_to = 0  # bytes of it
        self._complete = False  # whether everything there has been read
        self.unread = ""  # why the snapshot could not be read from the disk

    @property
    def exists(self) -> bool:
        """Whether any of the files is there."""
        files = (self._snapshot, self._journal)
        return any(path.exists() for file in files for path in (file, _old(file)))

    def stamp(self) -> tuple[int, int, int] | None:
        """Changes when the journal does; None without one."""
        try:
            found = self._journal.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self._lock.take(LOCK_WAIT_S):
            raise OSError(None, tr("another program is using the file"))
        try:
            yield
        finally:
            self._lock.free()

    def sync(self) -> dict[str, bytes | None]:
        """Read what others have written; returns what that changes. While locked. Raises OSError.

        A snapshot that the disk does not give now counts for nothing, and is left alone.
        """
        self.damage, self.newer = [], []
        new = self._new_records() if self._complete else None
        if new is None and self.live and not self.exists:
            self.fold()  # the files were moved away; nobody has deleted what they said
            return {}
        if new is None:
            before, self.live = self.live, self._read_all()
            return _difference(before, self.live, before.keys() | self.live.keys())
        before = {key: self.live[key] for key, _ in new if key in self.live}
        _play(self.live, new)
        return _difference(before, self.live, {key for key, _ in new})

    def append(self, changes: Changes) -> None:
        """Write changes to the disk. While locked and after ``sync``. Raises OSError."""
        if not changes:
            return
        lines = (line_of(k, GONE if v is None else v) for k, v in changes.items())
        mark = [line_of(BATCH, json_of(len(changes)))] if len(changes) > 1 else []
        self._write(chain(mark, lines))
        for key, value in changes.items():
            if value is None:
                self.live.pop(key, None)
            else:
                self.live[key] = value
        with contextlib.suppress(OSError):  # everything is on disk already
            self._fold_when_long()

    # --- reading
    def _new_records(self) -> list[tuple[str, bytes]] | None:
        """What was appended since this object last read; None when it must read everything."""
        try:
            with self._journal.open("rb") as file:
                if not self._id or _id_of(read_lines(file.readline())) != self._id:
                    return None
                file.seek(self._read_to)
                found = read_journal(file.read())
        except FileNotFoundError:
            return None
        if found.damaged:
            self.damage.append(_copied(self._journal))
        self._read_to += found.end
        return found.values

    def _read_all(self) -> dict[str, bytes]:
        live: dict[str, bytes] = {}
        self.unread = ""
        try:
            snapshot = _read(self._snapshot)
        except OSError as error:
            self.unread = error.strerror or str(error)
            live, snapshot = dict(self.live), None  # what is missing now has not been deleted
        if snapshot is None or not _is_whole(snapshot):
            for path in (_old(self._snapshot), _old(self._journal)):
                with contextlib.suppress(OSError):
                    _play(live, (_read(path, read_journal) or Records()).values)
            if snapshot is not None:
                self.damage.append(_copied(self._snapshot))
        _play(live, (snapshot or Records()).values)
        journal = _read(self._journal, read_journal) or Records()
        _play(live, journal.values)
        self._id, self._read_to = _id_of(journal), journal.end
        self._complete = not self.unread
        if journal.damaged:
            self.damage.append(_copied(self._journal))
        for path, found in ((self._snapshot, snapshot), (self._journal, journal)):
            if found is not None and _is_newer(found):
                self.newer.append(_copied(path, "newer"))
        return live

    # --- writing
    def _write(self, lines: Iterable[bytes]) -> None:
        """Append to the journal, after cutting off what a crash has torn."""
        start = end = self._read_to
        made = self._id
        if start == 0:
            made = uuid.uuid4().hex
            head = {"format": FORMAT, "version": VERSION, "id": made}
            lines = chain([line_of(HEAD, json_of(head))], lines)
        handle = os.open(self._journal, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        with os.fdopen(handle, "r+b", buffering=0) as file:
            try:
                file.truncate(start)
                file.seek(start)
                for block in _blocks(lines):
                    rest = memoryview(block)
                    while rest:
                        rest = rest[file.write(rest) :]
                    end += len(block)
                os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):  # half of it must not be taken for all
                    file.truncate(start)
                raise
        self._id, self._read_to = made, end

    def _fold_when_long(self) -> None:
        size = self._snapshot.stat().st_size if self._snapshot.exists() else 0
        if self._read_to > max(FOLD_BYTES, size):
            self.fold()

    def fold(self) -> None:
        """Make a new snapshot and begin a new journal. While locked. Raises OSError."""
        if not self._complete:
            return  # the snapshot may have more than could be read
        with written_whole(self._snapshot) as partial:
            with partial.open("wb") as file:
                file.writelines(in_turns(snapshot_lines(self.live)))
                file.flush()
                os.fsync(file.fileno())
            if self._snapshot.exists():
                self._snapshot.replace(_old(self._snapshot))
        _sync_folder(self._folder)  # the journal must not go before the snapshot is there
        if self._journal.exists():
            self._journal.replace(_old(self._journal))
        self._id, self._read_to = "", 0
        self._write(())


def _blocks(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines joined to blocks of about BLOCK_BYTES."""
    block, size = [], 0
    for line in in_turns(lines):
        block.append(line)
        size += len(line)
        if size >= BLOCK_BYTES:
            yield b"".join(block)
            block, size = [], 0
    yield b"".join(block)


def snapshot_lines(live: Mapping[str, bytes]) -> Iterator[bytes]:
    """The lines of a snapshot, with a head and an end that says how many there are."""
    yield line_of(HEAD, json_of({"format": FORMAT, "version": VERSION}))
    for key, value in live.items():
        yield line_of(key, value)
    yield line_of(END, json_of(len(live)))


def _is_whole(found: Records) -> bool:
    """Whether a snapshot has all of its lines."""
    if found.damaged or len(found.values) < 2:
        return False
    (first, _), (last, count) = found.values[0], found.values[-1]
    return first == HEAD and last == END and count == json_of(len(found.values) - 2)


def _play(live: dict[str, bytes], records: list[tuple[str, bytes]]) -> None:
    for key, value in records:
        if key in (HEAD, END):
            continue
        if value == GONE:
            live.pop(key, None)
        else:
            live[key] = value


def _difference(
    before: Mapping[str, bytes], after: Mapping[str, bytes], keys: set[str]
) -> dict[str, bytes | None]:
    return {key: after.get(key) for key in keys if before.get(key) != after.get(key)}


def _read(path: Path, read: Callable[[bytes], Records] = read_lines) -> Records | None:
    """A file's records; None without one. Raises OSError."""
    try:
        return read(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None


def _id_of(journal: Records) -> str:
    """What tells a journal from the one that took its place; "" for a damaged head."""
    for key, value in journal.values[:1]:
        with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
            return str(json.loads(value)["id"]) if key == HEAD else ""
    return ""


def _is_newer(found: Records) -> bool:
    """Whether a later version of the program has written a file."""
    for key, value in found.values[:1]:
        with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
            return key == HEAD and json.loads(value)["version"] > VERSION
    return False


def _sync_folder(folder: Path) -> None:
    """Put renamed files on the disk in this order, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _old(path: Path) -> Path:
    return path.with_name(f"{path.name}.old")


def _copied(path: Path, why: str = "unreadable") -> str:
    """Copy a file, named by its content; returns the copy's path, or its own on failure."""
    try:
        data = path.read_bytes()
        copy = path.with_name(f"{path.name}.{why}-{hashlib.sha256(data).hexdigest()[:8]}")
        copy.write_bytes(data)
    except OSError:
        return str(path)
    return str(copy)
