"""A slide's answer comes back with its slide, for the file that gave it and for no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ssmamba.checkpoints.card import file_sha256
from ssmamba.engine.messages import JobDone
from tests.slides import write_pyramid
from tests.viewer.conftest import Bench, Heartbeat
from tests.viewer.fakes import FakeEngine
from tests.viewer.panels.test_slide_answer import Asker
from tests.viewer.slide_models import SURVIVAL, slide_answer, write_slide_model
from viewer.window.main_window import MainWindow

DOUBTS = (("few", "A single region of tissue; the training slides had 4 to 30."),)


@pytest.fixture
def asker(bench: Bench, tmp_path: Path) -> Asker:
    return Asker(bench, write_slide_model(tmp_path / "grades.safetensors"))


@pytest.fixture
def again(asker: Asker, heartbeat: Heartbeat, tmp_path: Path) -> Iterator[object]:
    """Another window on what the first one has kept, which is not closed before."""
    windows: list[MainWindow] = []

    def begin(*models: Path) -> Bench:
        asker.work.sessions.finish()
        window = MainWindow(FakeEngine, tmp_path / "user")
        windows.append(window)
        asker.bench.qtbot.addWidget(window)
        window.show()
        heartbeat.reset()  # a window is made at a start, when nobody waits for another
        made = Bench(window, asker.bench.qtbot)
        window.workspace.models.add_files([str(path) for path in models])
        made.open(Path(asker.work.document.slide.path))
        return made

    yield begin
    for window in windows:
        window.close()


def test_a_new_window_shows_what_was_said(asker: Asker, again, tmp_path: Path) -> None:
    survival = write_slide_model(tmp_path / "s.safetensors", "Alive", classes=(), answer=SURVIVAL)
    asker.add(survival)
    asker.panel.model_box.setCurrentIndex(1)
    asker.panel.ask.click()
    job, path, sha256 = asker.work.slide_answers._job, str(survival), file_sha256(survival)
    asker.engine.reply(slide_answer(job, path, (0.8, 0.5, 0.3), DOUBTS, sha256))
    asker.engine.reply(JobDone(job))
    new = again(tmp_path / "grades.safetensors", survival)
    panel, first = new.window.panels["slide_answer"], asker.panel
    found = new.work.slide_answers.answers.found
    assert found.answer == asker.work.slide_answers.answers.found.answer
    assert panel.doubt.text() == "Little tissue" and "had 4 to 30" in panel.reasons.text()
    assert panel.headline.text() == first.headline.text() == "Half outlive 20"
    assert panel.table.text() == first.table.text() and panel.curve.last == 40
    assert panel.model_box.currentData() == path  # who said it
    scene = new.window.canvas.scene
    assert scene.slide_answer._image is not None
    new.window.canvas.cursor_moved.emit(200.0, 130.0)
    assert len(scene.overlays.highlight) == 2  # its group of fused regions
    new.document.set_slide_settings(replace(new.document.slide_settings, mpp=1.0))
    assert "Ask again." in panel.said.text()
    new.document.set_slide_settings(replace(new.document.slide_settings, mpp=None))
    assert panel.said.isHidden()


def test_another_file_by_the_models_name_does_not_show_it(asker: Asker, tmp_path: Path) -> None:
    asker.answer()
    (model,), answers = asker.work.slide_answers.models, asker.work.slide_answers.answers
    path, kept = Path(model.path), Path(model.path).read_bytes()
    write_slide_model(path, "Grades", tags={"mixer": "other"})
    asker.add(path)
    assert answers.found is None and asker.layer._image is None
    assert "is not the one that answered" in asker.panel.said.text()
    asker.add(path)  # read again for another reason
    assert "is not the one that answered" in asker.panel.said.text()
    path.write_bytes(kept)
    asker.add(path)
    assert "Squamous cell carcinoma, 70.0 %" in asker.text
    asker.work.library.remove(str(path))
    assert answers.found is None and asker.layer._image is None
    path.rename(tmp_path / "moved.safetensors")
    asker.add(tmp_path / "moved.safetensors")  # the same file under another name
    assert "Squamous cell carcinoma, 70.0 %" in asker.text


def test_it_comes_back_with_its_slide_unless_it_was_put_away(asker: Asker, tmp_path: Path) -> None:
    asker.answer()
    slide, answers = Path(asker.bench.document.slide.path), asker.work.slide_answers.answers
    other = tmp_path / "other.tif"
    write_pyramid(other, 900, 700, seed=3)
    asker.bench.open(other)
    assert answers.found is None and asker.layer._image is None
    asker.bench.open(slide)
    assert "Squamous cell carcinoma, 70.0 %" in asker.text
    asker.panel.close_button.click()
    asker.bench.open(other)
    asker.bench.open(slide)
    assert answers.found is None and not answers.status


def test_a_new_answer_takes_the_place_of_the_old_one(asker: Asker, again) -> None:
    asker.answer()
    asker.answer(values=(0.1, 0.1, 0.8))
    model = Path(asker.work.slide_answers.models[0].path)
    new = again(model)
    assert new.work.slide_answers.answers.found.likeliest == 2


def test_an_answer_to_a_scale_that_was_changed_meanwhile_is_outdated(asker: Asker) -> None:
    request = asker.ask()
    document = asker.bench.document
    document.set_slide_settings(replace(document.slide_settings, mpp=1.0))
    sha256 = asker.work.slide_answers.models[0].file_sha256
    asker.engine.reply(slide_answer(request.job, request.checkpoint, sha256=sha256))
    asker.engine.reply(JobDone(request.job))
    assert "Ask again." in asker.panel.said.text()


def test_it_goes_with_a_session_that_is_sent(asker: Asker, tmp_path: Path) -> None:
    asker.answer()
    file = tmp_path / "a.ssmsession"
    asker.work.session_files.save_as(str(file))
    asker.bench.qtbot.waitUntil(file.exists)
    answers = asker.work.slide_answers.answers
    asker.panel.close_button.click()
    assert answers.found is None
    asker.work.files.open([str(file)])
    asker.bench.qtbot.waitUntil(lambda: answers.found is not None)
