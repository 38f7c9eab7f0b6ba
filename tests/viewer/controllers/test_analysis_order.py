"""What is urgent comes first at the engine; each model's failure is its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ssmamba.engine.messages import (
    Cancel,
    CheckpointFailed,
    Classify,
    Explain,
    JobDone,
    LoadCheckpoint,
    Priority,
    Progress,
    Reconstruct,
    Reprioritise,
)
from tests.viewer.controllers.desk import Desk
from tests.viewer.fakes import square, write_model
from viewer.state.library import read_model
from viewer.state.planning import answer_key


def test_a_lasso_drawn_while_a_large_region_is_read_is_asked_at_once_and_first(desk: Desk) -> None:
    crowd = desk.crowd(30)
    desk.analysis.ask(["b"])
    desk.settle()
    desk.engine.patient = True
    desk.document.select("a")
    desk.analysis.ask(crowd)
    desk.wait_for(Classify, 4)
    large = desk.engine.of_kind(Classify)[1]
    assert (large.roi.id, large.priority) == ("a", Priority.ASKED)
    desk.document.add([square(0, 500, 5, "Lasso", "lasso")])
    desk.document.select("lasso")
    desk.wait_for(Classify, 5)
    small = desk.engine.of_kind(Classify)[-1]
    assert (small.roi.id, small.priority) == ("lasso", Priority.ASKED)
    assert Reprioritise(large.job, Priority.REST) in desk.engine.requests
    assert not desk.engine.of_kind(Cancel)


def test_a_region_that_is_left_and_chosen_again_is_asked_once(desk: Desk, tmp_path: Path) -> None:
    masked = write_model(tmp_path / "masked.safetensors", masked=True)
    desk.library.add([read_model(masked)], use=True)
    desk.at_work_on("a")
    desk.document.select("a")
    desk.wait_for(Reconstruct)
    jobs = {
        type(r): r.job for r in desk.engine.requests if getattr(r, "roi", None) and r.roi.id == "a"
    }
    desk.document.select(None)
    desk.wait_for(Reprioritise, 3)
    urgent = {r.job: r.priority for r in desk.engine.of_kind(Reprioritise)}
    assert urgent == {
        jobs[Classify]: Priority.REST,
        jobs[Explain]: Priority.AHEAD,
        jobs[Reconstruct]: Priority.AHEAD,
    }
    desk.document.select("a")
    desk.wait_for(Reprioritise, 6)
    urgent = {r.job: r.priority for r in desk.engine.of_kind(Reprioritise)}
    assert urgent == {
        jobs[Classify]: Priority.ASKED,
        jobs[Explain]: Priority.VISIBLE,
        jobs[Reconstruct]: Priority.VISIBLE,
    }
    assert len(desk.engine.of_kind(Explain)) == 1 and not desk.engine.of_kind(Cancel)


def test_the_map_of_a_region_that_is_left_is_cancelled_when_another_map_is_chosen(
    desk: Desk,
) -> None:
    desk.at_work_on("a")
    desk.document.select("a")
    desk.wait_for(Explain)
    desk.document.select(None)
    desk.wait_for(Reprioritise)
    desk.document.set_map_painting(replace(desk.document.map_painting, visible=False))
    desk.wait_for(Cancel)
    assert [r.job for r in desk.engine.of_kind(Cancel)] == [desk.engine.of_kind(Explain)[0].job]


def test_the_late_map_of_a_region_that_is_left_does_not_drop_the_one_in_view(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viewer.state.results.MAP_BYTES", 1)
    desk.at_work_on("a")
    desk.document.select("a")
    desk.wait_for(Explain)
    desk.document.select("b")
    desk.wait_for(Explain, 2)
    left, seen = desk.engine.of_kind(Explain)
    desk.engine.fulfil(seen)
    desk.engine.fulfil(left)
    desk.qtbot.waitUntil(lambda: desk.document.results.mapped_regions() != ["b"])
    assert desk.document.results.mapped_regions() == ["b", "a"]


def test_stopping_ends_the_map_of_a_region_that_is_left_too(desk: Desk) -> None:
    desk.analysis.ask(["a"])
    desk.settle()
    desk.engine.patient = True
    desk.document.select("a")
    desk.wait_for(Explain)
    desk.document.select(None)
    desk.wait_for(Reprioritise)
    desk.analysis.stop()
    desk.wait_for(Cancel)
    desk.settle()


def test_models_are_read_ahead_behind_everything_else(desk: Desk) -> None:
    desk.analysis.ask(["a"])
    desk.settle()
    assert [r.priority for r in desk.engine.of_kind(LoadCheckpoint)] == [Priority.AHEAD]


def test_each_model_that_fails_tells_its_own_reason(desk: Desk, tmp_path: Path) -> None:
    desk.library.add([read_model(write_model(tmp_path / "c.safetensors"))], use=True)
    desk.at_work_on("a")
    request = desk.engine.of_kind(Classify)[1]
    reasons = ["The file is cut short; copy it again.", "The weights do not fit; train it again."]
    for path, reason in zip(request.checkpoints, reasons, strict=True):
        desk.engine.reply(CheckpointFailed(request.job, path, reason))
    desk.engine.reply(JobDone(request.job))
    desk.settle()
    keys = [answer_key(desk.document, request.roi, model) for model in desk.library.in_use]
    found = {key.checkpoint: desk.analysis.failure(key) for key in keys}
    assert found == dict(zip(request.checkpoints, reasons, strict=True))
    assert [m.text for m in desk.messages] == reasons


def test_a_reason_that_two_models_share_is_told_once(desk: Desk, tmp_path: Path) -> None:
    desk.library.add([read_model(write_model(tmp_path / "c.safetensors"))], use=True)
    desk.at_work_on("a")
    request = desk.engine.of_kind(Classify)[1]
    for path in request.checkpoints:
        desk.engine.reply(CheckpointFailed(request.job, path, "The region is empty; draw it."))
    desk.engine.reply(JobDone(request.job))
    desk.settle()
    assert [m.text for m in desk.messages] == ["The region is empty; draw it."]
    keys = [answer_key(desk.document, request.roi, model) for model in desk.library.in_use]
    assert len({desk.analysis.failure(key) for key in keys}) == 1


def test_the_pace_and_the_time_left_are_told(desk: Desk) -> None:
    desk.at_work_on("a")
    told: list[tuple[str, int, int]] = []
    desk.analysis.activity_changed.connect(lambda *what: told.append(what))
    job = desk.engine.of_kind(Classify)[1].job
    desk.engine.reply(Progress(job, 1200, 7000, 48.3, 120.1))
    assert told == [("Classifying A, 48 windows/s, 2 min left", 1200, 7000)]
    desk.document.add([square(0, 500, 5, "Lasso", "lasso")])
    desk.document.select("lasso")
    desk.wait_for(Classify, 3)
    assert told[-1] == ("Classifying Lasso", 0, 0)  # the most urgent is what is worked on
    small = desk.engine.of_kind(Classify)[-1]
    desk.engine.patient = False
    for request in (small, *desk.engine.of_kind(Explain)):
        desk.engine.fulfil(request)
    assert told[-1] == ("Classifying A, 48 windows/s, 2 min left", 1200, 7000)
