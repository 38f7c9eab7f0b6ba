"""Jobs at the engine: stale, cancelled, failed, and an engine that keeps dying."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ssmamba.engine.messages import (
    Cancel,
    Classify,
    Explain,
    JobDone,
    JobFailed,
    KeepSlides,
    LoadCheckpoint,
)
from tests.viewer.controllers.desk import Desk
from tests.viewer.fakes import FakeEngine, answer, square, write_model
from tests.viewer.state.test_planning import INFO
from viewer.controllers.analysis import RESTARTS
from viewer.state import planning
from viewer.state.library import read_model
from viewer.state.settings import MapSpec


def test_the_engine_starts_with_the_first_question(desk: Desk) -> None:
    assert not FakeEngine.made
    desk.analysis.ask(["a"])
    desk.settle()
    assert len(FakeEngine.made) == 1
    assert desk.document.results.newest_answer("a", desk.library.in_use[0].path)


def test_a_wish_that_is_gone_is_cancelled_and_its_late_answer_dropped(desk: Desk) -> None:
    desk.at_work_on("a")
    request = desk.engine.of_kind(Classify)[1]
    desk.document.remove(["a"])
    desk.wait_for(Cancel)
    desk.engine.reply(answer(request, request.checkpoints[0]))
    desk.settle()
    assert desk.document.results.newest_answer("a", request.checkpoints[0]) is None
    assert not desk.messages


def test_an_answer_to_the_old_shape_is_not_taken_for_the_new_one(desk: Desk) -> None:
    desk.at_work_on("a")
    old = desk.engine.of_kind(Classify)[1]
    desk.document.change(replace(desk.document.rois[0], polygons=square(5, 5, 50).polygons))
    desk.wait_for(Classify, 3)
    desk.engine.reply(answer(old, old.checkpoints[0], 0.99))
    new = desk.engine.of_kind(Classify)[2]
    desk.engine.patient = False
    desk.engine.fulfil(new)
    desk.settle()
    newest = desk.document.results.newest_answer("a", new.checkpoints[0])
    assert newest is not None and newest[1].probabilities["aca"] == 0.8


def test_a_failure_is_told_once_and_asked_again_only_on_demand(desk: Desk) -> None:
    desk.at_work_on("a")
    job = desk.engine.of_kind(Classify)[1].job
    desk.engine.reply(JobFailed(job, "The region is empty; draw it again.", "Traceback"))
    desk.settle()
    desk.analysis.refresh()
    desk.settle()
    assert [m.text for m in desk.messages] == ["The region is empty; draw it again."]
    assert len(desk.engine.of_kind(Classify)) == 2
    desk.engine.patient = False
    desk.analysis.ask(["a"])
    desk.settle()
    assert len(desk.engine.of_kind(Classify)) == 3


def test_a_job_that_ends_without_its_answer_is_not_asked_for_ever(desk: Desk) -> None:
    desk.at_work_on("a")
    desk.engine.reply(JobDone(desk.engine.of_kind(Classify)[1].job))
    desk.settle()
    assert len(desk.engine.of_kind(Classify)) == 2


def test_an_engine_that_keeps_dying_is_not_started_for_ever(desk: Desk) -> None:
    desk.analysis.ask(["b"])
    desk.settle()
    desk.engine.patient = True
    desk.analysis.ask(["a"])
    for _ in range(RESTARTS + 1):
        desk.wait_for(Classify)
        if len(FakeEngine.made) == 1:
            desk.wait_for(Classify, 2)
        desk.engine.die()
    desk.qtbot.wait(20)
    assert len(FakeEngine.made) == RESTARTS + 1
    assert "keeps stopping" in desk.messages[-1].text
    assert desk.messages[0].level == "warning" and desk.messages[0].stays
    assert len(desk.document.rois) == 2


def test_a_model_process_that_was_restarted_says_so_once_it_is_back(desk: Desk) -> None:
    desk.at_work_on("a")
    desk.engine.patient = False
    desk.engine.die()
    assert [m.level for m in desk.messages] == ["warning"]
    assert "is being restarted" in desk.messages[0].text
    desk.settle()
    assert [m.level for m in desk.messages] == ["warning", "info"]
    assert desk.messages[1].text.startswith("The model process was restarted.")
    assert desk.messages[1].replaces == desk.messages[0].text


def test_models_in_use_are_loaded_before_the_first_question(desk: Desk, tmp_path: Path) -> None:
    desk.bridge.start()
    desk.wait_for(LoadCheckpoint)
    desk.library.add([read_model(write_model(tmp_path / "later.safetensors"))], use=True)
    desk.settle()
    paths = [Path(r.path).stem for r in desk.engine.of_kind(LoadCheckpoint)]
    assert paths == ["a", "later"]


def test_a_model_that_cannot_be_loaded_is_told_of_and_taken_out_of_use(desk: Desk) -> None:
    FakeEngine.made.append(FakeEngine(lambda _: None, lambda _: None))
    FakeEngine.made[-1].patient = True
    desk.bridge.start()
    desk.wait_for(LoadCheckpoint)
    job = desk.engine.of_kind(LoadCheckpoint)[0].job
    desk.engine.reply(JobFailed(job, "The weights do not fit; train it again."))
    desk.settle()
    assert not desk.library.in_use
    assert [m.text for m in desk.messages] == ["The weights do not fit; train it again."]


def test_few_requests_lie_at_the_engine_at_once(desk: Desk) -> None:
    crowd = desk.crowd(30)
    desk.analysis.ask(["b"])
    desk.settle()
    desk.engine.patient = True
    desk.analysis.ask(crowd)
    desk.qtbot.wait(30)
    assert len(desk.engine.of_kind(Classify)) <= 1 + 2
    desk.document.select("r29")  # what the user looks at now overtakes the rest
    waiting = desk.engine.of_kind(Classify)[1:]
    desk.engine.patient = False
    for request in waiting:
        desk.engine.fulfil(request)
    desk.settle()
    asked = [r.roi.id for r in desk.engine.requests if isinstance(r, Classify | Explain)]
    assert asked.index("r29") < asked.index("r28")


def test_a_replaced_checkpoint_answers_anew(desk: Desk, tmp_path: Path) -> None:
    desk.analysis.ask(["a"])
    desk.settle()
    path = desk.library.in_use[0].path
    desk.engine.patient = True
    desk.library.add([read_model(write_model(tmp_path / "a.safetensors", "Retrained"))])
    assert desk.document.results.newest_answer("a", path) is None
    desk.wait_for(Classify, 2)
    assert len(desk.engine.of_kind(LoadCheckpoint)) == 2


def test_an_answer_of_a_file_that_was_replaced_unseen_is_dropped_and_its_card_read_again(
    desk: Desk,
) -> None:
    replaced: list[str] = []
    desk.analysis.model_replaced.connect(replaced.append)
    path = desk.library.in_use[0].path
    desk.library.note_loaded(path, "0" * 64, 5)  # the engine's answers say "ffff..."
    desk.analysis.ask(["a"])
    desk.settle()
    assert replaced == [path]
    assert desk.document.results.newest_answer("a", path) is None


def test_an_engine_that_does_not_hear_a_cancel_is_ended_without_a_warning(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viewer.controllers.analysis.CANCEL_PATIENCE_S", 0.1)
    hung = desk.at_work_on("a")
    hung.deaf = True
    hung.patient = False  # nor is the next one
    desk.document.remove(["a"])
    desk.qtbot.waitUntil(lambda: hung.closed)
    desk.settle()
    assert len(FakeEngine.made) == 2 and not desk.messages
    desk.document.add([square(0, 300, 50, "C", "c")])
    desk.analysis.ask(["c"])
    desk.settle()
    assert desk.document.results.newest_answer("c", desk.library.in_use[0].path)


def test_an_engine_that_hears_a_cancel_is_left_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viewer.controllers.analysis.CANCEL_PATIENCE_S", 0.02)
    desk.at_work_on("a")
    desk.document.remove(["a"])
    desk.settle()
    desk.qtbot.wait(60)
    assert len(FakeEngine.made) == 1


def test_the_end_of_a_job_does_not_look_through_all_regions(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd = desk.crowd(40)
    looked: list[int] = []
    whole = planning.wanted
    monkeypatch.setattr(planning, "wanted", lambda *a, **k: looked.append(1) or whole(*a, **k))
    desk.analysis.ask(crowd)
    desk.settle()
    path = desk.library.in_use[0].path
    assert all(desk.document.results.newest_answer(roi_id, path) for roi_id in crowd)
    assert len(looked) <= 5


def test_the_engine_closes_the_slide_that_is_left(desk: Desk) -> None:
    desk.document.set_slide(replace(INFO, path="/slides/b.svs"))
    assert not FakeEngine.made  # none is started for that
    desk.bridge.start()
    desk.document.set_slide(replace(INFO, path="/slides/c.svs"))
    assert [r.paths for r in desk.engine.of_kind(KeepSlides)] == [("/slides/c.svs",)]


def test_a_batch_can_be_stopped_and_keeps_its_answers(desk: Desk) -> None:
    crowd = desk.crowd(20)
    desk.analysis.ask(["a"])
    desk.settle()
    desk.engine.patient = True
    desk.analysis.ask(crowd)
    desk.wait_for(Classify, 3)
    desk.analysis.stop()
    desk.wait_for(Cancel, 2)
    desk.settle()
    asked = len(desk.engine.of_kind(Classify))
    desk.analysis.refresh()
    desk.settle()
    assert len(desk.engine.of_kind(Classify)) == asked
    assert desk.analysis.is_asked("a") and not desk.analysis.is_asked("r19")
    assert desk.document.results.newest_answer("a", desk.library.in_use[0].path)


def test_a_batch_is_stopped_whole_also_in_the_moment_it_is_asked_for(desk: Desk) -> None:
    desk.at_work_on("a")
    desk.analysis.ask(desk.crowd(20))
    desk.analysis.stop()
    desk.settle()
    assert len(desk.engine.of_kind(Classify)) == 2


def test_answers_that_are_there_do_not_count_as_waiting(desk: Desk) -> None:
    desk.analysis.ask(desk.crowd(40))
    desk.settle()
    told: list[str] = []
    desk.analysis.activity_changed.connect(lambda text, *_: told.append(text))
    desk.engine.patient = True
    desk.document.add([square(0, 500, 50, "New", "new")])
    desk.document.select("new")
    desk.wait_for(Explain)
    assert set(told) == {"Classifying New"}


def test_every_map_of_a_matrix_is_made_and_filed_under_its_own_key(
    desk: Desk, tmp_path: Path
) -> None:
    desk.library.add([read_model(write_model(tmp_path / "b.safetensors"))], use=True)
    models = desk.library.in_use
    matrix = [(m, MapSpec(m.path, target=key)) for m in models for key in ("aca", "scc", "n")]
    desk.document.maps.show(spec for _, spec in matrix)
    desk.document.select("a")
    desk.settle()
    roi = desk.document.selected
    made = [
        desk.document.results.map(planning.map_key(desk.document, roi, model, spec))
        for model, spec in matrix
    ]
    assert len(made) == 6
    assert [(m.checkpoint, m.target) for m in made] == [
        (spec.checkpoint, spec.target) for _, spec in matrix
    ]
    before = len(desk.engine.requests)
    desk.analysis.refresh()
    desk.settle()
    assert len(desk.engine.requests) == before
