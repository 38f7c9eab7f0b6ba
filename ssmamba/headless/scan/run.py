"""All slides of a run: shared out by locks, one failure never in the way of the others."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from ssmamba.checkpoints.card import Card, read_card, require_classes
from ssmamba.errors import DataError, explain_failure
from ssmamba.files import read_json, refuse_unwritable, write_json
from ssmamba.headless.scan.cohort import Entry, slides_of
from ssmamba.headless.scan.preflight import preflight
from ssmamba.headless.scan.request import ScanRequest, keep_settings, settings_of
from ssmamba.headless.scan.share import Share, device_for, share_of
from ssmamba.headless.scan.table import DONE, State, write_table
from ssmamba.headless.scan.worker import FAILURE_FILE, SUMMARY_FILE, Worker, is_done
from ssmamba.lock import FolderBusy, locked_folder, refuse_locked

WAIT_S = 1.0  # before the slides that other processes hold are looked at again
BUSY = "{}: another process is reading it; start again when that has ended."


def scan(request: ScanRequest) -> list[str]:
    """Do all of a request; returns a sentence for each slide that has no results.

    Raises SSMambaError for what makes the whole request impossible, before any slide is read.
    """
    card = require_classes(read_card(request.model), request.model)
    entries = slides_of(request.inputs)
    if request.preflight:
        return preflight(entries, card.input, request.options)
    share = share_of()
    _make(request.out)
    refuse_unwritable(request.out)
    with ExitStack() as held:
        if share.is_shared:
            refuse_locked(request.out)
        else:
            held.enter_context(locked_folder(request.out))
        return _Run(request, entries, card, share).all()


class _Run:
    def __init__(
        self, request: ScanRequest, entries: Sequence[Entry], card: Card, share: Share
    ) -> None:
        from ssmamba.inference.predictor import Predictor
        from ssmamba.runtime.device import choose_device

        self.request, self.entries, self.card, self.share = request, entries, card, share
        self.began = time.time()
        self._failed: dict[str, str] = {}  # in this process, by name: why
        device = choose_device(device_for(request.device, share))
        part = f", process {share.rank + 1} of {share.count}" if share.is_shared else ""
        print(f"Device: {device.label}, {device.reason}{part}.", file=sys.stderr)
        predictor = Predictor(request.model, device, graphs=True)
        self.worker = Worker(request, predictor)
        sha256 = predictor.checkpoint.sha256
        keep_settings(request.out, settings_of(request, sha256, self.worker.batch))

    def all(self) -> list[str]:
        """Read every slide that nobody else reads; those that others hold are waited for."""
        count = len(self.entries)
        first = self.share.rank * count // self.share.count
        left = [*self.entries[first:], *self.entries[:first]]
        while left:
            busy = [entry for entry in left if not self._tried(entry)]
            if busy and (not self.share.is_shared):
                break
            if len(busy) == len(left):
                time.sleep(WAIT_S)
            left = busy
        states = [self._state(entry) for entry in self.entries]
        write_table(self.request.out, states, self.card)
        done = sum(state.status == DONE for state in states)
        print(f"{done} of {count} slides are in {self.request.out}.", file=sys.stderr)
        return [state.reason for state in states if state.status != DONE]

    def _tried(self, entry: Entry) -> bool:
        """Read a slide unless that is done; False while another process has it."""
        folder = self.request.out / entry.name
        try:
            if not self._is_over(entry, folder):
                with locked_folder(folder, 0.0):
                    if not self._is_over(entry, folder):
                        self._read(entry, folder)
        except FolderBusy:
            return False
        except Exception as error:  # one slide's failure must not lose the others
            self._failed[entry.name] = explain_failure(error)
        return True

    def _read(self, entry: Entry, folder: Path) -> None:
        """Read a slide; why that failed is kept in its folder, for the other processes too."""

        def say(text: str) -> None:
            print(f"{entry.path.name}: {text}", file=sys.stderr)

        try:
            self.worker.read(entry, folder, say)
        except Exception as error:
            reason = explain_failure(error)
            print(reason, file=sys.stderr)
            self._failed[entry.name] = reason
            with suppress(OSError):
                write_json(folder / FAILURE_FILE, {"slide": str(entry.path), "reason": reason})

    def _is_over(self, entry: Entry, folder: Path) -> bool:
        """Whether it is done, or has failed in this run, here or in a process that shares it."""
        if entry.name in self._failed or is_done(entry, folder, self.request.options):
            return True
        try:
            return self.share.is_shared and (folder / FAILURE_FILE).stat().st_mtime >= self.began
        except OSError:
            return False

    def _state(self, entry: Entry) -> State:
        folder = self.request.out / entry.name
        summary, failure = read_json(folder / SUMMARY_FILE), read_json(folder / FAILURE_FILE)
        if isinstance(summary, dict) and entry.name not in self._failed:
            return State(entry, DONE, "", summary)
        reason = self._failed.get(entry.name, "")
        if isinstance(failure, dict) and not reason:
            reason = str(failure.get("reason", ""))
        return State(entry, "missing", reason or BUSY.format(entry.path.name))


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"Could not create the folder {out} ({error.strerror}); choose another with --out."
        ) from error
