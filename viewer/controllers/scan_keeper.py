"""Has the scan of the open slide written to the disk while it is read, and read again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer

from viewer.saving.scan_file import KeptScan, ScanStore, ScanWriter, State, Windows, read_scan
from viewer.services.background import Background
from viewer.services.notices import MessageCenter, describe
from viewer.state.slide_scan import ScanHead
from viewer.text.tr import tr

SAVE_MS = 1000  # between two writes


class ScanKeeper(QObject):
    """One file at a time; all its work is done in order on one worker."""

    def __init__(self, folder: Path, messages: MessageCenter, parent: QObject) -> None:
        super().__init__(parent)
        self._store = ScanStore(folder)
        self._messages = messages
        self._files = Background(messages.report, workers=1, parent=self)
        self._writer: ScanWriter | None = None
        self._new: list[Windows] = []  # not on the disk yet
        self._head: ScanHead | None = None  # another one that is not on the disk yet
        self._state: State = "reading"
        self._told = False  # that the disk does not take it
        self._soon = QTimer(self, singleShot=True, interval=SAVE_MS)
        self._soon.timeout.connect(self._save)

    def newest(self, slide: str, then: Callable[[KeptScan | None], None]) -> None:
        """Find the scan of a slide (name of its session) that was looked at last."""
        self._files.run(lambda: self._store.newest(slide), then, self._on_unread(then))

    def of_model(self, slide: str, sha256: str, then: Callable[[KeptScan | None], None]) -> None:
        """Find the scan of a slide by one model."""
        path = self._store.path(slide, sha256)
        self._files.run(lambda: read_scan(path), then, self._on_unread(then))

    def _on_unread(
        self, then: Callable[[KeptScan | None], None]
    ) -> Callable[[BaseException], None]:
        def failed(error: BaseException) -> None:
            text = tr("What was read of this slide earlier cannot be opened; read it again.")
            self._messages.warn(text, describe(error).details)
            then(None)

        return failed

    def begin(self, slide: str, head: ScanHead, state: State, *, fresh: bool) -> None:
        """Keep this scan from now on; fresh: in place of what is there."""
        self.leave()
        writer = self._writer = ScanWriter(self._store.path(slide, head.model_sha256))
        self._told, self._head = False, None

        def begun(ours: bool) -> None:
            if not ours and self._writer is writer:
                self._writer = None
                text = tr("Another window keeps the map of this slide; this one's is not kept.")
                self._messages.info(text)

        self._files.run(lambda: writer.begin(head, fresh), begun, self._on_full)
        self.set_state(state)

    def add(self, windows: Windows) -> None:
        if self._writer is not None:
            self._new.append(windows)
            self._touch()

    def renew(self, head: ScanHead) -> None:
        """Other windows count from now on."""
        if self._writer is not None:
            self._head = head
            self._touch()

    def set_state(self, state: State) -> None:
        """Whether the scan goes on by itself when its slide is opened again."""
        self._state = state
        if self._writer is not None:
            self._touch()

    def leave(self) -> None:
        """Write what is new, and let go of the file."""
        self._save()
        writer, self._writer = self._writer, None
        if writer is not None:
            self._files.run(writer.end, due=True)

    def finish(self) -> list[str]:
        """Write all that is new, and wait for it; returns a sentence if it cannot be written."""
        self._save()
        text = tr("The map of this slide could not be kept to its end ({reason}).")
        return [text.format(reason=_reason(error)) for error in self._files.finish()][:1]

    def close(self) -> None:
        self.leave()
        self._files.close()

    def _touch(self) -> None:
        if not self._soon.isActive():
            self._soon.start()

    def _save(self) -> None:
        self._soon.stop()
        writer, new, state, head = self._writer, self._new, self._state, self._head
        self._new, self._head = [], None
        if writer is None:
            return

        def failed(error: BaseException) -> None:
            if self._writer is writer:  # tried again with what comes next
                self._new = [*new, *self._new]
                self._head = self._head or head
                self._touch()
            self._on_full(error)

        self._files.run(lambda: writer.add(new, state, head), self._on_written, failed, due=True)

    def _on_written(self, _: object) -> None:
        self._told = False

    def _on_full(self, error: BaseException) -> None:
        if not self._told:
            self._told = True
            text = tr(
                "The map of this slide cannot be kept ({reason}). Free some space; it is tried "
                "again every second, and the map stays while the slide is open."
            )
            self._messages.warn(text.format(reason=_reason(error)), describe(error).details)


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or tr("unexpected error")
