"""Keeps models, map settings and open slides over the starts of the viewer."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from PySide6.QtCore import Qt, QTimer, Signal

from ssmamba.slides.slide import SlideInfo
from viewer.controllers.beside import BesideController
from viewer.controllers.models import ModelController
from viewer.controllers.sessions import SessionController
from viewer.controllers.shared import Controller, Shared
from viewer.controllers.slides import SlideController
from viewer.saving.workbench import Bench, WorkbenchStore
from viewer.services.background import Background
from viewer.state.comparison import Comparison, without_region
from viewer.state.slide_scans import SlideScans

SAVE_DELAY_MS = 600  # after the first change; later ones do not put it off


class WorkbenchController(Controller):
    """Restores the kept state once, then follows it."""

    restored = Signal()

    def __init__(
        self, shared: Shared, store: WorkbenchStore, models: ModelController,
        slides: SlideController, sessions: SessionController, beside: BesideController,
        scans: SlideScans, comparison: Comparison,
    ) -> None:  # fmt: skip
        super().__init__(shared)
        self._store = store
        self._models = models
        self._slides = slides
        self._sessions = sessions
        self._beside = beside
        self._scans = scans
        self._comparison = comparison
        self.readers: tuple[str, ...] = ()  # names that were used
        self._files = Background(self._messages.report, workers=1, parent=self)
        self._missing: tuple[str, ...] = ()  # added models that are not there now
        self._ready = False  # restored: from now on, changes are the user's
        self._loading = False
        self._save_soon = QTimer(self, singleShot=True, interval=SAVE_DELAY_MS)
        self._save_soon.timeout.connect(self._save)
        document, library = shared.document, shared.library
        for event in (
            document.map_painting_changed,
            document.picture_settings_changed,
            document.maps.changed,
            document.slide_changed,
            library.changed,
            library.shown_changed,
            scans.changed,
            comparison.changed,
            slides.list.changed,
        ):
            event.connect(self._on_changed)
        beside.changed.connect(self._on_changed)
        models.folder_changed.connect(self._on_changed)
        sessions.reader_changed.connect(self._on_reader)

    @property
    def busy(self) -> bool:
        return self._loading

    def begin(
        self, *, use_models: bool = True, preferred: tuple[str, ...] = (), reopen: bool = True
    ) -> None:
        """Restore what was kept.

        use_models: switch on those that were in use, else the default. preferred: paths of models
        that are switched on instead. reopen: the last slide.
        """
        self._loading = True

        def restore(bench: Bench) -> None:
            self._restore(_with_models(bench, preferred), use_models, reopen)

        self._files.run(self._store.load, restore, lambda _: restore(Bench()))

    def finish(self) -> None:
        """Write what is not on disk yet; nothing here is worth keeping the window open for."""
        if self._ready:
            with contextlib.suppress(OSError):
                self._store.save(self._now())

    def close(self) -> None:
        self._save_soon.stop()
        self._files.close()

    def _restore(self, bench: Bench, use_models: bool, reopen: bool) -> None:
        document = self._document
        document.set_map_painting(bench.painting)
        document.set_picture_settings(bench.picture)
        self._scans.take_look(bench.scan_look)
        self._comparison.choose(bench.matrix)
        choice = bench.map_choice
        document.maps.choose(method=choice.method, stage=choice.stage, target=choice.target)
        self._slides.restore(bench.slides)
        self.readers = bench.readers
        self._sessions.set_reader(bench.reader)
        self._models.add_kept(bench, use=use_models, then=lambda: self._on_models(bench))
        if reopen and bench.current:
            # noted again once it is open: a slide that ends the viewer is not opened twice
            self._files.run(lambda: self._store.save(replace(bench, current="")))
            self._slides.open_if_there(bench.current)
            if bench.beside:
                self._open_beside(bench)

    def _open_beside(self, bench: Bench) -> None:
        def opened(info: SlideInfo) -> None:
            if info.path == bench.current:
                self._beside.open_again(bench.beside)

        once = Qt.ConnectionType.SingleShotConnection
        self._slides.opened.connect(opened, once)

    def _on_models(self, bench: Bench) -> None:
        self._missing = tuple(p for p in bench.added if self._library.get(p) is None)
        if bench.shown:
            self._library.show(bench.shown)
        choice = bench.map_choice  # a class that no model had before these were listed
        self._document.maps.choose(target=choice.target)
        self._document.maps.follow(self._library.in_use)
        self._loading = False
        self._ready = True
        self._on_changed()
        self.restored.emit()

    def _now(self) -> Bench:
        document, library = self._document, self._library
        added = [m.path for m in library.models if not m.bundled and not self._models.lists(m.path)]
        shown = library.shown
        slide = document.slide
        return Bench(
            document.map_painting,
            replace(document.maps.latest, checkpoint=""),
            document.picture_settings,
            (*added, *(path for path in self._missing if path not in added)),
            tuple(model.path for model in library.models if model.in_use),
            "" if shown is None else shown.path,
            self._models.folder,
            self._slides.list.paths,
            "" if slide is None else slide.path,
            self._beside.path,
            self._sessions.reader,
            self.readers,
            replace(self._scans.look, target="", threshold=0, visible=True, tissue=False),
            without_region(self._comparison.choice),
        )

    def _on_reader(self, name: str) -> None:
        if name and name not in self.readers:
            self.readers = (*self.readers, name)
        self._on_changed()

    def _on_changed(self, *_: object) -> None:
        if self._ready and not self._save_soon.isActive():
            self._save_soon.start()

    def _save(self) -> None:
        now = self._now()
        self._files.run(lambda: self._store.save(now), failed=lambda _: None)


def _with_models(bench: Bench, preferred: tuple[str, ...]) -> Bench:
    """The bench with these models in use, where any are given."""
    if not preferred:
        return bench
    new = tuple(path for path in preferred if path not in bench.added)
    shown = bench.shown if bench.shown in preferred else preferred[0]
    return replace(bench, added=(*bench.added, *new), in_use=preferred, shown=shown)
