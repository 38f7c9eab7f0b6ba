"""All slides of a run: shared out by locks, one failure never in the way of the others."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from ssmamba.errors import explain_failure
from ssmamba.files import read_json, write_json
from ssmamba.headless.scan.cohort import Entry
from ssmamba.headless.scan.share import Share
from ssmamba.lock import FolderBusy, locked_folder

FAILURE_FILE = "failed.json"
WAIT_S = 1.0  # before the slides that other processes hold are looked at again
BUSY = "{}: another process is reading it; start again when that has ended."
Say = Callable[[str], None]


class SlideWork(Protocol):
    """What is done with each slide."""

    def folder(self, entry: Entry) -> Path:
        """Where the slide's lock and state are."""

    def is_done(self, entry: Entry) -> bool:
        """Whether the results of a slide are there."""

    def read(self, entry: Entry, say: Say) -> None:
        """Make the results of a slide; the lock of its folder is held."""


class SlideRun:
    """A process's part of a run."""

    def __init__(self, entries: Sequence[Entry], work: SlideWork, share: Share) -> None:
        self.entries, self.work, self.share = entries, work, share
        self.began = time.time()
        self._failed: dict[str, str] = {}  # in this process, by name: why

    def all(self) -> dict[str, str]:
        """Read every slide that nobody else reads; those that others hold are waited for.

        Returns {name: why} of the slides that have no results.
        """
        count = len(self.entries)
        first = self.share.rank * count // self.share.count
        left = [*self.entries[first:], *self.entries[:first]]
        while left:
            busy = [entry for entry in left if not self._tried(entry)]
            if busy and not self.share.is_shared:
                break
            if len(busy) == len(left):
                time.sleep(WAIT_S)
            left = busy
        reasons = {entry.name: self._reason(entry) for entry in self.entries}
        return {name: why for name, why in reasons.items() if why}

    def _tried(self, entry: Entry) -> bool:
        """Read a slide unless that is done; False while another process has it."""
        try:
            if not self._is_over(entry):
                with locked_folder(self.work.folder(entry), 0.0):
                    if not self._is_over(entry):
                        self._read(entry)
        except FolderBusy:
            return False
        except Exception as error:  # one slide's failure must not lose the others
            self._failed[entry.name] = explain_failure(error)
        return True

    def _read(self, entry: Entry) -> None:
        """Read a slide; why that failed is kept in its folder, for the other processes too."""
        failure = self.work.folder(entry) / FAILURE_FILE

        def say(text: str) -> None:
            print(f"{entry.path.name}: {text}", file=sys.stderr)

        try:
            self.work.read(entry, say)
            failure.unlink(missing_ok=True)
        except Exception as error:
            reason = explain_failure(error)
            print(reason, file=sys.stderr)
            self._failed[entry.name] = reason
            with suppress(OSError):
                write_json(failure, {"slide": str(entry.path), "reason": reason})

    def _is_over(self, entry: Entry) -> bool:
        """Whether it is done, or has failed in this run, here or in a process that shares it."""
        if entry.name in self._failed or self.work.is_done(entry):
            return True
        try:
            changed = (self.work.folder(entry) / FAILURE_FILE).stat().st_mtime
        except OSError:
            return False
        return self.share.is_shared and changed >= self.began

    def _reason(self, entry: Entry) -> str:
        """Why a slide has no results; "" where it has."""
        if entry.name in self._failed:
            return self._failed[entry.name]
        if self.work.is_done(entry):
            return ""
        failure = read_json(self.work.folder(entry) / FAILURE_FILE)
        reason = str(failure.get("reason", "")) if isinstance(failure, dict) else ""
        return reason or BUSY.format(entry.path.name)
