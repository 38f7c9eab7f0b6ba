"""State and services as a window has them, without the window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from tests.viewer.controllers.desk import Desk
from tests.viewer.fakes import FakeEngine, square, write_model
from tests.viewer.state.test_planning import INFO
from viewer.canvas import SlideCanvas
from viewer.controllers.analysis import AnalysisController
from viewer.controllers.shared import Shared
from viewer.services.engine_bridge import EngineBridge
from viewer.services.notices import Message
from viewer.state.library import read_model


@pytest.fixture
def shared(qtbot: QtBot) -> Iterator[Shared]:
    """With an open slide of 1,000 × 1,000 px."""
    made = Shared()
    made.document.set_slide(INFO)
    yield made
    made.background.close()


@pytest.fixture
def told(shared: Shared) -> list[Message]:
    """What the message bar would show, in order."""
    posted: list[Message] = []
    shared.messages.posted.connect(posted.append)
    return posted


@pytest.fixture
def canvas(qtbot: QtBot) -> SlideCanvas:
    made = SlideCanvas()
    qtbot.addWidget(made)
    return made


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path, engines: list[FakeEngine]) -> Desk:
    shared, bridge = Shared(), EngineBridge(FakeEngine)
    document, library = shared.document, shared.library
    posted: list[Message] = []
    shared.messages.posted.connect(posted.append)
    analysis = AnalysisController(shared, bridge)
    library.add([read_model(write_model(tmp_path / "a.safetensors"))], use=True)
    document.set_slide(INFO)
    document.add([square(0, 0, 100, "A", "a"), square(200, 0, 100, "B", "b")])
    return Desk(shared, document, library, bridge, analysis, posted, qtbot)
