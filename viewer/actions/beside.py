"""Actions on two slides side by side."""

from __future__ import annotations

from viewer.actions.action import Action, Host, Place
from viewer.text.tr import tr


def _is_open(window: Host) -> bool:
    return window.workspace.beside.info is not None


def _has_pairs(window: Host) -> bool:
    return _is_open(window) and bool(window.workspace.beside.link.pairs)


def _can_copy(window: Host) -> bool:
    beside = window.workspace.beside
    return beside.similarity is not None and bool(window.workspace.document.chosen)


def _can_swap(window: Host) -> bool:
    work = window.workspace
    return _is_open(window) and work.beside.path != work.slides.current


def beside_actions(view: str) -> tuple[Action, ...]:
    """The actions for the menu of this title."""
    two = Place(view, 2, tr("Two slides"))
    return (
        Action("beside", tr("Show a slide beside…"), lambda w: w.dialogs.choose_beside(), "beside",
               "Ctrl+2", tr("Show a second slide beside this one"), (two,), 5,
               enabled=lambda w: w.workspace.document.slide is not None,
               checked=lambda w: w.workspace.beside.is_open),
        Action("close_beside", tr("Close the second slide"), lambda w: w.workspace.beside.close(),
               "close", "Ctrl+Shift+W", menu=(two,),
               enabled=lambda w: w.workspace.beside.is_open),
        Action("mark_places", tr("Mark the same place"),
               lambda w: w.workspace.beside.mark_places(), "landmark", "Ctrl+L",
               tr("Click the same place on both slides to link them; a second pair adds scale "
                  "and rotation"), (two,),
               enabled=_is_open, checked=lambda w: w.workspace.beside.landmarks.active),
        Action("link_slides", tr("Link the two slides"),
               lambda w: w.workspace.beside.set_linked(not w.workspace.beside.link.on), "link",
               "Ctrl+Shift+L", tr("Move both slides together, or each by itself"), (two,),
               enabled=_has_pairs, checked=lambda w: w.workspace.beside.similarity is not None),
        Action("forget_pair", tr("Take back the last marked place"),
               lambda w: w.workspace.beside.forget_pair(), "", "",
               tr("Remove the pair of places that was marked last"), (two,),
               enabled=lambda w: w.workspace.beside.can_forget),
        Action("swap_slides", tr("Swap the two slides"), lambda w: w.workspace.beside.swap(),
               "swap", "Ctrl+Shift+2", tr("Work on the second slide, with this one beside it"),
               (two,), enabled=_can_swap),
        Action("copy_across", tr("Copy to the other slide"),
               lambda w: w.workspace.beside.copy_across(), "carry", "Ctrl+Shift+D",
               tr("Copy the selected regions to the same place on the second slide"), (two,),
               enabled=_can_copy),
    )  # fmt: skip
