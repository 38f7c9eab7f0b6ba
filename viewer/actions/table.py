"""All actions of the window, in the order of the menus and of the list of shortcuts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu

from viewer.actions.action import Action, Host, Place, camera_of, has_slide
from viewer.actions.beside import beside_actions
from viewer.actions.classes import class_actions
from viewer.actions.comfort import comfort_actions
from viewer.actions.comparing import comparing
from viewer.actions.editing import classify, editing_actions
from viewer.actions.guides import guide_actions
from viewer.actions.minimap import minimap_actions
from viewer.actions.rotating import rotating_actions
from viewer.actions.slide_view import slide_view_actions
from viewer.canvas.tools import TOOLS, Tool
from viewer.text import formats
from viewer.text.tr import decimal, tr
from viewer.widgets.slide_box import RecentMenu

FILE, EDIT, VIEW, SLIDE, MODEL, HELP = MENUS = (
    tr("&File"), tr("&Edit"), tr("&View"), tr("&Slide"), tr("&Model"), tr("&Help"),
)  # fmt: skip
EXPORT = tr("Export")
COMPARING = comparing(VIEW, FILE, EXPORT)
MAGNIFICATIONS = (1.25, 2.5, 5.0, 10.0, 20.0, 40.0)  # the usual objectives


def _has_margins(window: Host) -> bool:
    slide = window.workspace.document.slide
    return slide is not None and slide.bounds_offset != (0, 0)


def _has_selected(window: Host) -> bool:
    return window.workspace.document.selected is not None


def _copy_view(window: Host) -> None:
    """The picture has the screen's own pixels."""
    QGuiApplication.clipboard().setPixmap(window.workspace.beside.active.grab())
    window.canvas.hint.emit(tr("Copied the view."))


def _stop(window: Host) -> None:
    window.workspace.analysis.stop()
    window.workspace.exports.stop()


def _close_slide(window: Host) -> None:
    slides = window.workspace.slides
    if slides.current is not None:
        slides.close_slide(slides.current)


def _has_others(window: Host) -> bool:
    slides = window.workspace.slides
    return slides.list.beside(slides.current or "", 1) is not None


def _can_stop(window: Host) -> bool:
    return window.workspace.analysis.is_asking or window.workspace.exports.busy


def _read_slide(window: Host) -> None:
    """Start, go on or pause."""
    work = window.workspace
    if work.slide_scans.scans.under_way:
        work.slide_scans.pause()
    else:
        work.slide_scans.start()


def _read_slide_text(window: Host) -> str:
    scans = window.workspace.slide_scans.scans
    if scans.under_way:
        return tr("Pause reading the slide")
    is_open = scans.status in ("paused", "stopped", "waiting") and not scans.outdated
    return tr("Go on reading the slide") if is_open else tr("Read the whole slide")


def _has_scan(window: Host) -> bool:
    return window.workspace.slide_scans.scans.map is not None


def _can_correct_tissue(window: Host) -> bool:
    return _has_scan(window) and _has_selected(window)


def _is_tissue_corrected(window: Host) -> bool:
    return _has_scan(window) and window.workspace.slide_scans.correction.is_any


def _can_stop_reading(window: Host) -> bool:
    scans = window.workspace.slide_scans.scans
    return scans.under_way or scans.status in ("scale", "waiting")


def _chosen(window: Host) -> list[str]:
    """Ids of the regions that are selected in the list."""
    return [roi.id for roi in window.panels["regions"].chosen()]


def _focus(window: Host) -> None:
    selected = window.workspace.document.selected
    if selected is not None:
        window.workspace.regions.focus(selected.id)


def _switch_map(window: Host) -> None:
    document = window.workspace.document
    look = document.map_painting
    document.set_map_painting(replace(look, visible=not look.visible))


def _undo_text(window: Host) -> str:
    return window.workspace.document.undo_stack.undo_text


def _redo_text(window: Host) -> str:
    return window.workspace.document.undo_stack.redo_text


def _with_change(alone: str, text: str, change: str) -> str:
    """ "Undo draw region"; ``alone`` where there is none."""
    return text.format(change=formats.within(change)) if change else alone


def _recent_menu(window: Any) -> QMenu:
    menu = RecentMenu(window)
    menu.chosen.connect(window.workspace.slides.open)
    window.workspace.slides.recents_changed.connect(menu.show_paths)
    return menu


