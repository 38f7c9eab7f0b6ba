"""Actions on the window itself: commands by name, hidden panels, full screen, preferences."""

from __future__ import annotations

from viewer.actions.action import Action, Place
from viewer.text.tr import tr


def comfort_actions(edit: str, view: str, help_menu: str) -> tuple[Action, ...]:
    """The actions for the menus of these titles."""
    return (
        Action("preferences", tr("Preferences…"), lambda w: w.dialogs.preferences(), "", "Ctrl+,",
               tr("Theme, language, device, memory and models at a start"), (Place(edit, 9),)),
        Action("switch_panels", tr("Hide panels"), lambda w: w.areas.switch_panels(), "", "Tab",
               tr("Hide all panels for more of the slide, or show them again"),
               (Place(view, 3),), checked=lambda w: w.areas.are_panels_hidden, on_slide=True),
        Action("full_screen", tr("Full screen"), lambda w: w.areas.switch_full_screen(), "", "F11",
               tr("Fill the screen with the window, or go back"),
               (Place(view, 3),), checked=lambda w: w.areas.is_full_screen),
        Action("next_area", tr("Next part of the window"), lambda w: w.areas.focus_next(), "", "F6",
               tr("Move the keyboard from the slide to a panel, and on to the next"),
               (Place(view, 3),)),
        Action("previous_area", tr("Previous part of the window"),
               lambda w: w.areas.focus_next(-1), "", "Shift+F6",
               tr("Move the keyboard to the part of the window before this one"),
               (Place(view, 3),)),
        Action("palette", tr("Find a command…"), lambda w: w.dialogs.find_command(), "", "Ctrl+K",
               tr("Type a few letters of what you want to do"), (Place(help_menu),)),
    )  # fmt: skip
