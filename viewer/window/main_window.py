"""The main window: docks, menus and bars around the slide, built from actions and panels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QDockWidget, QMainWindow

from viewer.actions.action import Action
from viewer.actions.live import LiveActions
from viewer.actions.minimap import IN_MENU as OF_MINIMAP
from viewer.actions.table import ACTIONS
from viewer.canvas import SlideCanvas
from viewer.compare.grid import CompareGrid
from viewer.demo import NAME as DEMO_NAME
from viewer.panels.beside import BUTTONS, BesideBar
from viewer.panels.panel import Panel
from viewer.panels.table import PANELS
from viewer.saving.preferences import PreferenceStore
from viewer.services.engine_bridge import EngineFactory
from viewer.text.tr import tr
from viewer.widgets.drop_target import DropTarget
from viewer.widgets.message_bar import MessageBar
from viewer.widgets.slide_box import SlideBox
from viewer.widgets.welcome import Welcome
from viewer.window.areas import Areas
from viewer.window.dialogs import Dialogs
from viewer.window.docks import STRIP, add_docks
from viewer.window.menus import build_menus, build_tool_bar, show_menu
from viewer.window.middle import Middle
from viewer.window.status_bar import StatusBar
from viewer.workspace import Workspace

TITLE = "SSMamba Viewer"


class MainWindow(QMainWindow):
    """Canvas in the middle, regions and models at the left, results at the right."""

    def __init__(
        self,
        engine: EngineFactory,
        folder: Path | None = None,
        *,
        preferences: PreferenceStore | None = None,
        actions: Sequence[Action] = ACTIONS,
        panels: Sequence[Panel] = PANELS,
    ) -> None:
        super().__init__()
        self.setAcceptDrops(True)
        self.setMinimumSize(900, 540)
        self.resize(1440, 900)
        self.canvas = SlideCanvas()
        self.areas = Areas(self)
        self.workspace = work = Workspace(self.canvas, engine, folder, self, preferences)
        self.compare = CompareGrid(work.document, work.library, self.canvas, work.comparing)
        self.compare.roi_clicked.connect(work.document.select)
        work.maps.painted.connect(self.compare.show_maps)
        self.dialogs = Dialogs(self, work, actions)
        live = LiveActions(actions, self)
        self.actions_by_name: Mapping[str, QAction] = live.by_name
        self.panels: Mapping[str, Any] = {record.id: record.make(self) for record in panels}
        self.message_bar = MessageBar()
        self.welcome = Welcome(live.by_name["open"], live.by_name["demo"])
        strips = [self.panels[record.id] for record in panels if record.place == STRIP]
        named = live.by_name
        bar = BesideBar(work.beside, work.document, [named[i] for i in BUTTONS if i in named])
        middle = Middle(
            self, work, self.canvas, strips, bar, self.compare, self.welcome, self.message_bar
        )
        self._drop_target = DropTarget(middle)
        self.docks: Sequence[QDockWidget] = add_docks(self, panels, self.panels, live)
        shown = (self.welcome, self.canvas, work.beside.canvas, bar, self.compare)
        self.areas.set_parts(shown, (*self.docks, *strips))
        self.status = StatusBar(work, self.canvas, live.by_name)
        self.setStatusBar(self.status)
        for canvas in (self.canvas, work.beside.canvas):
            canvas.minimap_menu_requested.connect(lambda at: show_menu(self, OF_MINIMAP, at))
        self.slide_box = SlideBox()
        self.slide_box.chosen.connect(work.slides.switch_to)
        build_menus(self, actions)
        self._slide_action = build_tool_bar(self, actions, self.slide_box)
        work.document.slide_changed.connect(self._on_slide_changed)
        work.slides.list.changed.connect(self._on_slide_changed)
        work.sessions.reader_changed.connect(self._on_slide_changed)
        self._on_slide_changed()

    def _on_slide_changed(self, *_: object) -> None:
        slide, slides = self.workspace.document.slide, self.workspace.slides
        files = slides.list.paths
        self.slide_box.show_files(files, slides.current)
        self._slide_action.setVisible(len(files) > 1)
        title = TITLE
        if slide is not None:
            generated = tr("Generated tissue: for trying the program")
            title = f"{generated if DEMO_NAME in slide.name else slide.name} – {TITLE}"
        reader = self.workspace.sessions.reader
        if reader:
            title = tr("{title} (reader: {reader})").format(title=title, reader=reader)
        self.setWindowTitle(title)

    # --- Qt's events
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self._drop_target.show_over()

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:
        self._drop_target.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        self._drop_target.hide()
        event.acceptProposedAction()
        self.workspace.files.open(paths)

    def closeEvent(self, event: QCloseEvent) -> None:
        self.hide()  # at once; saving and stopping the engine may take a moment
        failures = self.workspace.finish()
        if failures:
            self.show()
            if not self.dialogs.leave_anyway(failures):
                event.ignore()
                return
            self.hide()
        self.workspace.close()
        super().closeEvent(event)