def _panels_menu(window: Any) -> QMenu:
    menu = QMenu(window)
    for dock in window.docks:
        menu.addAction(dock.toggleViewAction())
    return menu


def tool_action(tool: type[Tool]) -> Action:
    return Action(
        tool.id, tool.text, lambda w: w.canvas.set_tool(tool.id), tool.icon, tool.keys, tool.tip,
        (Place(EDIT, 2),), 2,
        enabled=has_slide, checked=lambda w: w.canvas.tool() == tool.id, choice="tool",
    )  # fmt: skip


def _magnification(value: float) -> Action:
    return Action(
        f"magnification_{value:g}", decimal(f"{value:g}×"),
        lambda w: camera_of(w).set_magnification(value),
        menu=(Place(VIEW, 1, tr("Magnification")),), enabled=has_slide,
    )  # fmt: skip


ACTIONS: tuple[Action, ...] = (
    Action("open", tr("Open slide…"), lambda w: w.dialogs.open_slides(), "open", "Ctrl+O",
           tr("Open a slide or an image"), (Place(FILE),), 1),
    Action("recent", tr("Open recent"), menu=(Place(FILE),), submenu=_recent_menu),
    Action("demo", tr("Open demo"), lambda w: w.workspace.files.open_demo(), "sparkle", "",
           tr("Generated tissue with a few regions"), (Place(FILE),)),
    Action("open_session", tr("Open session…"), lambda w: w.dialogs.open_session(), "", "",
           tr("Take in a session that was saved as a file"), (Place(FILE),)),
    Action("save_session", tr("Save session as…"), lambda w: w.dialogs.save_session(), "", "",
           tr("Save regions, answers and settings of this slide as a file"), (Place(FILE),),
           enabled=has_slide),
    Action("reader", tr("Another reader…"), lambda w: w.dialogs.choose_reader(), "", "",
           tr("Start or continue a session of one's own on each slide"), (Place(FILE),)),
    Action("add_models", tr("Add models…"), lambda w: w.dialogs.add_models(), "plus", "Ctrl+M",
           tr("Add checkpoints to the list"), (Place(FILE, 2), Place(MODEL, 2))),
    Action("model_folder", tr("Model folder…"), lambda w: w.dialogs.choose_model_folder(), "", "",
           tr("List the checkpoints of a folder, and new ones as they appear"),
           (Place(MODEL, 2),)),
    Action("no_model_folder", tr("Forget model folder"),
           lambda w: w.workspace.models.set_folder(""), "", "",
           tr("New checkpoints of the folder are no longer listed"), (Place(MODEL, 2),),
           enabled=lambda w: bool(w.workspace.models.folder)),
    Action("import_rois", tr("Import regions…"), lambda w: w.dialogs.import_regions(), "import",
           "Ctrl+I", tr("Import regions from QuPath's GeoJSON, or the XML of ASAP or ImageScope"),
           (Place(FILE, 2),), enabled=has_slide),
    Action("import_rois_from_corner", tr("Import regions without offset…"),
           lambda w: w.dialogs.import_regions(from_corner=True), "", "",
           tr("For regions of HALO or ASAP on a slide with empty margins, from which QuPath does "
              "not count"), (Place(FILE, 2),), enabled=_has_margins),
    Action("open_tile_map", tr("Map of tiles…"), lambda w: w.dialogs.open_tile_map(), "", "",
           tr("Lay values of tiles on the slide: a scan, a feature file, or a table with places"),
           (Place(FILE, 2),), enabled=has_slide),
    Action("export_rois", tr("Regions and answers…"), lambda w: w.dialogs.export_regions(),
           "export", "Ctrl+E", tr("Export regions and answers as GeoJSON, which QuPath reads"),
           (Place(FILE, 2, EXPORT),), enabled=has_slide),
    Action("export_rois_only", tr("Regions without answers…"),
           lambda w: w.dialogs.export_regions(answers=False), "", "",
           tr("Export regions as GeoJSON, without what the models say"),
           (Place(FILE, 2, EXPORT),), enabled=has_slide),
    Action("export_training", tr("Regions for training…"),
           lambda w: w.dialogs.export_for_training(), "", "",
           tr("Export regions with your classes into a folder that training.prepare reads"),
           (Place(FILE, 2, EXPORT),), enabled=has_slide),
    Action("export_table", tr("Table of answers…"), lambda w: w.dialogs.export_table(), "",
           "Ctrl+T", tr("Export a row for each region and model as CSV, TSV or JSON"),
           (Place(FILE, 2, EXPORT),), enabled=has_slide),
    Action("export_areas", tr("Table of areas…"), lambda w: w.dialogs.export_areas(), "", "",
           tr("Export the area of each class on the whole slide as CSV, TSV or JSON"),
           (Place(FILE, 2, EXPORT),), enabled=_has_scan),
    Action("export_figure", tr("Figure of the selected region…"),
           lambda w: w.dialogs.export_figure(), "", "",
           tr("Export the region with map, scale bar and legend as PNG, SVG or PDF"),
           (Place(FILE, 2, EXPORT),), enabled=_has_selected),
    Action("export_report", tr("Report…"),
           lambda w: w.dialogs.export_report(w.panels["regions"].chosen()), "", "Ctrl+Shift+E",
           tr("Export pictures and answers of all regions, or of several selected ones, as PDF"),
           (Place(FILE, 2, EXPORT),), enabled=has_slide),
    Action("save_picture", tr("Save image of the window…"), lambda w: w.dialogs.save_picture(),
           "", "Ctrl+Shift+S", menu=(Place(FILE, 3),)),
    Action("close_slide", tr("Close slide"), _close_slide, "close", "Ctrl+W",
           tr("Take the slide off the list; its regions and answers are kept"), (Place(FILE, 4),),
           enabled=has_slide),
    Action("quit", tr("Quit"), lambda w: w.close(), "", "Ctrl+Q", menu=(Place(FILE, 4),)),
    Action("undo", tr("Undo"), lambda w: w.workspace.document.undo(), "undo", "Ctrl+Z",
           tr("Undo the last change to a region"), (Place(EDIT),), 4,
           enabled=lambda w: bool(_undo_text(w)),
           shown_text=lambda w: _with_change(tr("Undo"), tr("Undo {change}"), _undo_text(w))),
    Action("redo", tr("Redo"), lambda w: w.workspace.document.redo(), "redo", "Ctrl+Shift+Z",
           tr("Redo the last change that was undone"), (Place(EDIT),), 4,
           enabled=lambda w: bool(_redo_text(w)),
           shown_text=lambda w: _with_change(tr("Redo"), tr("Redo {change}"), _redo_text(w))),
    Action("copy", tr("Copy view"), _copy_view, "", "Ctrl+C",
           tr("Copy the slide as it is shown to the clipboard"), (Place(EDIT),), enabled=has_slide,
           on_slide=True),
    *(tool_action(tool) for tool in TOOLS),
    Action("whole_image", tr("Whole image as a region"),
           lambda w: w.workspace.regions.add_whole_image(), "", "W",
           tr("Add a region that covers the whole slide or image"), (Place(EDIT, 3),),
           enabled=has_slide),
    Action("delete", tr("Delete region"), lambda w: w.workspace.regions.delete(_chosen(w)),
           "trash", "", tr("Delete the selected regions (Del)"), (Place(EDIT, 3),)),
    *editing_actions(EDIT),
    *class_actions(EDIT),
    Action("fit", tr("Zoom to fit"), lambda w: camera_of(w).fit(), "fit", "F",
           tr("Show the whole slide"), (Place(VIEW),), 3, enabled=has_slide),
    Action("focus", tr("Zoom to selected region"), _focus, "", "Z",
           menu=(Place(VIEW),)),
    Action("zoom_in", tr("Zoom in"), lambda w: camera_of(w).zoom_at(1.0, None), "", "Ctrl++",
           menu=(Place(VIEW),), enabled=has_slide),
    Action("zoom_out", tr("Zoom out"), lambda w: camera_of(w).zoom_at(-1.0, None), "", "Ctrl+-",
           menu=(Place(VIEW),), enabled=has_slide),
    Action("full_resolution", tr("Full resolution (1:1)"), lambda w: camera_of(w).zoom_to(1.0),
           "", "Ctrl+1", tr("Show one slide pixel on one screen pixel"), (Place(VIEW),),
           enabled=has_slide),
    *(_magnification(value) for value in MAGNIFICATIONS),
    *rotating_actions(VIEW),
    Action("evidence", tr("Evidence map"), _switch_map, "eye", "E",
           tr("Show or hide the evidence map"), (Place(VIEW, 2),), 5,
           checked=lambda w: w.workspace.document.map_painting.visible),
    *guide_actions(VIEW),
    *minimap_actions(VIEW),
    *COMPARING,
    *beside_actions(VIEW),
    Action("panels", tr("Panels"), menu=(Place(VIEW, 4),), submenu=_panels_menu),
    Action("next_slide", tr("Next slide"), lambda w: w.workspace.slides.step(1), "", "Ctrl+PgDown",
           tr("Show the next slide in the list"), (Place(SLIDE, 0),), enabled=_has_others),
    Action("previous_slide", tr("Previous slide"), lambda w: w.workspace.slides.step(-1), "",
           "Ctrl+PgUp", tr("Show the previous slide in the list"), (Place(SLIDE, 0),),
           enabled=_has_others),
    Action("calibration", tr("Calibration…"), lambda w: w.dialogs.calibrate(), "calibrate", "",
           tr("Set the scale of the slide and of the models"), (Place(SLIDE),), enabled=has_slide),
    Action("slide_details", tr("About this slide…"), lambda w: w.dialogs.slide_details(), "info",
           "", tr("Scale, levels, macro image, label and all properties of the file"),
           (Place(SLIDE),), enabled=has_slide),
    *slide_view_actions(SLIDE),
    Action("classify", tr("Classify selected region"),
           classify, "classify", "Ctrl+Return",
           menu=(Place(MODEL),), enabled=has_slide),
    Action("classify_all", tr("Classify all regions"),
           lambda w: w.workspace.analysis.ask([roi.id for roi in w.workspace.document.rois]),
           "classify", "Ctrl+Shift+Return", menu=(Place(MODEL),), enabled=has_slide),
    Action("read_slide", tr("Read the whole slide"), _read_slide, "scan", "Ctrl+R",
           tr("Have the model read all tissue of this slide, or pause it"), (Place(MODEL),), 5,
           enabled=has_slide, shown_text=_read_slide_text),
    Action("stop_reading", tr("Stop reading the slide"),
           lambda w: w.workspace.slide_scans.stop(), "", "",
           tr("Read no more of the slide; what was read stays"), (Place(MODEL),),
           enabled=_can_stop_reading),
    Action("scan_regions", tr("Regions of the map"),
           lambda w: w.workspace.scan_painter.make_regions(), "", "",
           tr("Make a region of each part of the slide that the map shows in a class's colour"),
           (Place(MODEL),), enabled=_has_scan),
    Action("count_as_tissue", tr("Count as tissue"),
           lambda w: w.workspace.scan_tissue.count(_chosen(w)), "", "",
           tr("Read the selected regions too, though no tissue was found there"),
           (Place(MODEL),), enabled=_can_correct_tissue),
    Action("leave_out", tr("Leave out of the reading"),
           lambda w: w.workspace.scan_tissue.leave_out(_chosen(w)), "", "",
           tr("Neither read, show nor count the selected regions of the slide"),
           (Place(MODEL),), enabled=_can_correct_tissue),
    Action("tissue_as_found", tr("Tissue as it was found"),
           lambda w: w.workspace.scan_tissue.take_back(), "", "",
           tr("Take back what was counted as tissue and left out by hand"),
           (Place(MODEL),), enabled=_is_tissue_corrected),
    Action("answer_slide", tr("Answer for the whole slide"),
           lambda w: w.workspace.slide_answers.ask(), "", "",
           tr("Have a slide model give one answer for this slide"), (Place(MODEL),),
           enabled=lambda w: w.workspace.slide_answers.can_ask),
    Action("stop", tr("Stop"), _stop, "close", "",
           tr("Cancel queued classifications and exports; finished results are kept"),
           (Place(MODEL),), enabled=_can_stop),
    Action("auto", tr("Classify regions automatically"),
           lambda w: w.workspace.analysis.set_auto_classify(not w.workspace.analysis.auto_classify),
           menu=(Place(MODEL),), checked=lambda w: w.workspace.analysis.auto_classify),
    *comfort_actions(EDIT, VIEW, HELP),
    Action("shortcuts", tr("Keyboard and mouse"), lambda w: w.dialogs.shortcuts(), "", "F1",
           tr("List all shortcuts"), (Place(HELP),)),
    Action("about", tr("About"), lambda w: w.dialogs.about(), "info", menu=(Place(HELP),)),
)  # fmt: skip
