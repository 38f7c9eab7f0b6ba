"""Actions on the lines over the slide: grid and crosshair."""

from __future__ import annotations

from viewer.actions.action import Action, Host, Place
from viewer.text.tr import tr


def _has_slide(window: Host) -> bool:
    return window.workspace.document.slide is not None


def _switch_grid(window: Host) -> None:
    kept = window.workspace.preferences
    kept.set(grid=not kept.now.grid)
    window.canvas.update()
    window.workspace.beside.canvas.update()


def _switch_crosshair(window: Host) -> None:
    kept = window.workspace.preferences
    kept.set(crosshair=not kept.now.crosshair)
    window.canvas.update()
    window.workspace.beside.canvas.update()


def guide_actions(view: str) -> tuple[Action, ...]:
    """The actions for the menu of this title."""
    return (
        Action("grid", tr("Grid"), _switch_grid, "", "G",
               tr("Lines on the slide at even distances, which follow the zoom"),
               (Place(view, 2),), enabled=_has_slide,
               checked=lambda w: w.workspace.preferences.now.grid),
        Action("crosshair", tr("Crosshair"), _switch_crosshair, "", "X",
               tr("Lines through the pointer or the middle of the view, with the place in numbers"),
               (Place(view, 2),), enabled=_has_slide,
               checked=lambda w: w.workspace.preferences.now.crosshair),
    )  # fmt: skip
