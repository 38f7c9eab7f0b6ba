"""grid.json: the runs of a grid that are done or have failed, across restarts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ssmamba.checkpoints.card import file_sha256, read_card
from ssmamba.errors import CheckpointError, DataError
from ssmamba.files import write_json
from training.ablate.jobs import Job
from training.cli.command import as_yaml
from training.runs.folder import CONFIG_FILE, SPLIT_FILE, is_begun, refuse_other_values

GRID_FILE = "grid.json"


class GridRecord:
    """Results of runs by key: {"status": "done", "seconds": 12.3} or {"status": "failed", "why"}.

    Raises DataError when the file cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / GRID_FILE
        self.runs: dict[str, dict[str, Any]] = {}
        if self.path.is_file():
            try:
                self.runs = json.loads(self.path.read_text(encoding="utf-8"))["runs"]
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise DataError(
                    f"{self.path} cannot be read; delete it (finished runs are then recognised by "
                    "their files) or choose another --out."
                ) from error

    def set(self, job: Job, status: str, **more: Any) -> None:
        self.runs[job.key] = {"status": status, **more}
        self.write()

    def write(self) -> None:
        write_json(self.path, {"runs": self.runs})

    def done(self, job: Job) -> bool:
        return self.runs.get(job.key, {}).get("status") == "done" and job.checkpoint.is_file()

    def why_failed(self, job: Job) -> str:
        return str(self.runs.get(job.key, {}).get("why", ""))

    def seconds(self, job: Job) -> float | None:
        return self.runs.get(job.key, {}).get("seconds")


def refuse_other_grid(job: Job, init: Job | None, split: str) -> None:
    """Raise DataError when a run in the folder had different settings, images or pre-training."""
    if not is_begun(job.folder):
        return
    if job.config is not None:
        refuse_other_values(job.folder / CONFIG_FILE, as_yaml(job.kind, job.config), job.kind)
    before = job.folder / SPLIT_FILE
    if before.is_file() and before.read_text(encoding="utf-8") != split:
        raise DataError(
            f"The images or their split have changed since {job.folder} was run; restore them, "
            "or start a new grid with another --out."
        )
    if init is not None and _starts_from_another(job, init):
        raise DataError(
            f"{job.folder} was started from another pre-training than the one in {init.folder}; "
            f"delete {job.folder} to run it again."
        )


def _starts_from_another(job: Job, init: Job) -> bool:
    if not init.checkpoint.is_file():
        return True
    try:
        return read_card(job.checkpoint).parent_sha256 != file_sha256(init.checkpoint)
    except CheckpointError:
        return False  # it has not written one yet
