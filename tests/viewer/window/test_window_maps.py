"""Maps and their comparison in the whole window."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint

from ssmamba.engine.messages import Classify, ClassifyResult, Explain, ExplainResult
from ssmamba.reading.doubts import doubt_text
from ssmamba.reading.values import NO_CLASS, Doubt, Trust
from tests.viewer import fakes
from tests.viewer.conftest import RING, Bench
from tests.viewer.fakes import FakeEngine, write_model
from viewer.state.planning import answer_key


def test_two_models_are_compared_side_by_side(bench: Bench) -> None:
    bench.draw(*RING)
    bench.settle()
    compare = bench.window.compare
    assert compare.isVisible() and len(compare.cells) == 3
    overlays = [len(cell.canvas.scene.overlays.overlays) for cell in compare.cells.values()]
    assert overlays == [0, 1, 1]
    first, second, _ = (cell.canvas for cell in compare.cells.values())
    second.camera.zoom_at(1.0, None, smooth=False)
    assert first.view_state() == second.view_state()


def test_answers_leave_out_what_the_names_of_their_models_share(
    bench: Bench, tmp_path: Path
) -> None:
    for model in list(bench.work.library.models):
        bench.work.library.remove(model.path)
    for number, part in enumerate(("SSMamba", "no pre-training")):
        path = write_model(tmp_path / f"lung{number}.safetensors", f"Lung, {part}")
        bench.work.files.open([str(path)])
    bench.draw(*RING)
    bench.settle()
    told = bench.texts(bench.window.panels["answers"]).splitlines()
    assert {"SSMamba", "No pre-training"} <= set(told)


def test_models_of_one_name_are_told_apart_wherever_they_stand(
    bench: Bench, tmp_path: Path
) -> None:
    for model in list(bench.work.library.models):
        bench.work.library.remove(model.path)
    for run in ("a-run-with-a-long-name-1", "a-run-with-a-long-name-2"):
        (tmp_path / run).mkdir()
        path = write_model(tmp_path / run / "best.safetensors", "Lung cancer, SSMamba")
        bench.work.files.open([str(path)])
    bench.draw(*RING)
    bench.settle()
    cells = list(bench.window.compare.cells.values())[1:]
    cards = list(bench.window.panels["answers"]._lines.values())
    for titles in ([cell._title for cell in cells], [card._model_name for card in cards]):
        for title in titles:
            title.resize(160, title.height())
        assert len({title._shown_text() for title in titles}) == 2
    rows = bench.texts(bench.window.panels["models"])
    assert "name-1/best)" in rows and "name-2/best)" in rows


def test_a_map_that_cannot_be_painted_is_told_and_the_next_one_is_painted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(bench.work.maps._painter, "paint", lambda jobs, look: 1 / 0)
        bench.draw(*RING)
        bench.settle()
    message = bench.window.message_bar.message
    assert message is not None and "ZeroDivisionError" in message.details
    bench.document.set_map_painting(replace(bench.document.map_painting, colormap="viridis"))
    bench.settle()
    assert len(bench.window.canvas.scene.overlays.overlays) == 1


def test_maps_that_are_ready_when_the_slide_changes_are_not_laid_on_the_next(bench: Bench) -> None:
    bench.draw(*RING)
    bench.settle()
    laid: list[int] = []
    bench.work.maps.painted.connect(lambda maps: laid.append(len(maps)))
    bench.work.maps._paint()
    time.sleep(0.05)  # painted; told as soon as the event loop runs again
    bench.document.set_slide(replace(bench.document.slide, path="/slides/next.svs"))
    bench.qtbot.waitUntil(lambda: bool(laid) and not bench.work.maps.busy)
    assert laid == [0]


def test_changing_the_class_asks_for_its_map_only(bench: Bench, engines: list[FakeEngine]) -> None:
    bench.draw(*RING)
    bench.settle()
    before = len(engines[0].requests)
    bench.document.maps.choose(target="scc")
    bench.settle()
    (request,) = engines[0].requests[before:]
    assert isinstance(request, Explain) and request.target == "scc"
    assert (
        "Squamous cell carcinoma · 15.0 %"
        in bench.window.compare.cells[
            bench.document.maps.of(request.checkpoints[0])
        ].accessibleName()
    )


def test_an_answer_without_the_chosen_class_shows_none(bench: Bench) -> None:
    roi = bench.draw(*RING)
    bench.settle()
    model = bench.work.library.in_use[0]
    newest = bench.document.results.newest_answer(roi.id, model.path)
    assert newest is not None and newest[0] == answer_key(bench.document, roi, model)
    bench.document.results.put(newest[0], replace(newest[1], probabilities={"aca": 1.0}))
    bench.document.maps.choose(target="scc")
    shown = bench.window.compare.cells[bench.document.maps.of(model.path)].accessibleName()
    assert "Squamous cell carcinoma" in shown and "%" not in shown


def test_colours_and_opacity_need_no_engine(bench: Bench, engines: list[FakeEngine]) -> None:
    bench.draw(*RING)
    bench.settle()
    before = len(engines[0].requests)
    look = replace(bench.document.map_painting, colormap="viridis", opacity=0.3, scale="shared")
    bench.document.set_map_painting(look)
    bench.settle()
    assert len(engines[0].requests) == before
    assert bench.window.canvas.scene.overlays.opacity == pytest.approx(0.3)


def test_a_map_without_evidence_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    real = fakes.explanation

    def against(request: Explain, checkpoint: str) -> ExplainResult:
        made = real(request, checkpoint)
        values = np.linspace(-0.4, -0.1, 49, dtype=np.float32)
        maps = (replace(made.maps[0], values=values.tobytes()),)
        return replace(made, maps=maps, low=-0.4, high=-0.1)

    monkeypatch.setattr(fakes, "explanation", against)
    bench.draw(*RING)
    bench.settle()
    told = bench.texts(bench.window.panels["evidence"])
    assert "No evidence for Adenocarcinoma in this region" in told
    assert "\u22120.4 to \u22120.1" in told
    assert not bench.window.panels["evidence"].value_scale.isVisible()


def doubted(monkeypatch: pytest.MonkeyPatch, doubt: Doubt) -> None:
    """Every answer from now on has this doubt."""
    real = fakes.answer

    def answer(request: Classify, checkpoint: str) -> ClassifyResult:
        return replace(real(request, checkpoint), trust=Trust(False, ("Here is why",), doubt=doubt))

    monkeypatch.setattr(fakes, "answer", answer)


@pytest.mark.parametrize("doubt", sorted(NO_CLASS))
def test_where_there_is_nothing_to_classify_the_window_names_no_class(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, doubt: Doubt
) -> None:
    doubted(monkeypatch, doubt)
    bench.draw(*RING)
    bench.settle()
    told = bench.texts(bench.window)
    assert told.count(doubt_text(doubt)) >= 4  # two models, in the table and in the comparison
    assert "Adenocarcinoma" not in told and "80.0" not in told
    assert "nothing to classify in this region" in bench.texts(bench.window.panels["evidence"])
    assert not bench.window.canvas.scene.overlays.overlays
    bench.document.maps.choose(target="scc")  # asked for by name, the map is shown
    bench.settle()
    assert len(bench.window.canvas.scene.overlays.overlays) == 1


def test_a_doubt_stands_first_above_a_map_and_the_users_class_beside_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubted(monkeypatch, "unsure")
    roi = bench.draw(*RING)
    bench.settle()
    bench.document.change(roi.classified("adenocarcinoma", (1, 2, 3)))
    original, cell, _ = bench.window.compare.cells.values()
    said = "Original: Your class: adenocarcinoma"
    bench.qtbot.waitUntil(lambda: original.accessibleName() == said)
    assert cell.accessibleName() == (
        "First model: Not sure · Adenocarcinoma · agrees with your class · 80.0 %"
    )
    assert cell._badge.isVisible() and cell._mark.isVisible()
    badge, answer = (part.mapTo(cell, QPoint()) for part in (cell._badge, cell._answer))
    assert (badge.y(), badge.x()) < (answer.y(), answer.x())
    assert "Your class: adenocarcinoma" in bench.texts(bench.window.panels["answers"])


def test_names_in_narrow_cells_of_the_comparison_have_the_whole_width(bench: Bench) -> None:
    bench.draw(*RING)
    bench.settle()
    cell = list(bench.window.compare.cells.values())[1]
    for width in (600, 200):
        cell.setMinimumWidth(width)
        cell.resize(width, 200)
        bench.qtbot.wait(10)
        assert cell._answer.width() > 170
        assert cell._answer._shown_text().endswith(" · 80.0 %")


def test_a_cell_keeps_its_place_when_another_class_is_chosen(bench: Bench) -> None:
    bench.draw(*RING)
    bench.settle()
    before = list(bench.window.compare.cells.values())
    before[1].canvas.camera.zoom_at(1.0, None, smooth=False)
    looked = before[1].canvas.view_state()
    bench.document.maps.choose(target="scc")
    bench.settle()
    assert list(bench.window.compare.cells.values()) == before
    assert before[2].canvas.view_state() == looked
    assert len(before[2].canvas.scene.overlays.overlays) == 1
