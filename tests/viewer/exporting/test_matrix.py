"""The whole comparison as a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage

from ssmamba.engine.messages import Explain
from ssmamba.errors import DataError
from tests.viewer.conftest import RING, Bench, Heartbeat
from tests.viewer.exporting.reading_pdf import Pdf
from tests.viewer.fakes import FakeEngine, write_model
from viewer.exporting.matrix import write_matrix


@pytest.fixture
def many(bench: Bench, tmp_path: Path) -> Bench:
    """Four models by three classes, on several pages, and a region."""
    more = [write_model(tmp_path / f"more{n}.safetensors", f"More {n}") for n in range(2)]
    bench.work.files.open([str(path) for path in more])
    bench.draw(*RING)
    bench.settle()
    state = bench.window.compare.state
    state.choose(replace(state.choice, axis="classes"))
    bench.settle()
    return bench


def export(bench: Bench, path: Path) -> Path:
    with bench.qtbot.waitSignal(bench.work.exports.exported):
        bench.work.comparison_export.write(str(path))
    return path


def test_a_picture_has_every_model_of_every_page(
    many: Bench, engines: list[FakeEngine], tmp_path: Path
) -> None:
    state = many.window.compare.state
    missing = [spec for spec in state.all_specs if state.result(spec) is None]
    assert missing  # of pages that nobody has looked at
    text = export(many, tmp_path / "all.svg").read_text()
    assert not [spec for spec in state.all_specs if state.result(spec) is None]
    for name in ["First model", "Second model", *(f"More {n}" for n in range(2))]:
        assert name in text
    assert text.count("<image") >= 1 + 12
    for words in ("Squamous", "GradCAM", "small.tif", "sha256", "µm", "ρ"):
        assert words in text, words
    assert text.count("inside") == 12
    asked = {(r.target, path) for r in engines[0].of_kind(Explain) for path in r.checkpoints}
    assert len([pair for pair in asked if pair[0]]) == 12


def test_a_png_shows_the_maps_and_a_pdf_is_one_page_of_text(
    many: Bench, heartbeat: Heartbeat, tmp_path: Path
) -> None:
    picture = QImage(str(export(many, tmp_path / "all.png")))
    assert picture.width() > 2000 and picture.height() > picture.width()
    pixels = picture.convertToFormat(QImage.Format.Format_RGB888)
    array = np.frombuffer(pixels.constBits(), np.uint8).reshape(
        pixels.height(), pixels.bytesPerLine()
    )
    assert len(np.unique(array)) > 100
    assert QColor(picture.pixel(2, 2)) == QColor("white")
    heartbeat.reset()  # the test itself has read the picture
    assert len(Pdf(export(many, tmp_path / "all.pdf").read_bytes()).pages) == 1


def test_one_map_each_is_exported_in_rows_of_three_and_a_shared_scale_once(
    many: Bench, tmp_path: Path
) -> None:
    state = many.window.compare.state
    state.choose(replace(state.choice, axis="models"))
    look = replace(many.document.map_painting, scale="shared")
    many.document.set_map_painting(look)
    many.settle()
    many.window.canvas.camera.turn_to(37.0)  # as the tissue is seen, so it is in the picture
    text = export(many, tmp_path / "each.svg").read_text()
    assert "rotated by 37°" in text
    assert text.count("One colour scale for all maps") == 1
    assert text.count("<image") >= 5 and "More 1" in text and "Original" in text
    assert "evidence for Adenocarcinoma" in text  # its name, not its key in the training data


def test_another_region_gives_the_export_up_and_says_so(many: Bench, tmp_path: Path) -> None:
    path = tmp_path / "late.png"
    many.work.comparison_export.write(str(path))
    many.document.select(None)
    many.qtbot.waitUntil(lambda: not many.work.comparison_export.busy)
    message = many.window.message_bar.message
    assert message is not None and "was not written" in message.text
    assert not path.exists()


def test_without_a_region_or_maps_the_user_is_told_what_to_do(bench: Bench, tmp_path: Path) -> None:
    bench.work.comparison_export.write(str(tmp_path / "none.png"))
    assert "Select a region first" in bench.window.message_bar.message.text
    bench.draw(*RING)
    bench.document.set_map_painting(replace(bench.document.map_painting, visible=False))
    bench.work.comparison_export.write(str(tmp_path / "none.png"))
    assert "Show the evidence map first" in bench.window.message_bar.message.text
    assert not bench.work.comparison_export.busy


def test_another_ending_is_refused(many: Bench, tmp_path: Path) -> None:
    facts = many.work.comparison_export.facts(many.document.selected)
    with pytest.raises(DataError, match="choose one of these endings"):
        write_matrix(tmp_path / "all.jpg", facts)
