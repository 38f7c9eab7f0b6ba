"""Every action of the window in one table: text, icon, shortcut and what it is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from viewer.look.icons import set_icon


@dataclass(frozen=True)
class Spec:
    """How an action looks and is reached."""

    text: str
    icon: str = ""
    keys: str = ""  # as QKeySequence reads it
    tip: str = ""
    checkable: bool = False


SPECS: Mapping[str, Spec] = {
    "open": Spec("Open slide…", "open", "Ctrl+O", "Open a slide or a picture"),
    "demo": Spec("Open the demo", "sparkle", "", "A synthetic slide with a few regions"),
    "add_models": Spec("Add models…", "plus", "Ctrl+M", "Add checkpoints to the list"),
    "import_rois": Spec("Import regions…", "import", "Ctrl+I", "Read regions from GeoJSON"),
    "export_rois": Spec("Export regions…", "export", "Ctrl+E", "Write regions as GeoJSON"),
    "save_picture": Spec("Save picture of the window…", "", "Ctrl+Shift+S"),
    "quit": Spec("Quit", "", "Ctrl+Q"),
    "undo": Spec("Undo", "undo", "Ctrl+Z", "Take back the last change of a region"),
    "redo": Spec("Redo", "redo", "Ctrl+Shift+Z", "Make the change again"),
    "delete": Spec("Delete region", "trash", "", "Delete the selected regions (Del)"),
    "pan": Spec("Move", "pan", "H", "Drag the slide", checkable=True),
    "lasso": Spec("Lasso", "lasso", "L", "Draw freehand around a region", checkable=True),
    "polygon": Spec("Polygon", "polygon", "P", "Draw corner by corner", checkable=True),
    "rectangle": Spec("Rectangle", "rectangle", "R", "Drag a rectangle", checkable=True),
    "fit": Spec("Whole slide", "fit", "F", "Show the whole slide"),
    "zoom_in": Spec("Zoom in", "", "Ctrl++"),
    "zoom_out": Spec("Zoom out", "", "Ctrl+-"),
    "focus": Spec("Selected region", "", "Z", "Bring the selected region into view"),
    "compare": Spec("Compare models", "compare", "C", "Show every model's evidence map side by "
                    "side", checkable=True),
    "follow": Spec("Comparison follows the slide", "link", "", "Move the comparison with the "
                   "slide's own view", checkable=True),
    "evidence": Spec("Evidence map", "eye", "E", "Show or hide the evidence map", checkable=True),
    "calibration": Spec("Calibration…", "calibrate", "", "Scale of the slide and of the models"),
    "classify": Spec("Classify selected region", "classify", "Ctrl+Return"),
    "classify_all": Spec("Classify all regions", "classify", "Ctrl+Shift+Return"),
    "stop": Spec("Stop classifying", "close", "", "Give up what waits; answers stay"),
    "auto": Spec("Classify as soon as drawn", "", "", checkable=True),
    "shortcuts": Spec("Keyboard and mouse", "", "F1", "Every key and what it does"),
    "about": Spec("About", "info", ""),
}  # fmt: skip


def make_actions(parent: QWidget) -> dict[str, QAction]:
    """One QAction for each entry, added to the parent so that its shortcut works."""
    actions = {}
    for name, spec in SPECS.items():
        action = QAction(spec.text, parent)
        if spec.icon:
            set_icon(action, spec.icon)
        if spec.keys:
            action.setShortcut(QKeySequence(spec.keys))
        tip = spec.tip or spec.text.rstrip("…")
        action.setToolTip(f"{tip} ({spec.keys})" if spec.keys else tip)
        action.setCheckable(spec.checkable)
        action.setObjectName(name)
        parent.addAction(action)
        actions[name] = action
    return actions
