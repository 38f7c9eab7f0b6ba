"""Keeps the answers of the open slide, and shows those of earlier runs where they still hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from PySide6.QtCore import Signal

from ssmamba.engine.messages import ClassifyResult
from viewer.controllers.shared import Controller, Shared
from viewer.saving.answers import KeptAnswer
from viewer.state.results import AnswerKey


class AnswerController(Controller):
    """An answer holds for the file that gave it, at the scale of the slide's file."""

    came = Signal(object)  # KeptAnswer, to be saved

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self._kept: tuple[KeptAnswer, ...] = ()  # of earlier runs, for the open slide
        self._known: dict[tuple[str, str], ClassifyResult] = {}  # by region and checkpoint path
        shared.document.slide_changed.connect(self._forget)
        shared.document.results_changed.connect(self._on_results)
        shared.library.changed.connect(self.place)

    def take(self, answers: Iterable[KeptAnswer]) -> None:
        """Show the saved answers of the open slide, now or when their model is in use."""
        slide = self._document.slide
        self._kept = tuple(a for a in answers if slide is not None and a.slide_mpp == slide.mpp)
        self.place()

    def place(self) -> None:
        """Show the answers of models that are in use, unless there is a newer one."""
        placed = False
        for answer in self._kept:
            result = answer.result
            if self._document.roi(result.roi_id) is None:
                continue
            for model in self._library.in_use:
                known = (result.roi_id, model.path)
                if known in self._known or model.file_sha256 != result.stamp.checkpoint_sha256:
                    continue
                key = AnswerKey(result.roi_id, model.path, model.version, answer.reading)
                self._known[known] = replace(result, checkpoint=model.path)
                self._document.results.put(key, self._known[known])
                placed = True
        if placed:
            self._document.results_changed.emit(None)

    def _forget(self) -> None:
        self._kept = ()
        self._known.clear()

    def _on_results(self, roi_id: str | None) -> None:
        """Have a new answer of a region saved."""
        slide = self._document.slide
        if roi_id is None or slide is None:
            return
        for model in self._library.in_use:
            found = self._document.results.newest_answer(roi_id, model.path)
            if found is not None and self._known.get((roi_id, model.path)) is not found[1]:
                key, result = found
                self._known[roi_id, model.path] = result
                self.came.emit(KeptAnswer(result, key.reading, slide.mpp))
