"""Features of all slides of a request, and the table that accounts for each of them."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from ssmamba.errors import InputError
from ssmamba.features.encoders import open_encoder, spec_of
from ssmamba.features.wsidata import require_spatialdata
from ssmamba.files import read_json, refuse_unwritable, unwritten, written_whole
from ssmamba.headless.extract.request import ExtractRequest, folder_of, keep_settings
from ssmamba.headless.extract.worker import STATE_FILE, Extraction
from ssmamba.headless.over_slides import SlideRun
from ssmamba.headless.scan.cohort import Entry, slides_of
from ssmamba.headless.scan.preflight import preflight
from ssmamba.headless.scan.share import device_for, share_of
from ssmamba.headless.tissue_files import TissueFiles
from ssmamba.lock import locked_folder, refuse_locked
from ssmamba.runtime.device import choose_device

TABLE = "slides.csv"
COLUMNS = ("slide", "patient", "features", "tiles", "dimension", "reason")


def extract(request: ExtractRequest) -> list[str]:
    """Do all of a request; returns a sentence for each slide that has no features.

    Raises SSMambaError for what makes the whole request impossible, before any slide is read.
    """
    spec = spec_of(request.encoder, request.target_mpp, request.patch_px)
    if spec.known_mpp is None and request.options.field_px is None:
        raise InputError(
            f"{request.encoder} does not say its µm/px; give that of a tile with --target-mpp (0.5 "
            "is about 20×), or the side of one with --field-px."
        )
    if request.format == "spatialdata" and not request.preflight:
        require_spatialdata()
    entries = slides_of(request.inputs)
    corrections = TissueFiles(request.tissue)
    corrections.refuse_unfit(entries)
    if request.preflight:
        return preflight(entries, spec, request.options, corrections)
    share = share_of()
    refuse_unwritable(request.out)
    device = choose_device(device_for(request.device, share))
    encoder = open_encoder(
        request.encoder, device, request.target_mpp, request.patch_px, request.batch
    )
    folder = folder_of(request.out, encoder.name, encoder.spec, request.options.overlap)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritten(folder, error) from error
    part = f", process {share.rank + 1} of {share.count}" if share.is_shared else ""
    print(f"Device: {device.label}, {device.reason}{part}.", file=sys.stderr)
    with ExitStack() as held:
        if share.is_shared:
            refuse_locked(folder)
        else:
            held.enter_context(locked_folder(folder))
        keep_settings(folder, request, encoder.spec, encoder.sha256)
        work = Extraction(request, encoder, folder)
        missing = SlideRun(entries, work, share).all()
        _write_table(folder / TABLE, entries, work, missing)
    done = len(entries) - len(missing)
    print(f"{done} of {len(entries)} slides have features in {folder}.", file=sys.stderr)
    return list(missing.values())


def _write_table(
    path: Path, entries: Sequence[Entry], work: Extraction, missing: Mapping[str, str]
) -> None:
    """A row for each slide, also for those without features. Raises DataError."""
    try:
        with (
            written_whole(path) as partial,
            partial.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for entry in entries:
                why = missing.get(entry.name, "")
                state = {} if why else read_json(work.folder(entry) / STATE_FILE) or {}
                name = "" if why else work.file(entry).name
                counts = [state.get(key, "") for key in ("tiles", "dimension")]
                writer.writerow([str(entry.path), entry.patient, name, *counts, why])
    except OSError as error:
        raise unwritten(path, error) from error
