"""The panel of a slide's answer, from the question to what lies on the slide."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ssmamba.engine.messages import AnswerSlide, Cancel, JobDone, JobFailed, Progress
from tests.viewer.conftest import Bench
from tests.viewer.fakes import FakeEngine
from tests.viewer.slide_models import SURVIVAL, slide_answer, write_slide_model


class Asker:
    """A user with a slide model, and the engine that the test drives."""

    def __init__(self, bench: Bench, path: Path) -> None:
        self.bench, self.work = bench, bench.work
        self.panel = bench.window.panels["slide_answer"]
        bench.work.bridge.start()
        bench.qtbot.waitUntil(lambda: bench.work.bridge.state is not None)
        bench.settle()
        self.engine.patient = True
        self.add(path)

    @property
    def engine(self) -> FakeEngine:
        return FakeEngine.made[-1]

    @property
    def layer(self):
        return self.bench.window.canvas.scene.slide_answer

    def add(self, path: Path) -> None:
        self.work.models.add_files([str(path)])
        self.bench.settle()

    def ask(self) -> AnswerSlide:
        self.bench.window.actions_by_name["answer_slide"].trigger()
        return self.engine.of_kind(AnswerSlide)[-1]

    def answer(self, **more: object) -> None:
        request = self.ask()
        model = self.work.library.get(request.checkpoint)
        given = {"sha256": model.file_sha256, **more}
        self.engine.reply(slide_answer(request.job, request.checkpoint, **given))
        self.engine.reply(JobDone(request.job))
        self.bench.settle()

    @property
    def text(self) -> str:
        return self.bench.texts(self.panel)


@pytest.fixture
def asker(bench: Bench, tmp_path: Path) -> Asker:
    return Asker(bench, write_slide_model(tmp_path / "grades.safetensors"))


def test_without_a_slide_model_there_is_no_panel_to_ask(bench: Bench) -> None:
    assert bench.window.panels["slide_answer"].isHidden()
    assert not bench.window.actions_by_name["answer_slide"].isEnabled()


def test_a_question_goes_to_the_engine_and_its_answer_is_shown(asker: Asker) -> None:
    assert not asker.panel.isHidden()
    request = asker.ask()
    assert request.slide.path.endswith("small.tif") and request.checkpoint.endswith(
        "grades.safetensors"
    )
    assert asker.work.busy and "Reading the tissue" in asker.text
    asker.engine.reply(Progress(request.job, 3, 4, 0.0, 90.0))
    assert asker.panel.progress.value() == 75 and "2 min left" in asker.text
    asker.engine.reply(slide_answer(request.job, request.checkpoint, sha256=_sha(asker)))
    asker.engine.reply(JobDone(request.job))
    asker.bench.settle()
    assert "Squamous cell carcinoma, 70.0 %" in asker.text
    assert "4 regions in 3 groups" in asker.text
    assert asker.layer._image is not None
    assert asker.panel.doubt.isHidden() and asker.panel.curve.isHidden()


def _sha(asker: Asker) -> str:
    (model,) = asker.work.slide_answers.models
    return model.file_sha256


def test_doubt_comes_first(asker: Asker) -> None:
    doubts = (("few", "A single region of tissue; the training slides had 4 to 30."),)
    asker.answer(doubts=doubts)
    assert asker.panel.doubt.text() == "Little tissue"
    assert "had 4 to 30" in asker.panel.reasons.text()
    assert asker.panel.headline.property("role") == "muted"


def test_the_region_under_the_cursor_lights_up_its_group(asker: Asker) -> None:
    asker.answer()
    canvas = asker.bench.window.canvas
    canvas.cursor_moved.emit(200.0, 130.0)
    assert len(canvas.scene.overlays.highlight) == 2
    assert asker.panel.under_cursor.text() == "adds 2; fused with 1 more"
    canvas.cursor_moved.emit(float("nan"), float("nan"))
    assert canvas.scene.overlays.highlight is None and not asker.panel.under_cursor.text()


def test_layers_are_chosen_and_taken_away(asker: Asker) -> None:
    asker.answer()
    panel, box = asker.panel, asker.panel.layer_box
    for layer, shown in (("groups", True), ("tokens", True), ("", False), ("parts", True)):
        box.setCurrentIndex(box.findData(layer))
        box.activated.emit(box.currentIndex())
        assert (asker.layer._image is not None) is shown
        assert panel.output_box.isHidden() is (layer != "parts")
    panel.close_button.click()
    assert asker.layer._image is None and "70.0 %" not in asker.text


def test_another_opacity_makes_no_other_picture(asker: Asker) -> None:
    asker.answer()
    before = asker.layer._image
    asker.work.slide_answers.answers.set_look(opacity=0.25)
    assert asker.layer.opacity == 0.25 and asker.layer._image is before
    asker.work.slide_answers.answers.set_look(layer="groups")
    assert asker.layer._image is not before


def test_a_new_answer_does_not_keep_the_outline_of_the_old_one(asker: Asker) -> None:
    asker.answer()
    canvas = asker.bench.window.canvas
    canvas.cursor_moved.emit(200.0, 130.0)
    assert canvas.scene.overlays.highlight is not None
    assert asker.bench.window.actions_by_name["answer_slide"].isEnabled()
    asker.answer()
    assert canvas.scene.overlays.highlight is None


def test_survival_is_drawn_against_the_cohorts_curve(asker: Asker, tmp_path: Path) -> None:
    asker.work.library.remove(asker.work.slide_answers.models[0].path)
    path = write_slide_model(tmp_path / "s.safetensors", "Alive", classes=(), answer=SURVIVAL)
    asker.add(path)
    asker.answer(values=(0.8, 0.5, 0.3))
    assert "Half outlive 20" in asker.text
    assert "After 10: 80.0 %, cohort 90.0 %" in asker.panel.table.text()
    assert "After 20: 50.0 %, cohort 60.0 %" in asker.panel.curve.accessibleName()
    assert not asker.panel.curve.isHidden() and asker.panel.bars.isHidden()
    assert asker.panel.curve.last == 40
    asker.panel.curve.grab()  # it paints


def test_a_failure_is_one_sentence_in_the_panel(asker: Asker) -> None:
    request = asker.ask()
    asker.engine.reply(
        JobFailed(request.job, "small.tif has no region of tissue; check its µm/px.")
    )
    assert "check its µm/px" in asker.text and not asker.work.busy


def test_stop_and_another_slide_end_the_question(asker: Asker, tmp_path: Path) -> None:
    request = asker.ask()
    asker.panel.stop.click()
    assert asker.engine.of_kind(Cancel)[-1].job == request.job and not asker.work.slide_answers.busy
    asker.answer()
    from tests.slides import write_pyramid

    write_pyramid(tmp_path / "other.tif", 900, 700, seed=3)
    asker.bench.open(tmp_path / "other.tif")
    assert asker.work.slide_answers.answers.found is None and asker.layer._image is None


def test_another_scale_makes_the_answer_outdated(asker: Asker) -> None:
    asker.answer()
    document = asker.bench.document
    document.set_slide_settings(replace(document.slide_settings, mpp=1.0))
    assert "Ask again." in asker.panel.said.text()


def test_a_model_that_was_replaced_gives_no_answer(asker: Asker) -> None:
    asker.answer(sha256="0" * 64)
    assert "replaced by another one" in asker.text
    assert asker.work.slide_answers.answers.found is None


def test_the_engines_end_is_said(asker: Asker) -> None:
    asker.ask()
    asker.engine.die()
    asker.bench.qtbot.waitUntil(lambda: not asker.work.slide_answers.busy)
    assert "Ask again" in asker.panel.said.text()
