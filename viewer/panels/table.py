"""Every panel of the window, from top to bottom."""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QWidget

from viewer.actions.action import Host
from viewer.actions.classes import apply_class, draw_with
from viewer.actions.editing import IN_MENU, WITHOUT_SELECTION
from viewer.panels.answers import AnswersPanel
from viewer.panels.classes import ClassesPanel
from viewer.panels.evidence import EvidencePanel
from viewer.panels.map_summary import MapSummary
from viewer.panels.models import ModelsPanel
from viewer.panels.panel import Panel
from viewer.panels.reconstruction import ReconstructionPanel
from viewer.panels.regions import RegionsPanel
from viewer.panels.scale_question import ScaleQuestion
from viewer.panels.slide_answer import SlideAnswerPanel
from viewer.panels.slide_scan import SlideScanPanel
from viewer.panels.slides import SlidesPanel
from viewer.panels.tile_map import TileMapPanel
from viewer.panels.view_colors import ViewColorsPanel
from viewer.text.tr import tr


def _slides(window: Host) -> QWidget:
    work = window.workspace
    panel = SlidesPanel(work.document, work.slides, work.thumbnails)
    panel.beside_requested.connect(work.beside.open)
    panel.find_requested.connect(window.dialogs.find_slide)
    panel.menu_actions = [
        window.actions_by_name[i] for i in ("open",) if i in window.actions_by_name
    ]
    return panel


def _regions(window: Host) -> QWidget:
    work = window.workspace
    panel = RegionsPanel(work.document, work.library, work.classes)
    panel.model.is_pending = work.analysis.is_pending
    panel.classify_requested.connect(work.analysis.ask)
    panel.focus_requested.connect(work.regions.focus)
    panel.step_made.connect(work.regions.bring_into_view)
    panel.delete_requested.connect(work.regions.delete)
    named = window.actions_by_name
    panel.menu_groups = [[named[i] for i in group if i in named] for group in IN_MENU]
    panel.menu_without = [named[i] for i in WITHOUT_SELECTION if i in named]
    window.canvas.menu_requested.connect(lambda _, at: panel.show_menu(at))
    work.document.slide_changed.connect(lambda: panel.set_reading(work.sessions.restoring))
    work.slides.opened.connect(lambda _: panel.set_reading(False))
    return panel


def _classes(window: Host) -> QWidget:
    panel = ClassesPanel(window.workspace.classes)
    panel.apply_requested.connect(partial(apply_class, window))
    panel.draw_requested.connect(partial(draw_with, window))
    panel.said.connect(window.canvas.hint)
    return panel


def _models(window: Host) -> QWidget:
    return ModelsPanel(window.workspace.library, window.workspace.fitting.fits)


def _answers(window: Host) -> QWidget:
    work = window.workspace
    question = ScaleQuestion(work.scale, work.document)
    panel = AnswersPanel(work.document, work.library, work.analysis, question)
    panel.calibrate_requested.connect(window.actions_by_name["calibration"].trigger)
    panel.windows_hovered.connect(window.canvas.set_highlight)
    return panel


def _evidence(window: Host) -> QWidget:
    work = window.workspace
    panel = EvidencePanel(work.document, work.library)
    MapSummary(work, panel)  # lives as long as the events that it listens to
    return panel


def _slide_scan(window: Host) -> QWidget:
    work = window.workspace
    panel = SlideScanPanel(work.slide_scans, work.scan_painter, work.scan_tissue, work.document)
    window.canvas.cursor_moved.connect(panel.show_value)
    return panel


def _slide_answer(window: Host) -> QWidget:
    panel = SlideAnswerPanel(window.workspace.slide_answers, window.workspace.document)
    window.canvas.cursor_moved.connect(panel.show_value)
    return panel


def _tile_map(window: Host) -> QWidget:
    panel = TileMapPanel(window.workspace.tile_maps)
    window.canvas.cursor_moved.connect(panel.show_value)
    return panel


def _reconstruction(window: Host) -> QWidget:
    work = window.workspace
    return ReconstructionPanel(work.document, work.library, work.analysis)


PANELS: tuple[Panel, ...] = (
    Panel("slides", tr("Slides"), "left", _slides, ("open", "close_slide"), scrolls=False,
          height=270),
    Panel("regions", tr("Regions"), "left", _regions,
          ("classify_all", "import_rois", "export_rois"), scrolls=False, height=500),
    Panel("classes", tr("Classes"), "left", _classes, ("add_class",), scrolls=False, height=200),
    Panel("models", tr("Models"), "left", _models,
          ("add_models",)),
    Panel("view_colors", tr("Colours of the view"), "results",
          lambda window: ViewColorsPanel(window.workspace.view_colors)),
    Panel("answers", tr("Classification"), "results", _answers),
    Panel("evidence", tr("Evidence map"), "slide", _evidence),
    Panel("slide_answer", tr("Answer for the slide"), "results", _slide_answer),
    Panel("slide_scan", tr("Whole slide"), "results", _slide_scan),
    Panel("tile_map", tr("Map of tiles"), "results", _tile_map),
    Panel("reconstruction", tr("Reconstruction"), "results", _reconstruction),
)  # fmt: skip
