"""What is there again when the viewer is started again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from ssmamba.checkpoints.card import file_sha256
from ssmamba.engine.messages import Classify, Explain
from tests.slides import write_pyramid
from tests.viewer import fakes
from tests.viewer.conftest import Bench
from tests.viewer.fakes import FakeEngine, write_model
from viewer.arguments import Options
from viewer.canvas.types import ViewState
from viewer.controllers import models as models_module
from viewer.state import library as library_module
from viewer.state.planning import answer_key
from viewer.window import startup
from viewer.window.main_window import MainWindow

Start = Callable[..., Bench]


@pytest.fixture
def start(
    qtbot: QtBot, tmp_path: Path, engines: list[FakeEngine], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Start]:
    """Starts the viewer as its program does, with two bundled models of its own."""
    folder = tmp_path / "bundled"
    folder.mkdir()
    for stem in ("lac", "other"):
        write_model(folder / f"{stem}.safetensors")
    monkeypatch.setattr(library_module.bundled_models, "__defaults__", (folder,))
    monkeypatch.setattr(startup, "_import_ahead", lambda: None)
    real = fakes.answer

    def answer(request: Classify, checkpoint: str, first: float = 0.8):
        """As the engine: stamped with the file's own hash."""
        result = real(request, checkpoint, first)
        stamp = replace(result.stamp, checkpoint_sha256=file_sha256(checkpoint))
        return replace(result, stamp=stamp)

    monkeypatch.setattr(fakes, "answer", answer)
    windows: list[MainWindow] = []

    def make(*files: Path) -> Bench:
        window = MainWindow(FakeEngine, tmp_path / "user")
        windows.append(window)
        qtbot.addWidget(window)
        window.resize(1280, 860)
        window.show()
        qtbot.waitExposed(window)
        startup.begin(window, Options(files=tuple(str(file) for file in files)))
        bench = Bench(window, qtbot)
        qtbot.waitUntil(lambda: not bench.work.busy and bool(bench.work.library.models))
        if files:
            qtbot.waitUntil(lambda: bench.document.slide is not None and not bench.work.busy)
        return bench

    yield make
    for window in windows:
        window.close()


def asked(bench: Bench) -> list[Classify]:
    return [r for engine in FakeEngine.made for r in engine.of_kind(Classify)]


def test_answers_view_selection_models_and_maps_come_back(
    start: Start, slide_file: Path, tmp_path: Path
) -> None:
    first = start(slide_file)
    first.work.models.add_files([str(write_model(tmp_path / "own.safetensors"))])
    first.settle()
    region = first.draw((200, 200), (420, 210), (430, 400), (200, 210))
    first.settle()
    first.document.set_map_painting(replace(first.document.map_painting, opacity=0.25))
    first.document.maps.choose(method="EigenCAM", target="scc")
    first.window.canvas.camera.look(ViewState(300.0, 250.0, 0.5))
    first.settle()
    before = [m.path for m in first.work.library.in_use]
    assert len(before) == 2
    first.window.close()

    FakeEngine.made.clear()
    again = start()  # no file: the last slide is opened
    again.qtbot.waitUntil(lambda: again.document.selected is not None)
    again.settle()
    document = again.document
    assert document.slide.path == str(slide_file) and document.selected.id == region.id
    assert again.window.canvas.view_state() == ViewState(300.0, 250.0, 0.5)
    assert [m.path for m in again.work.library.in_use] == before
    assert document.map_painting.opacity == 0.25
    assert document.maps.of(before[0]).method == "EigenCAM"
    assert document.maps.of(before[0]).target == "scc"
    for model in again.work.library.in_use:
        found = document.results.newest_answer(region.id, model.path)
        assert found is not None and found[0] == answer_key(document, document.selected, model)
    assert not asked(again)
    # Maps are not kept; that of the region in view is asked for anew.
    (explained,) = [r for engine in FakeEngine.made for r in engine.of_kind(Explain)]
    assert explained.roi.id == region.id and explained.method == "EigenCAM"
    assert document.results.mapped_regions() == [region.id] and again.work.maps.on_slide()


def test_the_list_of_slides_and_the_second_slide_come_back(
    start: Start, slide_file: Path, tmp_path: Path
) -> None:
    others = [tmp_path / "b.tif", tmp_path / "a.tif"]
    for other in others:
        write_pyramid(other, 640, 480)
    first = start(slide_file, *others)
    listed = [str(slide_file), str(others[1]), str(others[0])]
    first.work.slides.list.move(listed[1], 1)
    first.work.beside.open(listed[1])
    first.settle()
    first.window.close()
    again = start()
    again.qtbot.waitUntil(lambda: again.work.beside.info is not None)
    assert again.work.slides.list.paths == tuple(listed)
    assert again.work.slides.current == listed[0] and again.work.beside.path == listed[1]


def test_the_answer_of_a_file_that_is_another_one_now_does_not_come_back(
    start: Start, slide_file: Path, tmp_path: Path
) -> None:
    first = start(slide_file)
    region = first.draw((200, 200), (420, 210), (430, 400), (200, 210))
    first.settle()
    first.window.close()
    (used,) = first.work.library.in_use
    write_model(Path(used.path), "Another network by the same name")
    FakeEngine.made.clear()
    again = start(slide_file)
    again.settle()
    assert [request.roi.id for request in asked(again)] == [region.id]  # it is computed anew


