"""Actions on the lines over the slide: grid and crosshair."""

from __future__ import annotations

from viewer.actions.action import Action, Place, has_slide
from viewer.text.tr import tr


def guide_actions(view: str) -> tuple[Action, ...]:
    """The actions for the menu of this title."""
    return (
        Action("grid", tr("Grid"), lambda w: w.workspace.preferences.switch("grid"), "", "G",
               tr("Evenly spaced lines on the slide; the spacing follows the zoom"),
               (Place(view, 2),), enabled=has_slide,
               checked=lambda w: w.workspace.preferences.now.grid),
        Action("crosshair", tr("Crosshair"),
               lambda w: w.workspace.preferences.switch("crosshair"), "", "X",
               tr("Lines through the pointer or the middle of the view, with its coordinates"),
               (Place(view, 2),), enabled=has_slide,
               checked=lambda w: w.workspace.preferences.now.crosshair),
    )  # fmt: skip
