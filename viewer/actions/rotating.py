"""Actions that rotate the slide on the screen."""

from __future__ import annotations

from viewer.actions.action import Action, Host, Place, camera_of, has_slide
from viewer.text.tr import tr

ROTATION = tr("Rotation")


def _can_be_reset(window: Host) -> bool:
    work = window.workspace
    return work.document.slide_settings.rotation != 0.0 or work.beside.is_open


def rotating_actions(view: str) -> tuple[Action, ...]:
    """The actions for the menu of this title."""
    place = (Place(view, 1, ROTATION),)
    return (
        Action("rotate_left", tr("Rotate left by 90°"), lambda w: camera_of(w).turn_by(-90.0),
               "", "Alt+Left", tr("Turn the slide counterclockwise; only the view changes"), place,
               enabled=has_slide, on_slide=True),
        Action("rotate_right", tr("Rotate right by 90°"), lambda w: camera_of(w).turn_by(90.0),
               "", "Alt+Right", tr("Turn the slide clockwise; only the view changes"), place,
               enabled=has_slide, on_slide=True),
        Action("rotate", tr("Rotate…"), lambda w: w.dialogs.rotate(), "", "Alt+Down",
               tr("Turn the slide by any angle"), place, enabled=has_slide, on_slide=True),
        Action("unrotate", tr("Reset rotation"), lambda w: camera_of(w).turn_to(0.0), "",
               "Alt+Up", tr("Set the slide upright again"), place, enabled=_can_be_reset,
               on_slide=True),
    )  # fmt: skip
