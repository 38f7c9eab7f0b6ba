"""Actions on the minimap: whether and where it is, and what it says was seen."""

from __future__ import annotations

from viewer.actions.action import Action, Host, Place, has_slide
from viewer.state.preferences import CORNERS, Corner
from viewer.text.tr import tr

MINIMAP = tr("Minimap")
CORNER_TEXTS: dict[Corner, str] = {
    "top-left": tr("Top left"),
    "top-right": tr("Top right"),
    "bottom-right": tr("Bottom right"),
    "bottom-left": tr("Bottom left"),
}
IN_MENU = ("minimap", *(f"minimap_{corner}" for corner in CORNERS), "forget_seen")  # of the minimap


def _next_corner(window: Host) -> None:
    kept = window.workspace.preferences
    at = CORNERS.index(kept.now.minimap_corner)
    kept.set(minimap=True, minimap_corner=CORNERS[(at + 1) % len(CORNERS)])


def _corner(corner: Corner, place: Place) -> Action:
    return Action(
        f"minimap_{corner}", CORNER_TEXTS[corner],
        lambda w: w.workspace.preferences.set(minimap=True, minimap_corner=corner), menu=(place,),
        enabled=has_slide, checked=lambda w: w.workspace.preferences.now.minimap_corner == corner,
        choice="minimap_corner",
    )  # fmt: skip


def minimap_actions(view: str) -> tuple[Action, ...]:
    """The actions for the menu of this title."""
    place = Place(view, 2, MINIMAP)
    return (
        Action("minimap", tr("Show the minimap"),
               lambda w: w.workspace.preferences.switch("minimap"), "", "V",
               tr("Show or hide the overview; it leaves while the whole slide is in view"),
               (place,), enabled=has_slide,
               checked=lambda w: w.workspace.preferences.now.minimap),
        *(_corner(corner, place) for corner in CORNERS),
        Action("minimap_next", tr("Next corner"), _next_corner, "", "Shift+V",
               tr("Move the minimap to the next corner of the slide"), (place,),
               enabled=has_slide),
        Action("forget_seen", tr("Forget what was seen"), lambda w: w.workspace.seen.forget(), "",
               "", tr("Clear the tint of the minimap and start over"), (place,),
               enabled=lambda w: w.workspace.seen.is_any),
    )  # fmt: skip
