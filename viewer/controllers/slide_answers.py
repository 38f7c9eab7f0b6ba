"""Has a slide model answer for the open slide, and lays the answer on the canvas."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import count

from PySide6.QtCore import Signal

from ssmamba.engine.messages import (
    AnswerSlide,
    Cancel,
    JobCancelled,
    JobDone,
    JobFailed,
    Progress,
    SlideAnswer,
    SlideRef,
)
from viewer.canvas import SlideCanvas
from viewer.controllers.shared import Controller, Shared
from viewer.saving.answers import KeptSlideAnswer
from viewer.services.engine_bridge import EngineBridge
from viewer.state.library import Model
from viewer.state.slide_answer import Answered, SlideAnswers, Status
from viewer.text.tr import tr, translated

FIRST_JOB = 1 << 41  # numbers apart from those of answers, fits and scans
NOWHERE = (0.0, 0.0, 0.0, 0.0)


class SlideAnswerController(Controller):
    """At most one answer at a time, which goes with its slide and with the file that gave it."""

    model_replaced = Signal(str)  # path of a checkpoint whose file is no longer the one listed
    kept_changed = Signal(object)  # KeptSlideAnswer to be saved, or None: it was put away

    def __init__(self, shared: Shared, bridge: EngineBridge, canvas: SlideCanvas) -> None:
        super().__init__(shared)
        self._bridge, self._canvas = bridge, canvas
        self.answers = SlideAnswers()
        self._numbers = count(FIRST_JOB)
        self._job: int | None = None
        self._path = ""  # of the model that was asked, or has answered
        self._asked_mpp: float | None = None  # of the slide when it was asked, µm/px
        self._kept: KeptSlideAnswer | None = None  # of the open slide, also while not shown
        self._lit: int | None = None  # number of the region whose group is outlined
        self._shown: object = None  # what the picture on the slide is made of
        document = shared.document
        document.slide_changed.connect(self._on_slide_changed)
        document.slide_settings_changed.connect(self._on_settings)
        shared.library.changed.connect(self._on_library)
        bridge.replied.connect(self._on_reply)
        bridge.died.connect(lambda _: self._on_died())
        bridge.restarted.connect(self._on_died)
        self.answers.changed.connect(self._paint)
        canvas.cursor_moved.connect(self._light_up)

    @property
    def models(self) -> list[Model]:
        """Those that answer for slides, in list order."""
        return [model for model in self._library.models if model.answers_slides]

    @property
    def busy(self) -> bool:
        return self._job is not None

    @property
    def can_ask(self) -> bool:
        return self._document.slide is not None and bool(self.models) and not self.busy

    def ask(self, path: str = "") -> None:
        """Ask a model by its path; "" = the one that was asked last, else the first."""
        slide = self._document.slide
        paths = [model.path for model in self.models]
        if slide is None or not paths:
            return
        self.stop()
        self._path = path or (self._path if self._path in paths else paths[0])
        self._job, self._asked_mpp = next(self._numbers), self._document.mpp
        self.answers.begin()
        ref = SlideRef(slide.path, self._document.slide_settings.mpp, file=slide.file)
        self._bridge.send(AnswerSlide(self._job, ref, self._path))

    def stop(self) -> None:
        """Wait no longer; what was said before stays."""
        if self._job is not None:
            self._bridge.send(Cancel(self._job))
            self._job = None
            self.answers.fail("")

    def put_away(self) -> None:
        """Take the answer off the slide and out of the panel; it does not come back."""
        self.stop()
        self.answers.clear()
        if self._kept is not None:
            self._kept = None
            self.kept_changed.emit(None)

    # --- what is kept
    def take(self, kept: KeptSlideAnswer) -> None:
        """Show a saved answer of the open slide, now or when its model is listed."""
        slide, here = self._document.slide, self._kept
        if slide is None or kept.slide_mpp != slide.mpp:
            return
        if here is None or here.answer.stamp.time < kept.answer.stamp.time:
            self._kept = kept
            self._place()
            self.kept_changed.emit(kept)

    def _place(self) -> None:
        """Show what is kept where the file that said it is listed, and for no other file."""
        kept = self._kept
        if kept is None:
            return
        answer, found = kept.answer, self.answers.found
        shown = found is not None and found.answer is answer
        model = next((m for m in self.models if _said(m, answer, shown)), None)
        if model is not None and not shown:
            answer = replace(answer, checkpoint=model.path)
            self._kept = replace(kept, answer=answer)
            status: Status = "asked" if self.busy else "done"
            answered = Answered(model.card, model.name, answer)
            self.answers.put(answered, kept.mpp != self._document.mpp, status)
        elif model is None and (shown or not self.answers.status):
            other = self._library.get(answer.checkpoint)
            replaced = other is not None and other.file_sha256 not in ("", _sha256(answer))
            self.answers.withdraw(_replaced_text(other.name) if other and replaced else "")

    # --- replies
    def _on_reply(self, reply: object) -> None:
        if self._job is None or getattr(reply, "job", None) != self._job:
            return
        if isinstance(reply, Progress):
            self.answers.progress(reply.done / max(1, reply.total), reply.left_s)
        elif isinstance(reply, SlideAnswer):
            self._take(reply)
        elif isinstance(reply, JobFailed):
            self._job = None
            self.answers.fail(translated(reply.message))
        elif isinstance(reply, JobDone | JobCancelled):
            self._job = None
            if self.answers.status == "asked":
                self.answers.fail("")
            else:
                self.answers.changed.emit()  # one can ask again

    def _take(self, reply: SlideAnswer) -> None:
        model = self._library.get(reply.checkpoint)
        if model is None or model.file_sha256 not in ("", _sha256(reply)):
            text = tr("The file of this model was replaced by another one. Ask again.")
            self.answers.fail(text)
            self.model_replaced.emit(reply.checkpoint)
            return
        slide, mpp = self._document.slide, self._asked_mpp
        assert slide is not None  # another slide ends the job
        self._kept = KeptSlideAnswer(reply, mpp, slide.mpp)
        self.answers.put(Answered(model.card, model.name, reply), mpp != self._document.mpp)
        self.kept_changed.emit(self._kept)

    def _on_died(self) -> None:
        if self._job is not None:
            self._job = None
            self.answers.fail(tr("The engine stopped before it could answer. Ask again."))

    # --- changes
    def _on_slide_changed(self) -> None:
        self._kept = None  # saved with the former slide
        self.put_away()

    def _on_settings(self) -> None:
        if self._kept is not None:
            self.answers.set_outdated(self._kept.mpp != self._document.mpp)

    def _on_library(self) -> None:
        if self._path and self._library.get(self._path) is None:
            self._path = ""
            self.stop()
        self._place()
        self.answers.changed.emit()  # there may be another model to ask

    # --- on the slide
    def _paint(self) -> None:
        found, look, layer = self.answers.found, self.answers.look, self._canvas.scene.slide_answer
        shown = found, look.layer, look.output
        if shown != self._shown:  # another opacity needs no other picture
            self._shown = shown
            self._light(None)  # a number of a region belongs to its answer
            picture = None if found is None else found.picture(look)
            layer.set_picture(*(picture or (None, NOWHERE)))
        layer.opacity = look.opacity
        slide = self._document.slide
        if slide is not None:
            layer.clip = (0.0, 0.0, float(slide.width), float(slide.height))
        self._canvas.update()

    def _light_up(self, x: float, y: float) -> None:
        """Outline the group of the region under the cursor, while a layer shows regions."""
        found = self.answers.found
        if found is None or not self.answers.look.layer or not math.isfinite(x):
            self._light(None)
            return
        self._light(found.region_at(x, y))

    def _light(self, region: int | None) -> None:
        if region == self._lit:
            return
        self._lit = region
        found = self.answers.found
        shown = None if region is None or found is None else found.alike(region)
        self._canvas.set_highlight(shown)


def _sha256(answer: SlideAnswer) -> str:
    """Of the file that gave an answer."""
    return answer.stamp.checkpoint_sha256


def _said(model: Model, answer: SlideAnswer, shown: bool) -> bool:
    """Whether this file gave an answer. shown: it did so when that came, and is the one still."""
    unread = shown and not model.file_sha256 and model.path == answer.checkpoint
    outputs = model.card.slide_outputs == len(answer.values)
    return outputs and (unread or model.file_sha256 == _sha256(answer))


def _replaced_text(model_name: str) -> str:
    """Why the answer of a model that was replaced is not shown."""
    text = tr(
        "The file of {model} is not the one that answered for this slide, so that answer is not "
        "shown. Ask again."
    )
    return text.format(model=model_name)
