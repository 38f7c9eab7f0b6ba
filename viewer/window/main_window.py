"""The window: it lays out the canvas and the panels and joins their signals, and no more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QMainWindow,
    QMenu,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from viewer.canvas import SlideCanvas
from viewer.compare.grid import CompareGrid
from viewer.controllers.map_summary import MapSummary
from viewer.panels.answers import AnswersPanel
from viewer.panels.evidence import EvidencePanel
from viewer.panels.models import ModelsPanel
from viewer.panels.reconstruction import ReconstructionPanel
from viewer.panels.regions import RegionsPanel
from viewer.services.engine_bridge import EngineFactory
from viewer.widgets.basic import separator
from viewer.widgets.message_bar import MessageBar
from viewer.widgets.panel import dock, keep_width, scrolled
from viewer.widgets.slide_box import RecentMenu, SlideBox
from viewer.widgets.welcome import Welcome
from viewer.window.actions import make_actions
from viewer.window.dialogs import Dialogs
from viewer.window.menus import TOOLS, ZoomMenu, build_menus, build_tool_bar
from viewer.window.status_bar import StatusBar
from viewer.workspace import Workspace

TITLE = "SSMamba Viewer"
LEFT_PX, RIGHT_PX = 300, 368


class MainWindow(QMainWindow):
    """Canvas in the middle, regions and models at the left, results at the right."""

    def __init__(self, engine: EngineFactory, folder: Path | None = None) -> None:
        super().__init__()
        self.setWindowTitle(TITLE)
        self.setAcceptDrops(True)
        self.setMinimumSize(960, 600)
        self.resize(1440, 900)
        self.canvas = SlideCanvas()
        self.workspace = Workspace(self.canvas, engine, folder, self)
        work = self.workspace
        self.dialogs = Dialogs(self, work)
        self.message_bar = MessageBar()
        self.welcome = Welcome()
        self.compare = CompareGrid(work.document, work.library, self.canvas)
        self.regions_panel = RegionsPanel(work.document, work.library)
        self.models_panel = ModelsPanel(work.library)
        self.answers_panel = AnswersPanel(work.document, work.library, work.analysis)
        self.evidence_panel = EvidencePanel(work.document, work.library)
        self.reconstruction_panel = ReconstructionPanel(work.document, work.library, work.analysis)
        self._had_several = False  # models in use: the comparison opens with the second
        self.map_summary = MapSummary(work, self.evidence_panel)
        self.status = StatusBar(work.document)
        self.setStatusBar(self.status)
        self.actions_by_name = make_actions(self)
        self.slide_box = SlideBox()
        self._lay_out_middle()
        self._lay_out_sides()
        self._build_bars()
        self._connect_actions()
        self._connect_canvas()
        self._connect_panels()
        self._connect_workspace()
        self._on_slide_changed()
        self._on_map_painting()

    # --- layout
    def _lay_out_middle(self) -> None:
        self.middle = QStackedWidget()
        self.middle.addWidget(self.welcome)
        self.middle.addWidget(self.canvas)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self.middle)
        self.splitter.addWidget(self.compare)
        self.splitter.setStretchFactor(0, 3)
        self.splitter.setStretchFactor(1, 2)
        self.compare.setMinimumHeight(180)
        self.compare.hide()
        middle = QWidget()
        stacked = QGridLayout(middle)
        stacked.setContentsMargins(0, 0, 0, 0)
        stacked.addWidget(self.splitter, 0, 0)
        # over the slide, not above it: the slide must not jump under the pointer
        stacked.addWidget(self.message_bar, 0, 0, Qt.AlignmentFlag.AlignTop)
        self.setCentralWidget(middle)

    def _lay_out_sides(self) -> None:
        results = QWidget()
        column = QVBoxLayout(results)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.answers_panel)
        column.addWidget(separator())
        column.addWidget(self.evidence_panel)
        column.addWidget(separator())
        column.addWidget(self.reconstruction_panel)
        column.addStretch(1)
        self.docks = [
            dock("Regions", self.regions_panel, self.regions_panel.buttons),
            dock("Models", scrolled(self.models_panel), self.models_panel.buttons),
            dock("Results", scrolled(results)),
        ]
        left, right = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
        for area, made in zip((left, left, right), self.docks, strict=True):
            self.addDockWidget(area, made)
        self.resizeDocks(self.docks[:2], [500, 400], Qt.Orientation.Vertical)
        for made, width in zip(self.docks, (LEFT_PX, LEFT_PX, RIGHT_PX), strict=True):
            keep_width(made, width)

    def _build_bars(self) -> None:
        self.recent_menu = RecentMenu(self)
        self.zoom_menu = ZoomMenu(self)
        self.zoom_menu.chosen.connect(self.canvas.set_magnification)
        panels = QMenu("Panels", self)
        for made in self.docks:
            panels.addAction(made.toggleViewAction())
        menus = {"recent": self.recent_menu, "panels": panels, "magnification": self.zoom_menu}
        build_menus(self, self.actions_by_name, menus)
        self.slide_action = build_tool_bar(self, self.actions_by_name, self.slide_box)

    # --- wiring
    def _connect_actions(self) -> None:
        work, ask = self.workspace, self.dialogs
        slots: dict[str, Callable[[], object]] = {
            "open": ask.open_slides,
            "demo": lambda: work.open_demo(),
            "add_models": ask.add_models,
            "import_rois": ask.import_regions,
            "export_rois": ask.export_regions,
            "save_picture": ask.save_picture,
            "quit": self.close,
            "undo": work.document.undo,
            "redo": work.document.redo,
            "delete": self._delete_selected,
            "fit": self.canvas.fit,
            "zoom_in": lambda: self.canvas.zoom_by(2.0),
            "zoom_out": lambda: self.canvas.zoom_by(0.5),
            "focus": self._focus_selected,
            "calibration": ask.calibrate,
            "classify": self._classify_selected,
            "classify_all": lambda: work.analysis.ask([r.id for r in work.document.rois]),
            "stop": work.analysis.stop,
            "shortcuts": ask.shortcuts,
            "about": ask.about,
        }
        for name, slot in slots.items():
            self.actions_by_name[name].triggered.connect(lambda _=False, slot=slot: slot())
        for name in TOOLS:
            self.actions_by_name[name].triggered.connect(
                lambda _=False, name=name: self.canvas.set_tool(name)
            )
        self.actions_by_name["stop"].setEnabled(False)
        self.actions_by_name["pan"].setChecked(True)
        self.actions_by_name["compare"].toggled.connect(self.compare.setVisible)
        self.actions_by_name["follow"].toggled.connect(self.compare.set_follow_slide)
        self.actions_by_name["auto"].setChecked(True)
        self.actions_by_name["auto"].toggled.connect(work.analysis.set_auto_classify)
        evidence = self.actions_by_name["evidence"]
        evidence.setChecked(True)
        evidence.toggled.connect(self.evidence_panel.visible_box.setChecked)
        self.evidence_panel.visible_box.toggled.connect(evidence.setChecked)

    def _connect_canvas(self) -> None:
        canvas = self.canvas
        canvas.hint.connect(self.status.show_hint)
        canvas.cursor_moved.connect(self.status.show_position)
        canvas.tool_changed.connect(lambda tool: self.actions_by_name[tool].setChecked(True))

    def _connect_panels(self) -> None:
        work = self.workspace
        self.welcome.open_requested.connect(self.dialogs.open_slides)
        self.welcome.demo_requested.connect(lambda: work.open_demo())
        work.demo.progressed.connect(self.status.show_drawing)
        work.demo.progressed.connect(self.welcome.show_progress)
        self.welcome.recent_requested.connect(work.slides.open)
        self.regions_panel.model.is_pending = work.analysis.is_pending
        self.regions_panel.classify_requested.connect(work.analysis.ask)
        self.regions_panel.import_requested.connect(self.dialogs.import_regions)
        self.regions_panel.export_requested.connect(self.dialogs.export_regions)
        self.regions_panel.focus_requested.connect(work.regions.focus)
        self.models_panel.add_requested.connect(self.dialogs.add_models)
        self.answers_panel.classify_requested.connect(work.analysis.ask)
        self.answers_panel.calibrate_requested.connect(self.dialogs.calibrate)
        self.answers_panel.windows_hovered.connect(self.canvas.set_highlight)
        self.compare.roi_clicked.connect(work.document.select)
        self.status.device_clicked.connect(self.dialogs.about)
        self.status.stop_clicked.connect(self.actions_by_name["stop"].trigger)
        self.status.scale_clicked.connect(self.dialogs.calibrate)

    def _connect_workspace(self) -> None:
        work = self.workspace
        work.messages.posted.connect(self.message_bar.show_message)
        work.analysis.activity_changed.connect(self.status.show_analysis)
        work.analysis.activity_changed.connect(
            lambda text, *_: self.actions_by_name["stop"].setEnabled(bool(text))
        )
        work.bridge.restarted.connect(lambda: self.status.show_device(None))
        work.bridge.ready.connect(self.status.show_device)
        work.bridge.died.connect(
            lambda why: self.status.show_device(None, "" if work.bridge.started else why)
        )
        work.maps.painted.connect(self._on_maps_painted)
        work.library.shown_changed.connect(self._lay_maps)
        work.library.changed.connect(self._on_models_changed)
        work.document.slide_changed.connect(self._on_slide_changed)
        work.document.rois_changed.connect(self._update_undo)
        work.document.map_painting_changed.connect(self._on_map_painting)
        self.slide_box.chosen.connect(work.slides.open)
        self.recent_menu.chosen.connect(work.slides.open)
        work.slides.recents_changed.connect(self.recent_menu.show_paths)
        work.slides.recents_changed.connect(self.welcome.set_recents)
        work.slides.opening.connect(lambda name: self.status.show_hint(f"Opening {name}…"))
        work.slides.opened.connect(lambda _: self.status.show_hint(""))
        work.slides.opening.connect(lambda name: self.welcome.show_progress(f"Opening {name}"))
        for over in (work.slides.opened, work.slides.failed):
            over.connect(lambda _: self.welcome.show_progress(""))

    # --- what happens
    def _on_slide_changed(self) -> None:
        work = self.workspace
        slide = work.document.slide
        current = self.welcome if slide is None else self.canvas
        self.middle.setCurrentWidget(current)
        current.setFocus()
        self.setWindowTitle(TITLE if slide is None else f"{work.title_of(slide)} – {TITLE}")
        for name in (*TOOLS, "fit", "zoom_in", "zoom_out", "calibration", "import_rois",
                     "export_rois", "compare", "classify", "classify_all"):  # fmt: skip
            self.actions_by_name[name].setEnabled(slide is not None)
        files = work.slides.open_files
        self.slide_box.show_files(files, None if slide is None else slide.path)
        self.slide_action.setVisible(len(files) > 1)
        self._update_undo()

    def _update_undo(self) -> None:
        stack = self.workspace.document.undo_stack
        for name, text in (("undo", stack.undo_text), ("redo", stack.redo_text)):
            action = self.actions_by_name[name]
            action.setEnabled(bool(text))
            action.setText(f"{name.capitalize()} {text[:1].lower()}{text[1:]}".strip())

    def _on_maps_painted(self, maps: list) -> None:
        self.compare.show_maps(maps)
        self._lay_maps()

    def _lay_maps(self) -> None:
        self.canvas.set_overlays([m.overlay for m in self.workspace.maps.on_slide()])
        self.map_summary.refresh()

    def _on_map_painting(self) -> None:
        self.canvas.set_overlay_opacity(self.workspace.document.map_painting.opacity)

    def _on_models_changed(self) -> None:
        several = len(self.workspace.library.in_use) > 1
        if several and not self._had_several:
            self.actions_by_name["compare"].setChecked(True)
        self._had_several = several

    def _delete_selected(self) -> None:
        chosen = self.regions_panel.chosen()
        self.workspace.document.remove([roi.id for roi in chosen])

    def _focus_selected(self) -> None:
        roi = self.workspace.document.selected
        if roi is not None:
            self.workspace.regions.focus(roi.id)

    def _classify_selected(self) -> None:
        self.workspace.analysis.ask([roi.id for roi in self.regions_panel.chosen()])

    # --- Qt's events
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        event.acceptProposedAction()
        self.workspace.open_paths(paths)

    def closeEvent(self, event: QCloseEvent) -> None:
        self.hide()  # at once; saving and ending the engine may take a moment
        failures = self.workspace.finish()
        if failures:
            self.show()
            if not self.dialogs.leave_anyway(failures):
                event.ignore()
                return
            self.hide()
        self.workspace.close()
        super().closeEvent(event)
