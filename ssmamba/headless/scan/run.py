"""All slides of a request, and the table that accounts for each of them."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

from ssmamba.checkpoints.card import read_card, require_classes
from ssmamba.errors import DataError
from ssmamba.files import read_json, refuse_unwritable
from ssmamba.headless.over_slides import Say, SlideRun
from ssmamba.headless.scan.cohort import Entry, slides_of
from ssmamba.headless.scan.preflight import preflight
from ssmamba.headless.scan.request import ScanRequest, keep_settings, settings_of
from ssmamba.headless.scan.share import Share, device_for, share_of
from ssmamba.headless.scan.table import DONE, State, write_table
from ssmamba.headless.scan.worker import SUMMARY_FILE, Worker, is_done
from ssmamba.headless.tissue_files import TissueFiles
from ssmamba.lock import locked_folder, refuse_locked


def scan(request: ScanRequest) -> list[str]:
    """Do all of a request; returns a sentence for each slide that has no results.

    Raises SSMambaError for what makes the whole request impossible, before any slide is read.
    """
    card = require_classes(read_card(request.model), request.model)
    entries = slides_of(request.inputs)
    corrections = TissueFiles(request.tissue)
    corrections.refuse_unfit(entries)
    if request.preflight:
        return preflight(entries, card.input, request.options, corrections)
    share = share_of()
    _make(request.out)
    refuse_unwritable(request.out)
    with ExitStack() as held:
        if share.is_shared:
            refuse_locked(request.out)
        else:
            held.enter_context(locked_folder(request.out))
        work = _Work(request, share)
        missing = SlideRun(entries, work, share).all()
        states = [work.state(entry, missing.get(entry.name, "")) for entry in entries]
        write_table(request.out, states, card)
    done = len(entries) - len(missing)
    print(f"{done} of {len(entries)} slides are in {request.out}.", file=sys.stderr)
    return list(missing.values())


class _Work:
    """A model that reads each slide into a folder of its own."""

    def __init__(self, request: ScanRequest, share: Share) -> None:
        from ssmamba.inference.predictor import Predictor
        from ssmamba.runtime.device import choose_device

        self.request = request
        device = choose_device(device_for(request.device, share))
        part = f", process {share.rank + 1} of {share.count}" if share.is_shared else ""
        print(f"Device: {device.label}, {device.reason}{part}.", file=sys.stderr)
        predictor = Predictor(request.model, device, graphs=True)
        self.worker = Worker(request, predictor)
        sha256 = predictor.checkpoint.sha256
        keep_settings(request.out, settings_of(request, sha256, self.worker.batch))

    def folder(self, entry: Entry) -> Path:
        return self.request.out / entry.name

    def is_done(self, entry: Entry) -> bool:
        correction = TissueFiles(self.request.tissue).key(entry)
        return is_done(entry, self.folder(entry), self.request.options, correction)

    def read(self, entry: Entry, say: Say) -> None:
        self.worker.read(entry, self.folder(entry), say)

    def state(self, entry: Entry, why: str) -> State:
        summary = read_json(self.folder(entry) / SUMMARY_FILE)
        if why or not isinstance(summary, dict):
            return State(entry, "missing", why)
        return State(entry, DONE, "", summary)


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"Could not create the folder {out} ({error.strerror}); choose another with --out."
        ) from error
