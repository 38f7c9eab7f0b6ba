"""Asks once for each slide and kind of model how much tissue a window covers."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal

from ssmamba.reading.values import Window
from ssmamba.rois.roi import Roi
from viewer.canvas import SlideCanvas
from viewer.canvas.tools.field_square import FieldSquare
from viewer.controllers.shared import Controller, Shared
from viewer.state.library import Model
from viewer.state.scale import (
    Question,
    field_key,
    field_of,
    question_about,
    question_about_slide,
)


class ScaleController(Controller):
    """Follows the selected region; the square on the slide and the panel show one draft."""

    changed = Signal()  # the question, or the draft of its answer
    slide_answered = Signal(bool)  # what ``ask_about_slide`` asked; False: put off

    def __init__(self, shared: Shared, canvas: SlideCanvas) -> None:
        super().__init__(shared)
        self._canvas = canvas
        self.question: Question | None = None
        self.field_px = 0.0  # draft of the answer, level-0 pixels
        self._put_off: set[str] = set()  # keys for which the user said "later", on this slide
        self._tool_before = canvas.tool()
        self._known = ""  # path of a slide whose scale needs no question
        self._reader: tuple[Model, Roi] | None = None  # that is to read the slide; what is in view
        document = shared.document
        for event in (
            document.selection_changed,
            document.rois_changed,
            document.slide_settings_changed,
            shared.library.changed,
        ):
            event.connect(self._look)
        document.slide_changed.connect(self._on_slide_changed)
        canvas.field_changed.connect(self._on_square)
        canvas.tool_changed.connect(lambda _: self.changed.emit())
        canvas.field_answered.connect(lambda right: self.confirm() if right else self.put_off())

    def accept_suggestions(self, path: str) -> None:
        """Ask nothing about a slide that this program made, such as the demo's: what it would
        suggest is known to be right there."""
        self._known = path
        self._look()

    def ask_about_slide(self, model: Model) -> None:
        """Ask what a model needs to know to read the whole slide; ``slide_answered`` follows."""
        slide = self._document.slide
        if slide is None:
            return
        left, top, right, bottom = self._canvas.camera.view.rect
        left, right = (min(max(x, 0.0), float(slide.width)) for x in (left, right))
        top, bottom = (min(max(y, 0.0), float(slide.height)) for y in (top, bottom))
        ring = ((left, top), (right, top), (right, bottom), (left, bottom))
        self._reader = model, Roi(((ring,),), "rectangle")
        self._put_off.discard(field_key(model))
        self._look()

    @property
    def marking(self) -> bool:
        """Whether the square is on the slide."""
        return self._canvas.tool() == FieldSquare.id

    def mark(self) -> None:
        """Put the square on the slide, about the middle of the region."""
        if self.question is None:
            return
        left, top, right, bottom = self.question.roi.bounds
        half = self.field_px / 2
        square = Window((left + right) / 2 - half, (top + bottom) / 2 - half, self.field_px)
        if not self.marking:
            self._tool_before = self._canvas.tool()
        self._canvas.set_tool(FieldSquare.id)
        self._canvas.field_square.begin(square)
        self._canvas.setFocus()
        self.changed.emit()

    def resize(self, field_px: float) -> None:
        """The side as typed, level-0 pixels."""
        self.field_px = field_px
        if self.marking:
            self._canvas.field_square.resize(field_px)

    def confirm(self) -> None:
        """Use the draft on this slide, now and when it is opened again."""
        question = self.question
        if question is not None:
            settings = self._document.slide_settings.with_field(question.key, round(self.field_px))
            self._leave()
            self._document.set_slide_settings(settings)

    def put_off(self) -> None:
        """No class for this region for now; the question stays in the panel."""
        if self.question is not None:
            self._put_off.add(self.question.key)
        self._leave()
        if self._reader is not None:
            self._reader = None
            self.slide_answered.emit(False)
            self._look()
        self.changed.emit()

    def _leave(self) -> None:
        if self.marking:
            self._canvas.set_tool(self._tool_before)

    def _on_slide_changed(self) -> None:
        self._put_off.clear()
        self._reader = None
        self._look()

    def _look(self, *_: object) -> None:
        old, models = self.question, self._library.in_use
        slide = self._document.slide
        if slide is not None and slide.path == self._known:
            self._accept(models)
        self.question = question_about(self._document, self._document.selected, models)
        answered = False
        if self._reader is not None:
            whole = question_about_slide(self._document, *self._reader)
            answered = whole is None
            self._reader = None if answered else self._reader
            self.question = whole or self.question
        if self.question is None:
            self._leave()
        elif old is None or (old.key, old.field) != (self.question.key, self.question.field):
            self.field_px = self.question.field.px
        if self.question != old:
            self.changed.emit()
            if self.question is not None and self.question.key not in self._put_off:
                self.mark()
        if answered:
            self.slide_answered.emit(True)

    def _accept(self, models: Sequence[Model]) -> None:
        settings = self._document.slide_settings
        for model in models:
            field = field_of(self._document, model)
            if not field.sure:
                settings = settings.with_field(field_key(model), field.px)
        self._document.set_slide_settings(settings)

    def _on_square(self, square: Window) -> None:
        self.field_px = square.side
        self.changed.emit()
