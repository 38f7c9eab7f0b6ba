"""Opens and closes slides, lists those that are open, and the recent ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import Signal

from ssmamba.slides.slide import SlideInfo
from viewer.canvas import SlideCanvas
from viewer.controllers.sessions import SessionController
from viewer.controllers.shared import Controller, Shared
from viewer.saving.recents import Recents, is_there
from viewer.services.background import Background
from viewer.state.slide_list import SlideList
from viewer.text import formats
from viewer.text.tr import tr, tr_n, translated


class SlideController(Controller):
    """Connects the canvas to the document and its saved sessions."""

    opened = Signal(object)  # SlideInfo; its saved regions have been restored
    failed = Signal(str)  # message
    opening = Signal(str)  # file name
    recents_changed = Signal(list)  # paths, newest first

    def __init__(
        self, shared: Shared, canvas: SlideCanvas, sessions: SessionController, recents: Recents
    ) -> None:
        super().__init__(shared)
        document = shared.document
        self._canvas = canvas
        self._sessions = sessions
        self._recents = recents
        self._lookups = Background(
            shared.messages.report, workers=1, parent=self
        )  # may wait for a drive
        self._wanted: str | None = None
        self._closing = False
        self._were_slides: set[str] = set()  # paths that were opened once
        self.list = SlideList()
        canvas.slide_opened.connect(self._on_opened)
        canvas.slide_failed.connect(self._on_failed)
        canvas.read_failed.connect(self._messages.warn)
        sessions.restored.connect(self._on_restored)
        document.slide_settings_changed.connect(self._on_slide_settings)
        document.look_changed.connect(self._on_look)

    @property
    def coming(self) -> str | None:
        """Path of the requested slide until it is open and its regions are restored."""
        slide = self._document.slide
        if self._wanted is None and slide is not None and self._sessions.restoring:
            return slide.path
        return self._wanted

    @property
    def busy(self) -> bool:
        return self.coming is not None

    @property
    def current(self) -> str | None:
        """Path of the slide that is shown, as in the list."""
        slide = self._document.slide
        return None if slide is None else str(Path(slide.path).absolute())

    def open(self, path: str) -> None:
        """Start to open a slide; the current one stays until then."""
        self._wanted = str(Path(path).absolute())  # as SlideInfo and the list have it
        self.opening.emit(Path(path).name)
        self._canvas.open_slide(self._wanted)

    def switch_to(self, path: str) -> None:
        """Open a slide of the list, unless it is shown or coming already."""
        if path == self.current and self._wanted is not None:
            self._stop_opening()
        elif path not in (self.current, self._wanted):
            self.open(path)

    def step(self, by: int) -> None:
        """Switch to the next slide of the list (by 1) or to the one before (-1)."""
        path = self.list.beside(self._wanted or self.current or "", by)
        if path is not None:
            self.switch_to(path)

    def close_slide(self, path: str) -> None:
        """Take a slide off the list; of the one that is shown, the next takes the place.

        Everything of it is kept, for when it is opened again.
        """
        if path not in self.list.paths:
            return
        at, was_shown = self.list.paths.index(path), path == self.current

        def take_back() -> None:
            self.list.add([path])
            self.list.move(path, at)
            if was_shown:
                self.switch_to(path)

        text = tr("Closed {name}; its regions and answers are kept.").format(name=Path(path).name)
        self._messages.info_with_undo(text, take_back)
        following = self.list.beside(path, 1)
        self.list.remove(path)
        if path == self._wanted:
            self._stop_opening()
        if self._wanted is None and self._is_closed:
            if following is None:
                self._leave()
            else:
                self.open(following)

    def relocate(self, path: str, found: str) -> None:
        """Open a slide of the list whose file is at another place now."""
        self._were_slides.add(str(Path(found).absolute()))
        self.list.replace(path, str(Path(found).absolute()))
        self.open(found)

    def open_if_there(self, path: str) -> None:
        """Open the slide of the last start, unless it is gone or another has been asked for."""

        def opened(is_there: bool) -> None:
            if is_there and self.coming is None and self._document.slide is None:
                self.open(path)

        self._lookups.run(lambda: is_there(path), opened)

    def read_recents(self) -> None:
        """Look up which recent slides still exist; a dead network drive makes this slow."""
        self._lookups.run(self._recents.paths, self.recents_changed.emit)

    def remember(self, paths: Sequence[str]) -> None:
        """List slides that the user can switch between."""
        self.list.add(str(Path(path).absolute()) for path in paths)

    def note_opened(self, path: str) -> None:
        """The file is a slide: it stays in the list, whatever becomes of it."""
        self._were_slides.add(path)
        self.remember([path])

    def drop_unopened(self, path: str) -> None:
        """Take a file off the list that is there, could not be opened, and never was a slide."""

        def looked(there: bool) -> None:
            if there and path not in self._were_slides:
                self.list.remove(path)

        self._lookups.run(lambda: is_there(path), looked)

    def restore(self, paths: Sequence[str]) -> None:
        """List the slides of the last start, and say which of them are gone."""
        self._were_slides.update(paths)
        self.list.restore(paths)
        self._look_for_files(tell=True)

    def close(self) -> None:
        self._recents.stop()
        self._closing = True
        self._lookups.close()

    def _on_opened(self, info: SlideInfo) -> None:
        self._wanted = None
        self.note_opened(info.path)
        self._look_for_files()
        if info.notes:
            self._messages.warn(f"{info.name}: {' '.join(map(translated, info.notes))}")
        self._sessions.begin(info)
        self._lookups.run(
            lambda: self._recents.note(info.path), lambda _: self.read_recents(), due=True
        )

    def _on_restored(self, info: SlideInfo) -> None:
        """Name the session that was found; what was drawn meanwhile is no part of it."""
        if self._sessions.found:
            regions = formats.regions(self._sessions.found)
            text = tr("{regions} restored.").format(regions=regions)
            if self._sessions.saved_at is not None:
                day = formats.day(datetime.fromtimestamp(self._sessions.saved_at))
                text = tr("{regions} from {day} restored.").format(regions=regions, day=day)
            self._messages.info(text)
        self.opened.emit(info)

    def _on_failed(self, message: str, details: str) -> None:
        path, self._wanted = self._wanted, None
        self._messages.error(message, details)
        self.failed.emit(message)
        if path is not None:
            self.drop_unopened(path)
        self._look_for_files()
        if self._is_closed:
            self._leave()  # the next one was to take its place

    @property
    def _is_closed(self) -> bool:
        """Whether the slide that is still shown has been taken off the list."""
        return self.current is not None and self.current not in self.list.paths

    def _stop_opening(self) -> None:
        self._wanted = None
        self._canvas.stop_opening()
        self.failed.emit("")

    def _leave(self) -> None:
        """Show no slide."""
        self._sessions.end()
        self._canvas.close_slide()

    def _look_for_files(self, *, tell: bool = False) -> None:
        paths = self.list.paths

        def looked(missing: list[str]) -> None:
            self.list.note_missing(missing)
            if missing and tell:
                text = tr_n(
                    "{names} is no longer where it was. Right-click it under Slides to find or "
                    "remove it.",
                    "{names} are no longer where they were. Right-click each under Slides to find "
                    "or remove it.",
                    len(missing),
                )
                names = ", ".join(Path(path).name for path in missing)
                self._messages.warn(text.format(names=names), stays=True)

        def look() -> list[str]:
            return [path for path in paths if not (self._closing or is_there(path))]

        self._lookups.run(look, looked)

    def _on_slide_settings(self) -> None:
        self._canvas.set_mpp(self._document.slide_settings.mpp)
        self._canvas.set_icc_enabled(self._document.slide_settings.icc)

    def _on_look(self) -> None:
        self._canvas.set_colors(self._document.slide_settings.colors)
