"""The analysis controller with a fake engine, as its tests drive it."""

from __future__ import annotations

from dataclasses import dataclass

from pytestqt.qtbot import QtBot

from ssmamba.engine.messages import (
    Classify,
)
from tests.viewer.fakes import FakeEngine, square
from viewer.controllers.analysis import AnalysisController
from viewer.controllers.shared import Shared
from viewer.services.engine_bridge import EngineBridge
from viewer.services.notices import Message
from viewer.state.document import Document
from viewer.state.library import ModelLibrary


@dataclass
class Desk:
    """The controller with what it stands between."""

    shared: Shared
    document: Document
    library: ModelLibrary
    bridge: EngineBridge
    analysis: AnalysisController
    messages: list[Message]
    qtbot: QtBot

    @property
    def engine(self) -> FakeEngine:
        return FakeEngine.made[-1]

    def settle(self) -> None:
        self.qtbot.waitUntil(lambda: not self.analysis.busy)

    def wait_for(self, kind: type, count: int = 1) -> None:
        self.qtbot.waitUntil(
            lambda: bool(FakeEngine.made) and len(self.engine.of_kind(kind)) >= count
        )

    def at_work_on(self, roi_id: str) -> FakeEngine:
        """An engine that has answered for "b" and computes for another region."""
        self.analysis.ask(["b"])
        self.settle()
        self.engine.patient = True
        self.analysis.ask([roi_id])
        self.wait_for(Classify, 2)
        return self.engine

    def crowd(self, count: int) -> list[str]:
        """Regions r0, r1, ... more; returns the ids of all."""
        self.document.add([square(x * 10, 300, 8, f"R{x}", f"r{x}") for x in range(count)])
        return [roi.id for roi in self.document.rois]