def test_the_answer_of_a_region_that_was_edited_says_so(start: Start, slide_file: Path) -> None:
    first = start(slide_file)
    region = first.draw((200, 200), (420, 210), (430, 400), (200, 210))
    first.settle()
    first.work.analysis.stop()
    first.work.analysis.set_auto_classify(False)
    moved = tuple(tuple(tuple((x + 9, y) for x, y in r) for r in p) for p in region.polygons)
    first.document.select(None)
    first.work.analysis._asked.clear()
    first.document.change(replace(region, polygons=moved))
    first.settle()
    first.window.close()
    again = start(slide_file)
    (used,) = again.work.library.in_use
    found = again.document.results.newest_answer(region.id, used.path)
    assert found is not None
    assert found[0] != answer_key(again.document, again.document.roi(region.id), used)


def test_a_model_folder_is_listed_and_new_files_appear(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    write_model(folder / "one.safetensors")
    first = start()
    first.work.models._look_often.setInterval(50)
    first.work.models.set_folder(str(folder))

    def listed(bench: Bench) -> set[str]:
        return {Path(m.path).stem for m in bench.work.library.models if not m.bundled}

    first.qtbot.waitUntil(lambda: listed(first) == {"one"})
    (folder / "broken.safetensors").write_bytes(b"not yet whole")
    write_model(folder / "two.safetensors")
    first.qtbot.waitUntil(lambda: listed(first) == {"one", "two"})
    first.window.close()
    again = start()
    assert listed(again) == {"one", "two"} and again.work.models.folder == str(folder)


def test_a_model_that_is_away_is_remembered(start: Start, tmp_path: Path) -> None:
    path = write_model(tmp_path / "own.safetensors")
    first = start()
    first.work.models.add_files([str(path)])
    first.qtbot.waitUntil(lambda: first.work.library.get(str(path)) is not None)
    first.window.close()
    path.rename(tmp_path / "away")
    second = start()
    assert second.work.library.get(str(path)) is None
    second.window.close()
    (tmp_path / "away").rename(path)
    assert start().work.library.get(str(path)) is not None


def test_models_of_the_demo_come_back_with_its_answers(
    start: Start, slide_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other starts do not list them."""
    folder = tmp_path / "demo"
    folder.mkdir()
    path = str(write_model(folder / "demo.safetensors").resolve())
    monkeypatch.setattr(models_module, "DEMO_FOLDER", folder)
    first = start(slide_file)
    assert first.work.library.get(path) is None
    first.work.models.use_for_demo()
    first.settle()
    before = [m.path for m in first.work.library.in_use]
    assert path in before
    first.window.close()
    again = start(slide_file)
    assert [m.path for m in again.work.library.in_use] == before
    assert again.work.library.get(path).bundled
    again.work.library.set_in_use(path, False)
    again.settle()
    again.window.close()
    assert start(slide_file).work.library.get(path) is None


# --- sessions as files, and other readers
def test_a_session_is_saved_beside_the_slide_and_opened_elsewhere(
    start: Start, slide_file: Path, tmp_path: Path
) -> None:
    first = start(slide_file)
    region = first.draw((200, 200), (420, 210), (430, 400), (200, 210))
    first.settle()
    file = slide_file.with_suffix(".ssmsession")
    first.work.session_files.save_as(str(file))
    first.qtbot.waitUntil(file.exists)
    first.window.close()
    shutil.rmtree(tmp_path / "user")  # another computer
    FakeEngine.made.clear()
    again = start()
    with again.qtbot.waitSignal(again.work.session_files.opened):
        again.work.files.open([str(file)])
    again.settle()
    assert [roi.id for roi in again.document.rois] == [region.id]
    (used,) = again.work.library.in_use
    assert again.document.results.newest_answer(region.id, used.path) is not None
    again.document.undo()
    assert not again.document.rois


def test_a_session_of_another_slide_is_refused(
    start: Start, slide_file: Path, tmp_path: Path
) -> None:
    first = start(slide_file)
    first.draw((200, 200), (420, 210), (430, 400), (200, 210))
    file = tmp_path / "elsewhere" / "a.ssmsession"
    file.parent.mkdir()
    first.work.session_files.save_as(str(file))
    first.qtbot.waitUntil(file.exists)
    other = tmp_path / "other.tif"
    write_pyramid(other, 900, 700)
    first.open(other)
    told: list[str] = []
    first.work.messages.posted.connect(lambda message: told.append(message.text))
    first.work.files.open([str(file)])
    first.qtbot.waitUntil(lambda: any("not of other.tif" in text for text in told))
    assert not first.document.rois


def test_another_reader_begins_without_regions_and_the_first_finds_theirs(
    start: Start, slide_file: Path
) -> None:
    first = start(slide_file)
    first.draw((200, 200), (420, 210), (430, 400), (200, 210))
    first.settle()
    sessions = first.work.sessions
    with first.qtbot.waitSignal(sessions.restored):
        sessions.set_reader("Second")
    assert not first.document.rois and "reader: Second" in first.window.windowTitle()
    first.draw((100, 100), (300, 110), (310, 300), (100, 110))
    first.draw((250, 250), (420, 210), (430, 400), (250, 210))
    first.settle()
    with first.qtbot.waitSignal(sessions.restored):
        sessions.set_reader("")
    assert len(first.document.rois) == 1
    with first.qtbot.waitSignal(sessions.restored):
        sessions.set_reader("Second")
    first.window.close()
    again = start(slide_file)  # the reader stays
    again.qtbot.waitUntil(lambda: len(again.document.rois) == 2)
    assert again.work.workbench.readers == ("Second",)
