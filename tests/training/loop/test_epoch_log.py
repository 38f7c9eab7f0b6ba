"""log.jsonl after a run that was killed."""

from __future__ import annotations

import json
from pathlib import Path

from training.loop.epoch_log import append_epoch, forget_epochs_after


def epochs(path: Path) -> list[tuple[float, int]]:
    records = [json.loads(line) for line in path.read_text().splitlines()]
    return [(record["peak_lr"], record["epoch"]) for record in records]


def test_epochs_that_will_be_trained_again_are_dropped(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    forget_epochs_after(log, 0.1, 0)  # there is none yet
    for lr, epoch in ((0.1, 1), (0.1, 2), (0.1, 3), (0.2, 1), (0.2, 2)):
        append_epoch(log, {"peak_lr": lr, "epoch": epoch})
    forget_epochs_after(log, 0.2, 1)
    assert epochs(log) == [(0.1, 1), (0.1, 2), (0.1, 3), (0.2, 1)]


def test_a_line_cut_short_is_dropped(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    append_epoch(log, {"peak_lr": 0.1, "epoch": 1})
    whole = log.read_text()
    for torn in (
        '{"peak_lr": 0.1, "ep',
        '{"peak_lr": 0.1, "epoch": 1}',
        "3\n",
        '{"epoch": null}\n',
    ):
        log.write_text(whole + torn)
        forget_epochs_after(log, 0.1, 1)
        assert log.read_text() == whole
