"""State and services as a window has them, without the window."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from tests.viewer.state.test_planning import INFO
from viewer.canvas import SlideCanvas
from viewer.controllers.shared import Shared
from viewer.services.notices import Message


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
