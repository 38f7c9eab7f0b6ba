"""The centre of the window: the slide or the start page, and the comparison below."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QMainWindow, QSplitter, QStackedWidget, QWidget

from viewer.canvas import SlideCanvas
from viewer.compare.grid import CompareGrid
from viewer.panels.beside import BesideBar
from viewer.text.tr import tr
from viewer.widgets.hint import demo_hint
from viewer.widgets.layouts import column
from viewer.widgets.message_bar import MessageBar
from viewer.widgets.welcome import Welcome
from viewer.workspace import Workspace


class Middle(QWidget):
    """Shows the canvas, with strips of settings under it, while a slide is open, else the start
    page."""

    def __init__(
        self,
        window: QMainWindow,
        work: Workspace,
        canvas: SlideCanvas,
        strips: Sequence[QWidget],
        bar: BesideBar,
        compare: CompareGrid,
        welcome: Welcome,
        messages: MessageBar,
    ) -> None:
        super().__init__(window)
        window.setCentralWidget(self)  # filled from without to within, as docks are (panel.py)
        self._work = work
        self._canvas = canvas
        self._welcome = welcome
        self._compare = compare
        self._above = QWidget()  # with the bar, which hides itself where there is one slide
        below = QWidget()
        column(self, self._above, below, wide=below, margin=0, spacing=0)
        column(self._above, bar, margin=0, spacing=0)
        stacked = QGridLayout(below)
        stacked.setContentsMargins(0, 0, 0, 0)
        splitter = QSplitter(Qt.Orientation.Vertical)
        stacked.addWidget(splitter, 0, 0)
        # over the slide, not above it: the slide must not jump under the pointer
        stacked.addWidget(messages, 0, 0, Qt.AlignmentFlag.AlignTop)
        self._shown = QStackedWidget()
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self._shown)
        splitter.addWidget(compare)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        compare.setMinimumHeight(220)
        compare.opened_changed.connect(self._make_room)
        self._slide = QWidget()
        self._shown.addWidget(welcome)
        self._shown.addWidget(self._slide)
        page = self._two = QSplitter(Qt.Orientation.Horizontal)
        column(self._slide, page, *strips, wide=page, margin=0, spacing=0)
        page.setChildrenCollapsible(False)
        page.addWidget(self._with_hint(canvas))
        page.addWidget(work.beside.canvas)
        for at in range(page.count()):
            page.setStretchFactor(at, 1)
        work.beside.changed.connect(self._show_beside)
        self._show_beside()
        messages.covers.connect(self._on_covered)
        work.messages.posted.connect(messages.show_message)
        work.slides.opening.connect(messages.begin_slide)
        work.document.slide_changed.connect(messages.leave_slide)
        self._connect_welcome()
        work.document.slide_changed.connect(self._on_slide_changed)
        self._on_slide_changed()

    def _with_hint(self, canvas: SlideCanvas) -> QWidget:
        """The canvas, and over its upper edge the demo's hint until a region is drawn."""
        self._hint = demo_hint()
        page = QWidget()
        stacked = QGridLayout(page)
        stacked.setContentsMargins(0, 0, 0, 0)
        stacked.addWidget(canvas, 0, 0)
        above = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter  # below are scale and map
        stacked.addWidget(self._hint, 0, 0, above)
        self._work.files.demo_shown.connect(self._hint.show)
        canvas.roi_drawn.connect(lambda _: self._hint.hide())
        return page

    def _make_room(self) -> None:
        """An enlarged comparison takes the slide's place."""
        covered = self._compare.opened and self._compare.enlarged
        self._shown.setVisible(not covered)
        self._above.setVisible(not covered)

    def _on_covered(self, height: int) -> None:
        """The compass gives way to a message."""
        for canvas in (self._canvas, self._work.beside.canvas):
            canvas.scene.covered = float(height)
            canvas.update()

    def _show_beside(self) -> None:
        """The second slide gets half of the room."""
        opened, canvas = self._work.beside.is_open, self._work.beside.canvas
        if opened == canvas.isHidden():
            canvas.setVisible(opened)
            if opened:
                self._two.setSizes([self._two.width() // 2] * 2)

    def _connect_welcome(self) -> None:
        welcome, work = self._welcome, self._work
        welcome.recent_requested.connect(work.slides.open)
        work.slides.recents_changed.connect(welcome.set_recents)
        work.demo.progressed.connect(welcome.show_progress)
        work.slides.opening.connect(
            lambda name: welcome.show_progress(tr("Opening {name}").format(name=name))
        )
        for over in (work.slides.opened, work.slides.failed):
            over.connect(lambda _: welcome.show_progress(""))

    def _on_slide_changed(self) -> None:
        self._hint.hide()
        empty = self._work.document.slide is None
        self._shown.setCurrentWidget(self._welcome if empty else self._slide)
        (self._welcome if empty else self._canvas).setFocus()
