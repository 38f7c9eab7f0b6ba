"""Actions that edit, copy, hide and find regions."""

from __future__ import annotations

from PySide6.QtWidgets import QInputDialog, QWidget

from viewer.actions.action import Action, Host, Place
from viewer.text.tr import tr

# of the menu of the selected regions, on the slide and in the list, in groups
IN_MENU = (
    (
        "duplicate",
        "copy_across",
        "unite",
        "subtract",
        "intersect",
        "split",
        "fill_holes",
        "simplify",
    ),
    ("hide", "lock", "note", "measurements", "known_length"),
)
WITHOUT_SELECTION = ("select_all", "show_all", "undo", "redo", "fit")


def _any(window: Host) -> bool:
    return bool(window.workspace.document.chosen)


def _several(window: Host) -> bool:
    return len(window.workspace.document.chosen) > 1


def _has_regions(window: Host) -> bool:
    return window.workspace.document.has_rois


def _hide_text(window: Host) -> str:
    chosen = window.workspace.document.chosen
    return tr("Show") if chosen and all(roi.hidden for roi in chosen) else tr("Hide")


def _lock_text(window: Host) -> str:
    chosen = window.workspace.document.chosen
    return tr("Unlock") if chosen and all(roi.locked for roi in chosen) else tr("Lock")


def _ask_note(window: Host) -> None:
    assert isinstance(window, QWidget)
    old = {roi.note for roi in window.workspace.document.chosen}
    text, accepted = QInputDialog.getMultiLineText(
        window, tr("Note"), tr("What is to be known of the selected regions:"),
        old.pop() if len(old) == 1 else "",
    )  # fmt: skip
    if accepted:
        window.workspace.editing.note(text)


def _select_all(window: Host) -> None:
    window.workspace.editing.choose_all([roi.id for roi in window.panels["regions"].model.rois])


def classify(window: Host) -> None:
    """Ask about the selected regions; why not, where none has an area."""
    chosen = window.workspace.document.chosen
    if chosen and not any(roi.has_area for roi in chosen):
        window.canvas.hint.emit(
            tr("Points, lines, rulers and angles have no area to classify: draw around the tissue.")
        )
        return
    window.workspace.analysis.ask([roi.id for roi in chosen])


def editing_actions(edit: str) -> tuple[Action, ...]:
    """The actions for the menu of this title."""
    region, choose = Place(edit, 3, tr("Selected regions")), Place(edit, 3, tr("Select"))
    return (
        Action("duplicate", tr("Duplicate"), lambda w: w.workspace.editing.duplicate(_px(w)), "",
               "Ctrl+D", tr("Copy the selected regions"), (region,), enabled=_any),
        Action("unite", tr("Unite"), lambda w: w.workspace.editing.unite(), "", "Shift+U",
               tr("Make one region of all that the selected ones cover"), (region,),
               enabled=_several),
        Action("subtract", tr("Subtract"), lambda w: w.workspace.editing.subtract(), "", "Shift+S",
               tr("Take the others from the region that was selected first"), (region,),
               enabled=_several),
        Action("intersect", tr("Intersect"), lambda w: w.workspace.editing.intersect(), "",
               "Shift+I", tr("Keep what all of the selected regions cover"), (region,),
               enabled=_several),
        Action("split", tr("Split into parts"), lambda w: w.workspace.editing.split(), "",
               "Shift+X", tr("Make a region of each connected part"), (region,), enabled=_any),
        Action("fill_holes", tr("Fill holes"), lambda w: w.workspace.editing.fill_holes(), "",
               "Shift+F", tr("Fill the holes of the selected regions"), (region,), enabled=_any),
        Action("simplify", tr("Simplify outline"), lambda w: w.workspace.editing.simplify(_px(w)),
               "", "Shift+P", tr("Leave out corners that cannot be seen at this zoom"), (region,),
               enabled=_any),
        Action("hide", tr("Hide"), lambda w: w.workspace.editing.switch_hidden(), "eye-off", "J",
               tr("Hide the selected regions on the slide, or show them"), (region,),
               enabled=_any, shown_text=_hide_text),
        Action("lock", tr("Lock"), lambda w: w.workspace.editing.switch_locked(), "lock", "K",
               tr("Protect the selected regions from changes, or allow them"), (region,),
               enabled=_any, shown_text=_lock_text),
        Action("note", tr("Note…"), _ask_note, "edit", "T",
               tr("Write a note to the selected regions"), (region,), enabled=_any),
        Action("measurements", tr("Measurements…"), lambda w: w.dialogs.measurements(), "ruler",
               "Ctrl+Shift+M", tr("Area, perimeter, length and diameter, to copy or export"),
               (region,), enabled=_has_regions),
        Action("known_length", tr("Use as a known length…"), lambda w: w.dialogs.use_ruler(),
               "calibrate", "Shift+L",
               tr("Enter the true length of the selected ruler to set the scale of the slide"),
               (region,), enabled=lambda w: w.workspace.known_line.ruler_px is not None),
        Action("show_all", tr("Show all hidden regions"),
               lambda w: w.workspace.editing.show_all(), "eye", "Shift+J",
               tr("Show all regions that were hidden"), (choose,), enabled=_has_regions),
        Action("select_all", tr("Select all regions"), _select_all, "", "Ctrl+A",
               tr("Select all regions of the list"), (choose,), enabled=_has_regions,
               on_slide=True),
        Action("next_region", tr("Next region"), lambda w: w.panels["regions"].step(1), "", "N",
               tr("Select the next region of the list and bring it into view"), (choose,),
               enabled=_has_regions),
        Action("previous_region", tr("Previous region"), lambda w: w.panels["regions"].step(-1),
               "", "Shift+N", tr("Select the region before and bring it into view"), (choose,),
               enabled=_has_regions),
        Action("find_region", tr("Find region…"), lambda w: w.panels["regions"].focus_search(), "",
               "Ctrl+F", tr("Search the list by name, class or note"), (choose,),
               enabled=_has_regions),
    )  # fmt: skip


def _px(window: Host) -> float:
    """Level-0 pixels of a screen pixel."""
    return window.canvas.scene.px
