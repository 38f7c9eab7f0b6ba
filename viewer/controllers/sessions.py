"""Saves and restores the open slide's regions and settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer, Signal

from ssmamba.errors import RoiError
from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import SlideInfo
from viewer.controllers.answers import AnswerController
from viewer.controllers.shared import Controller, Shared
from viewer.saving.answers import SLIDE_ANSWER, KeptAnswer, KeptSlideAnswer
from viewer.saving.contents import (
    REGION,
    applied,
    by_key,
    contents_of,
    measured,
    read_all,
    regions_of,
    settings_of,
    steps_by_key,
    with_scale_of_file,
    without_old_scale,
    without_regions,
)
from viewer.saving.history import history_of
from viewer.saving.keeper import Keeper, News
from viewer.saving.save_queue import Outcome, SaveFailure, SaveQueue, Written
from viewer.saving.session import Session, SessionStore
from viewer.saving.session_file import write_session_file
from viewer.saving.turns import awaited
from viewer.services.background import Background
from viewer.services.notices import describe
from viewer.text import formats
from viewer.text.tr import tr

SAVE_DELAY_MS = 600  # after the first change that is not saved yet; later ones do not put it off
LOOK_MS = 2000  # between two looks at what other windows have changed


class SessionController(Controller):
    """Connects the document to its saved session."""

    restored = Signal(object)  # SlideInfo
    slide_answer_found = Signal(object)  # KeptSlideAnswer, of the open slide
    reader_changed = Signal(str)

    def __init__(self, shared: Shared, store: SessionStore) -> None:
        super().__init__(shared)
        document = shared.document
        self._folder = store.folder
        self.reader = store.reader  # "" = the first one
        self._queue = SaveQueue(store)
        self._keeper = Keeper(self._queue)
        self._files = Background(self._messages.report, workers=1, parent=self)  # in order
        self._answers = AnswerController(shared)
        self._answers.came.connect(self._on_answer)
        self._new_answers: dict[str, Any] = {}  # by key, not queued yet; None = gone
        self._dirty = False  # changed since it was last queued
        self._settings_changed = False  # by the user, since the slide was opened
        self._restoring = False
        self.found = 0  # regions in the saved session of the open slide
        self.saved_at: float | None = None  # when that was saved, seconds since 1970
        self._own_change = False  # the document is being changed from here
        self._reported: set[str] = set()  # failures reported since the last successful save
        self._save_soon = QTimer(self, singleShot=True, interval=SAVE_DELAY_MS)
        self._save_soon.timeout.connect(self._save)
        self._look_often = QTimer(self, interval=LOOK_MS)
        self._look_often.timeout.connect(self._look)
        document.rois_changed.connect(self._on_changed)
        for event in (
            document.slide_settings_changed,
            document.classes_changed,
            document.look_changed,
        ):
            event.connect(self._on_settings_changed)
        document.selection_changed.connect(self._on_changed)
        document.view_changed.connect(self._on_changed)
        document.seen_changed.connect(self._on_changed)
        document.steps_lost.connect(self._on_steps_lost)

    @property
    def restoring(self) -> bool:
        """Whether the slide's saved state is still being read."""
        return self._restoring

    @property
    def busy(self) -> bool:
        """Whether anything is still to be read or written."""
        return self._restoring or self._dirty or self._files.busy

    def name_of(self, info: SlideInfo) -> str:
        """Name of the files that are kept of a slide, by its content, and of the reader."""
        return SessionStore(self._folder, self.reader).name_of(info)

    def begin(self, info: SlideInfo) -> None:
        """Switch the document to another slide; changes of the previous one are saved."""
        self._queue_changes()
        self._write()
        self._settings_changed = False
        self._restoring = True
        with self._changing():
            self._document.set_slide(info)
        self._keeper.begin(info)
        self._look_often.start()
        queue = self._queue
        self._files.run(
            lambda: _loaded(queue, info),
            lambda session: self._on_loaded(info, session),
            lambda error: self._on_not_loaded(info, error),
        )

    def end(self) -> None:
        """No slide is shown any more; changes of the one that was are saved."""
        self._queue_changes()
        self._write()
        self._look_often.stop()
        self._restoring = False
        with self._changing():
            self._document.set_slide(None)
        self._files.run(self._queue.leave)

    def set_reader(self, name: str) -> None:
        """Continue as another reader, with their own session of the open slide; "" = the first."""
        if name == self.reader or self.finish():  # which tells what could not be written
            return
        self._files.run(self._queue.leave)
        self.reader = name
        self._queue = SaveQueue(SessionStore(self._folder, name))
        self._keeper = Keeper(self._queue)
        slide = self._document.slide
        if slide is not None:
            self.begin(slide)
        self.reader_changed.emit(name)

    def write_file(self, path: Path, then: Callable[[], None]) -> None:
        """Write what is kept of the open slide to a file, after what has just changed."""
        slide, queue = self._document.slide, self._queue
        if slide is None:
            return
        self._queue_changes()
        self._write()

        def work() -> None:
            try:
                write_session_file(path, queue.records(slide), slide)
            except OSError as error:
                text = tr("Could not save the session to {path} ({reason}). Choose another folder.")
                raise RoiError(text.format(path=path, reason=error.strerror)) from error

        self._files.run(work, lambda _: then(), due=True)

    def peek(self, info: SlideInfo, then: Callable[[Session], None]) -> None:
        """Read what is kept of a slide that is not the open one; changes nothing."""
        queue = self._queue

        def work() -> Session:
            contents, _ = read_all(queue.records(info))
            measured(regions_of(contents))
            return Session(without_old_scale(contents, info.mpp))

        self._files.run(work, then)

    def add_to(self, info: SlideInfo, rois: Iterable[Roi]) -> None:
        """Add regions to a slide that is not the open one, as a step that can be undone there."""
        new = list(rois)
        self._document.note_added(info, new, tr("Copy from another slide"))
        self._queue.add(info, {REGION + roi.id: roi for roi in new})
        self._write()

    def join(self, session: Session) -> None:
        """Take another session of the open slide into this one; undo removes its regions."""
        document = self._document
        slide = document.slide
        if slide is None:
            return
        session = Session(without_old_scale(session.contents, slide.mpp))
        here = {roi.id: roi for roi in document.rois}
        new = [roi for roi in session.rois if here.get(roi.id) != roi]
        if new:
            document.add(new, tr("Open session"))
        mine = contents_of((), document.slide_settings)
        theirs = contents_of((), session.settings)
        document.set_slide_settings(settings_of(applied(mine, theirs)))
        for answer in session.answers:
            self._on_answer(answer)
        self._answers.take(session.answers)
        if session.slide_answer is not None:
            self.slide_answer_found.emit(session.slide_answer)

    def keep_slide_answer(self, kept: KeptSlideAnswer | None) -> None:
        """Save what a model says of the whole open slide, in place of what was said before."""
        if not self._own_change:
            self._new_answers[SLIDE_ANSWER] = kept
            self._on_changed()

    def finish(self) -> list[SaveFailure]:
        """Write all changes now; returns those that could not be written."""
        self._queue_changes()
        with awaited():
            written = self._queue.write()
        self._on_written(written)
        return [outcome for outcome in written if isinstance(outcome, SaveFailure)]

    def close(self) -> None:
        """After ``finish``; nothing more is saved."""
        self._save_soon.stop()
        self._look_often.stop()
        self._files.close()
        self._queue.leave()

    def _save(self) -> None:
        self._queue_changes()
        self._write()

    def _write(self) -> None:
        self._files.run(self._queue.write, self._on_written)

    def _look(self) -> None:
        """Try again what could not be written, and read what other windows have changed."""
        info = self._document.slide
        if info is not None and not self._restoring and not self._files.busy:
            self._files.run(lambda: self._queue.write() or self._queue.look(info), self._on_written)

    def _queue_changes(self) -> None:
        self._save_soon.stop()
        slide = self._document.slide
        if slide is not None and self._dirty:
            self._dirty = False
            self._keeper.queue(self._document.rois_by_id, self._others())
            if self._new_answers:
                self._queue.add(slide, self._new_answers)
        self._new_answers = {}

    def _others(self) -> dict[str, Any]:
        """What is kept of the document beside its regions."""
        document = self._document
        view, selected, seen = document.view, document.selected, document.seen
        found = without_regions(
            document.slide_settings,
            view=None if view is None else list(view),
            selected=None if selected is None else selected.id,
            seen=seen if seen is not None and seen.is_any else None,
        )
        if self._keeper.keeps_steps:
            found.update(steps_by_key(document.undo_stack))
        slide = document.slide
        return found if slide is None else with_scale_of_file(found, slide.mpp)

    def _on_steps_lost(self) -> None:
        self._messages.warn(
            tr("This step and those beyond it are lost: what was saved of it cannot be read.")
        )
        self._on_changed()

    # --- results of the worker
    def _on_written(self, written: Sequence[Outcome]) -> None:
        failures = {failure_text(w): w for w in written if isinstance(w, SaveFailure)}
        for sentence, failure in failures.items():
            if sentence not in self._reported:  # once, not at each retry
                self._messages.error(sentence, describe(failure.error).details)
        self._reported = set(failures)
        for outcome in written:
            if isinstance(outcome, Written) and outcome.theirs:
                now = {**by_key(self._document.rois_by_id), **self._others()}
                self._take_in(self._keeper.receive(outcome, now))

    def _take_in(self, news: News) -> None:
        """Show what another window has changed on this slide."""
        if not news:
            return
        document = self._document
        added = sum(document.roi(roi.id) is None for roi in news.rois)
        settings = settings_of(applied(contents_of((), document.slide_settings), news.settings))
        with self._changing():
            document.take_in(news.rois, news.deleted, settings)
        document.join_seen(news.seen)  # saved, where this window has seen more
        texts = (
            (added, tr("Added {regions} that another window saved.")),
            (len(news.deleted), tr("Removed {regions} that another window deleted.")),
        )
        for count, text in texts:
            if count:
                self._messages.info(text.format(regions=formats.regions(count)))

    def _on_loaded(self, info: SlideInfo, session: Session) -> None:
        if self._document.slide is not info:
            return
        own = self._document.slide_settings
        contents = self._keeper.take(session)
        self._document.undo_stack.join(*history_of(contents.others))
        with self._changing():
            self._document.restore(
                contents.rois, own if self._settings_changed else contents.settings
            )
            if self._document.view is None:
                self._document.note_view(contents.view)
            self._document.join_seen(contents.seen)
            self._answers.take(contents.answers)  # before a selection asks for them
            if self._document.selected is None:
                self._document.select(contents.selected)
            if contents.slide_answer is not None:
                self.slide_answer_found.emit(contents.slide_answer)
        self.found, self.saved_at = len(contents.rois), session.saved_at
        self._restoring = False
        if session.warning:
            self._messages.warn(session.warning, session.details)
        if session.shared:
            text = tr(
                "{name} is also open in another window of this program; both are saved, and each "
                "shows the other's changes."
            )
            self._messages.info(text.format(name=info.name))
        if self._dirty:
            self._save_soon.start()
        self.restored.emit(info)

    def _on_not_loaded(self, info: SlideInfo, error: BaseException) -> None:
        text = tr(
            "Could not restore the saved regions of {name}; the file was left unchanged. "
            "Open the slide again to retry."
        )
        self._messages.error(text.format(name=info.name), describe(error).details)
        self._on_loaded(info, Session())

    # --- changes of the document
    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Changes made within come from the disk and need not be saved."""
        self._own_change = True
        try:
            yield
        finally:
            self._own_change = False

    def _on_changed(self) -> None:
        if self._document.slide is not None and not self._own_change:
            self._dirty = True
            if not self._save_soon.isActive():
                self._save_soon.start()

    def _on_answer(self, answer: KeptAnswer) -> None:
        self._new_answers[answer.key] = answer
        self._on_changed()

    def _on_settings_changed(self) -> None:
        self._settings_changed = self._settings_changed or not self._own_change
        self._on_changed()


def _loaded(queue: SaveQueue, info: SlideInfo) -> Session:
    """The saved session, whose parts are told apart on the worker."""
    session = queue.load(info)
    _ = session.regions, session.others
    return session


def failure_text(failure: SaveFailure) -> str:
    """The message for the user."""
    cause = failure.error.__cause__ or failure.error
    reason = getattr(cause, "strerror", None) or tr("unexpected error")
    return tr(
        "Could not save the regions of {name} ({reason}). Export them or free some space; "
        "saving is retried every few seconds."
    ).format(name=failure.info.name, reason=reason)
