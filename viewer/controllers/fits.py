"""Measures which models fit the open slide, when there is nothing else to do."""

from __future__ import annotations

from itertools import count

from PySide6.QtCore import QTimer

from ssmamba.engine.messages import FitResult, MeasureFit, Priority, SlideRef
from ssmamba.reading.values import ReadOptions
from viewer.controllers.shared import Controller, Shared
from viewer.services.engine_bridge import EngineBridge
from viewer.state.fits import Fits, better, candidates
from viewer.state.library import Model
from viewer.state.scale import set_field_px
from viewer.text.tr import tr

SOON_MS = 500  # after a change of slide or models
FIRST_JOB = -2  # numbers downwards, apart from those of the answers


class FitController(Controller):
    """Asks the engine about the models in use, then, if none fits, about others of the list.

    Ticks are the user's: a better model is offered once for each slide.
    """

    def __init__(self, shared: Shared, bridge: EngineBridge) -> None:
        super().__init__(shared)
        self._bridge = bridge
        self.fits = Fits()
        self._numbers = count(FIRST_JOB, -1)
        self._asked: dict[tuple[str, str], int] = {}  # model's path and version -> job
        self._offered = False
        self._soon = QTimer(self, singleShot=True, interval=SOON_MS)
        self._soon.timeout.connect(self._ask)
        shared.document.slide_changed.connect(self._on_slide_changed)
        shared.library.changed.connect(self._later)
        bridge.ready.connect(self._later)
        bridge.replied.connect(self._on_reply)
        bridge.died.connect(lambda _: self._asked.clear())

    def _on_slide_changed(self) -> None:
        self._asked.clear()
        self._offered = False
        self.fits.clear()
        self._later()

    def _later(self, *_: object) -> None:
        self._soon.start()

    def _ask(self) -> None:
        """Only of an engine that runs: it is not started for this."""
        if self._document.slide is None or self._bridge.state is None:
            return
        used = self._library.in_use
        for model in used:
            self._measure(model)
        if used and all(self.fits.fits(model) is False for model in used):
            for model in candidates(self._library.models):
                self._measure(model)
        self._offer()

    def _measure(self, model: Model) -> None:
        slide, key = self._document.slide, (model.path, model.version)
        if slide is None or key in self._asked or model.card.calibration.distance_limit is None:
            return
        number = self._asked[key] = next(self._numbers)
        ref = SlideRef(slide.path, self._document.slide_settings.mpp, file=slide.file)
        options = ReadOptions(field_px=set_field_px(self._document, model))
        self._bridge.send(MeasureFit(number, ref, model.path, options, priority=Priority.AHEAD))

    def _on_reply(self, reply: object) -> None:
        if not isinstance(reply, FitResult) or reply.job not in self._asked.values():
            return
        model = self._library.get(reply.checkpoint)
        if model is not None:
            self.fits.put(model, reply.distance)
            self._ask()

    def _offer(self) -> None:
        model = better(self.fits, self._library.models)
        slide = self._document.slide
        if model is None or slide is None or self._offered:
            return
        self._offered = True
        text = tr("{name} does not look like what the ticked models were trained on; {model} fits.")
        self._messages.offer(
            text.format(name=slide.name, model=model.name),
            tr("Use it"),
            lambda: self._library.set_in_use(model.path, True),
        )
