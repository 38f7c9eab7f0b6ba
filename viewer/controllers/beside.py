"""A second slide beside the open one, free or linked to it by places that are the same on both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Signal

from ssmamba.rois.clipping import cut_to_slide
from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import SlideInfo
from viewer.canvas import SlideCanvas, ViewState
from viewer.controllers.landmarks import Landmarks
from viewer.controllers.regions import is_on
from viewer.controllers.sessions import SessionController
from viewer.controllers.shared import Controller, Shared
from viewer.controllers.slides import SlideController
from viewer.controllers.two_views import TwoViews
from viewer.saving.link_store import LinkStore
from viewer.saving.recents import is_there
from viewer.saving.session import Session
from viewer.saving.slide_key import key_of
from viewer.services.background import Background
from viewer.state.settings import SlideSettings
from viewer.state.slide_link import Pair, Similarity, SlideLink, carried, scale_between
from viewer.text.tr import tr, tr_n

ITSELF = SlideLink((Pair((0.0, 0.0), (0.0, 0.0)),), on=False)  # a slide beside itself, unmarked


class BesideController(Controller):
    """Opens the second slide, shows its regions, and keeps the link of the two."""

    changed = Signal()  # the second slide, the link, or what is being marked

    def __init__(
        self, shared: Shared, main: SlideCanvas, slides: SlideController,
        sessions: SessionController, store: LinkStore,
    ) -> None:  # fmt: skip
        super().__init__(shared)
        self._main = main
        self._slides = slides
        self._sessions = sessions
        self._store = store
        self._files = Background(self._messages.report, workers=1, parent=self)
        self.canvas = SlideCanvas()
        self.canvas.setAccessibleName(tr("Second slide"))
        self.views = TwoViews(main, self.canvas, self)
        self.landmarks = Landmarks(main, self.canvas, self)
        self.path = ""  # of the second slide, also while it is being opened; "" = none
        self.info: SlideInfo | None = None
        self.link = SlideLink()
        self._settings = SlideSettings()
        self._fresh = False  # just opened: it is shown as it was left
        self._rois: Sequence[Roi] = ()
        self._views_then: tuple[ViewState, ViewState] | None = None  # as they are swapped
        self._connect()

    def _connect(self) -> None:
        document, canvas = self._document, self.canvas
        canvas.slide_opened.connect(self._on_opened)
        canvas.slide_failed.connect(self._on_failed)
        canvas.read_failed.connect(self._messages.warn)
        canvas.hint.connect(self._main.hint)
        self.landmarks.paired.connect(self._on_paired)
        self.landmarks.changed.connect(self._apply)
        document.slide_changed.connect(self._on_main_changed)
        document.rois_changed.connect(self._show_own)
        document.slide_settings_changed.connect(self._apply)
        self._slides.opened.connect(lambda _: self._on_main_opened())
        self._slides.failed.connect(lambda _: self._give_up_swap())
        self._slides.list.changed.connect(self._on_list)

    # --- the second slide
    @property
    def is_open(self) -> bool:
        return bool(self.path)

    @property
    def busy(self) -> bool:
        """Whether the slide is being opened, or its link or regions looked for."""
        return (self.is_open and self.info is None) or self._files.busy

    def open(self, path: str) -> None:
        """Show a slide beside the open one, which may be the same; alone, where none is open."""
        if self._document.slide is None:
            self._slides.open(path)
            return
        self.path = str(Path(path).absolute())
        self.info, self.link = None, SlideLink()
        self.views.link(None)
        self.landmarks.stop()
        self._slides.remember([self.path])
        source = self._main.source
        if self.path == self._slides.current and source is not None and source.info is not None:
            self.canvas.show_source(source)
            self._on_opened(source.info)
        else:
            self.changed.emit()
            self.canvas.open_slide(self.path)

    def open_again(self, path: str) -> None:
        """As at the last start, unless the file is gone, which the list of slides says."""

        def looked(there: bool) -> None:
            if there and not self.is_open:
                self.open(path)

        self._files.run(lambda: is_there(path), looked)

    def close(self) -> None:
        """The second slide's file is closed and its tiles are freed."""
        if not self.is_open:
            return
        self.landmarks.stop()
        self.path, self.info, self.link, self._rois = "", None, SlideLink(), ()
        self.views.link(None)
        self.canvas.set_rois(())
        self.canvas.close_slide()
        self.changed.emit()

    def shut_down(self) -> None:
        """As the window closes: links that were just made are written."""
        self._files.close()

    def swap(self) -> None:
        """The second slide becomes the one that is worked on; both stay where they were."""
        here, there = self._slides.current, self.path
        if here is None or self.info is None or here == there:
            return
        self._views_then = self.canvas.view_state(), self._main.view_state()
        self.open(here)
        self._slides.open(there)

    def _on_opened(self, info: SlideInfo) -> None:
        self._slides.note_opened(self.path)
        self.info, self._fresh = info, self.canvas.camera.fits
        self._rois = ()
        self.canvas.set_rois(())  # those of the slide before
        self.canvas.setAccessibleName(tr("Second slide: {name}").format(name=info.name))
        self._read()
        self._find_link()
        self.changed.emit()

    def _on_failed(self, message: str, details: str) -> None:
        self._messages.error(message, details)
        refused, before = self.path, self.canvas.source
        if before is None or before.info is None:
            self.close()
        else:  # the second slide until now
            self.path = before.info.path
            self._on_opened(before.info)
        self._slides.drop_unopened(refused)

    def _on_list(self) -> None:
        if self.is_open and self.path not in self._slides.list.paths:
            self.close()

    # --- what is shown of it
    @property
    def _is_same(self) -> bool:
        """Whether both slides are one."""
        slide = self._document.slide
        return slide is not None and self.info is not None and key_of(slide) == key_of(self.info)

    def _read(self) -> None:
        """Show regions and settings of the second slide as they are kept."""
        info = self.info
        if info is None:
            return
        if self._is_same:
            self._show_own()
            return

        def found(session: Session) -> None:
            if self.info is info and not self._is_same:
                self._show(session.rois, session.settings, session.view)

        self._sessions.peek(info, found)

    def _show_own(self) -> None:
        if self._is_same:
            self._show(self._document.rois, self._document.slide_settings)

    def _show(
        self, rois: Sequence[Roi], settings: SlideSettings,
        view: tuple[float, float, float] | None = None,
    ) -> None:  # fmt: skip
        """Regions are read only here: locked ones cannot be dragged."""
        self._rois, self._settings = rois, settings
        self.canvas.set_rois([replace(roi, locked=True) for roi in rois])
        self.canvas.set_mpp(settings.mpp)
        self.canvas.set_icc_enabled(settings.icc)
        self.canvas.set_colors(settings.colors)
        if self._fresh and view is not None and self._views_then is None:
            self.canvas.set_view_state(ViewState(*view, settings.rotation))
        elif self._fresh and self._views_then is None:
            self.canvas.camera.turn_to(settings.rotation)
        self._fresh = False
        self._apply()

    # --- the open slide
    def _on_main_changed(self) -> None:
        if self._document.slide is None:
            self.close()
        self.landmarks.stop()
        self.link = SlideLink()
        self.views.link(None)

    def _on_main_opened(self) -> None:
        """The open slide is another one now, or the second one, with which it shares its tiles."""
        if not self.is_open:
            return
        source = self._main.source
        if self.path == self._slides.current and source is not None:
            state = self.canvas.view_state()
            self.canvas.show_source(source)
            self.canvas.set_view_state(state)
            self.info = source.info
        if self._views_then is not None:
            main, beside = self._views_then
            self._views_then = None
            self._main.set_view_state(main)
            self.canvas.set_view_state(beside)
        self._read()
        self._find_link()

    def _give_up_swap(self) -> None:
        """The slide did not open: its view is none for the next one."""
        self._views_then = None

    # --- the link
    @property
    def scale(self) -> float | None:
        """Pixels of the second slide for one of the open one, by their µm/px."""
        return scale_between(self._document.mpp, self.there_mpp)

    @property
    def there_mpp(self) -> float | None:
        """µm per level-0 pixel of the second slide: the user's, else the slide's, else None."""
        own = None if self.info is None else self.info.mpp
        return self._settings.mpp if self._settings.mpp is not None else own

    @property
    def similarity(self) -> Similarity | None:
        """From the open slide to the second; None while they are not linked."""
        return self.link.similarity(self.scale) if self.link.on else None

    @property
    def active(self) -> SlideCanvas:
        """The canvas that has the keyboard, else that of the open slide."""
        return self.canvas if self.is_open and self.canvas.hasFocus() else self._main

    def mark_places(self) -> None:
        """Begin to mark the same place on both slides, or give up; views are free meanwhile."""
        if self.landmarks.active:
            self.landmarks.stop()
        elif self.info is not None:
            self.landmarks.begin(self._marked.pairs)
            self._main.setFocus()

    def set_linked(self, on: bool) -> None:
        self._set_link(replace(self.link, on=on))

    def forget_pair(self) -> None:
        """Take back the pair that was marked last; without any the slides are free."""
        left = replace(self.link, pairs=self.link.pairs[:-1])
        self._set_link(left if left.pairs or not self._is_same else ITSELF)

    @property
    def can_forget(self) -> bool:
        return self.info is not None and bool(self._marked.pairs)

    @property
    def _marked(self) -> SlideLink:
        """The link by places that the user marked: two sections may be on one slide."""
        return SlideLink() if self.link.pairs == ITSELF.pairs else self.link

    def _on_paired(self, pair: Pair) -> None:
        views = self._main.view_state(), self.canvas.view_state()
        turn = math.radians(views[0].rotation - views[1].rotation)
        link = self._marked.with_pair(pair, turn)
        if link is None:
            text = tr("This place is too close to one already marked. Mark one farther away.")
            self._messages.warn(text)
            return
        self._set_link(link)
        if link.doubts(self.scale):
            text = tr(
                "By these places, the second slide has a different scale than its µm/px says. "
                "Check the places, and both slides under Slide ▸ Calibration."
            )
            self._messages.warn(text)

    def _set_link(self, link: SlideLink) -> None:
        self.link = link
        here, there = self._document.slide, self.info
        if here is not None and there is not None:
            self._files.run(lambda: self._store.save(here, there, link), due=True)
        self._apply()

    def _find_link(self) -> None:
        here, there = self._document.slide, self.info
        if here is None or there is None:
            return

        def found(link: SlideLink | None) -> None:
            if (self._document.slide, self.info) == (here, there):
                self.link = link or (ITSELF if self._is_same else SlideLink())
                self._apply()

        self._files.run(lambda: self._store.load(here, there), found)

    def _apply(self) -> None:
        """Link the views as it is said, but for while places are being marked."""
        ready = self.info is not None and not self._sessions.restoring
        self.views.link(self.similarity if ready and not self.landmarks.active else None)
        self.changed.emit()

    # --- regions
    def copy_across(self) -> None:
        """Copy the selected regions to the same place of the second slide."""
        from ssmamba.rois.combining import duplicate  # loads slowly

        to, info = self.similarity, self.info
        if to is None or info is None:
            return
        chosen = self._document.chosen
        names = ["" if self._is_same else roi.name for roi in chosen]  # no two alike in one list
        copies = [replace(duplicate(r, 0, 0), name=n) for r, n in zip(chosen, names, strict=True)]
        moved = [carried(roi, to) for roi in copies]
        cut = [cut_to_slide(roi, info.width, info.height) for roi in moved]
        made = [roi for roi in cut if roi is not None and is_on(roi, info)]
        if not made:
            self._messages.info(tr("These regions lie outside the second slide."))
            return
        if self._is_same:
            self._document.add(self._document.all_named(made), tr("Copy from another slide"))
        else:
            self._sessions.add_to(info, made)
            self._show((*self._rois, *made), self._settings)
            self._read()
        self.canvas.set_selected(made[-1].id, [roi.id for roi in made])
        text = tr_n(
            "Copied {count} region to {name}. It can be undone there.",
            "Copied {count} regions to {name}. It can be undone there.",
            len(made),
        ).format(count=len(made), name=info.name)
        if len(made) < len(chosen):
            text = f"{text} {tr('The others lie outside that slide.')}"
        self._messages.info(text)
