"""Which model fits the open slide: who is asked, what is said, and that ticks are the user's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from ssmamba.checkpoints.card import Calibration, InputSpec
from ssmamba.engine.messages import FitResult, MeasureFit
from tests.viewer.controllers.desk import Desk
from tests.viewer.fakes import FakeEngine, write_model
from tests.viewer.state.test_planning import INFO
from viewer.controllers.fits import FitController
from viewer.panels.models import ModelsPanel
from viewer.state.library import read_model

KNOWS = Calibration(distance_limit=10.0)


@pytest.fixture
def fitting(desk: Desk, tmp_path: Path) -> Iterator[FitController]:
    """With the ticked model "a" (which measures nothing), lac, and pbc and an ablation unticked."""
    lac, pbc = InputSpec(tissue="lung"), InputSpec(tissue="blood", picture="cell")
    for name, data, spec in (("lac", "LaC", lac), ("pbc", "PBC", pbc), ("lac-b", "LaC", lac)):
        path = tmp_path / f"{name}.safetensors"
        write_model(path, dataset={"name": data}, input=spec, calibration=KNOWS)
        desk.library.add([read_model(path)], use=name == "lac")
    desk.library.set_in_use(str(tmp_path / "a.safetensors"), False)
    made = FitController(desk.shared, desk.bridge)
    made._soon.setInterval(0)
    desk.bridge.start()
    yield made
    desk.shared.background.close()


def asked(desk: Desk) -> list[str]:
    return [Path(r.checkpoint).stem for r in desk.engine.of_kind(MeasureFit)]


def reply(desk: Desk, distance: float | None) -> None:
    """The engine's answer to the latest question."""
    request = desk.engine.of_kind(MeasureFit)[-1]
    slide = request.slide.path
    desk.engine.reply(FitResult(request.job, request.checkpoint, slide, distance, 6))


def test_a_model_that_fits_is_not_talked_about(
    qtbot: QtBot, desk: Desk, fitting: FitController
) -> None:
    qtbot.waitUntil(lambda: asked(desk) == ["lac"])
    reply(desk, 0.8)
    qtbot.wait(20)
    assert asked(desk) == ["lac"] and desk.messages == []


def test_a_better_model_is_offered_once_and_ticked_only_by_the_user(
    qtbot: QtBot, desk: Desk, fitting: FitController
) -> None:
    panel = ModelsPanel(desk.library, fitting.fits)
    qtbot.addWidget(panel)
    qtbot.waitUntil(lambda: asked(desk) == ["lac"])
    reply(desk, 3.0)
    qtbot.waitUntil(lambda: asked(desk) == ["lac", "pbc"])  # and no ablation of the one in use
    reply(desk, 0.7)
    qtbot.waitUntil(lambda: len(desk.messages) == 1)
    (message,) = desk.messages
    assert "pbc fits" in message.text and message.action
    assert [m.name for m in desk.library.in_use] == ["lac"]
    rows = {Path(path).stem: row for path, row in panel._rows.items()}
    assert "3.0 times the limit" in rows["lac"]._fit.text() and not rows["lac"]._fit.isHidden()
    assert rows["pbc"]._fit.isHidden() and rows["lac-b"]._fit.isHidden()
    assert message.on_action is not None
    message.on_action()
    qtbot.wait(20)
    assert [m.name for m in desk.library.in_use] == ["lac", "pbc"]
    assert len(desk.messages) == 1


def test_nothing_is_offered_when_nothing_fits(
    qtbot: QtBot, desk: Desk, fitting: FitController
) -> None:
    qtbot.waitUntil(lambda: asked(desk) == ["lac"])
    reply(desk, 3.0)
    qtbot.waitUntil(lambda: asked(desk) == ["lac", "pbc"])
    reply(desk, 2.0)
    qtbot.wait(20)
    assert desk.messages == []


def test_another_slide_is_measured_anew_and_late_answers_are_dropped(
    qtbot: QtBot, desk: Desk, fitting: FitController
) -> None:
    qtbot.waitUntil(lambda: asked(desk) == ["lac"])
    late = desk.engine.of_kind(MeasureFit)[0]
    desk.document.set_slide(replace(INFO, path="/slides/b.svs"))
    qtbot.waitUntil(lambda: asked(desk) == ["lac", "lac"])
    desk.engine.reply(FitResult(late.job, late.checkpoint, late.slide.path, 9.0, 6))
    lac = desk.library.in_use[0]
    assert fitting.fits.fits(lac) is None
    reply(desk, 0.5)
    qtbot.waitUntil(lambda: fitting.fits.fits(lac) is True)
    assert isinstance(desk.engine, FakeEngine)
