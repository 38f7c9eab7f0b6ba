"""Actions on how the slide is shown."""

from __future__ import annotations

from viewer.actions.action import Action, Host, Place, has_slide
from viewer.state.settings import STAIN_VIEWS, ViewColors
from viewer.state.view_colors import AS_STAINED, STAIN_TEXTS
from viewer.text.tr import tr


def _switch_colors(window: Host) -> None:
    colors = window.workspace.view_colors
    colors.open_panel(not colors.opened)
    if colors.opened:
        window.panels["view_colors"].brightness.setFocus()


def _stain(key: str, slide: str) -> Action:
    return Action(
        f"stain_{key or 'all'}", STAIN_TEXTS[key] if key else AS_STAINED,
        lambda w: w.workspace.view_colors.change(stain=key), menu=(Place(slide, 2, tr("Stain")),),
        enabled=has_slide, checked=lambda w: w.workspace.view_colors.colors.stain == key,
        choice="stain",
    )  # fmt: skip


def slide_view_actions(slide: str) -> tuple[Action, ...]:
    """The actions for the menu of this title."""
    return (
        Action("go_to", tr("Go to…"), lambda w: w.dialogs.go_to(), "", "Ctrl+G",
               tr("Bring a place into view by its coordinates, in pixels or µm"),
               (Place(slide, 2),), enabled=has_slide),
        Action("view_colors", tr("Colours of the view"), _switch_colors, "", "Ctrl+B",
               tr("Brightness, contrast, gamma, white and single stains, for the view only"),
               (Place(slide, 2),), enabled=has_slide,
               checked=lambda w: w.workspace.view_colors.opened),
        *(_stain(key, slide) for key in ("", *STAIN_VIEWS)),
        Action("pick_white", tr("Pick a white place"),
               lambda w: w.workspace.view_colors.pick_white(), "", "",
               tr("Click bare glass that is to be white in the view"), (Place(slide, 2),),
               enabled=has_slide, checked=lambda w: w.workspace.view_colors.picking),
        Action("own_colors", tr("The slide's own colours"),
               lambda w: w.workspace.view_colors.reset(), "", "Ctrl+Shift+B",
               tr("Take back all changes of the view's colours"), (Place(slide, 2),),
               enabled=lambda w: w.workspace.view_colors.colors != ViewColors()),
    )  # fmt: skip
