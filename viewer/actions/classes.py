"""Actions on classes: number keys for the selected regions, and for new ones."""

from __future__ import annotations

from viewer.actions.action import Action, Host, Place, has_slide
from viewer.text.tr import tr

KEYS = range(1, 10)


def _name(window: Host, number: int) -> str:
    """Name of a class by its number in the palette; empty where there is none."""
    listed = window.workspace.classes.listed
    return listed[number - 1].shown.name if 0 < number <= len(listed) else ""


def _text(window: Host, number: int) -> str:
    name = _name(window, number).replace("&", "&&")
    return f"{number}  {name}" if name else tr("{number}  No such class").format(number=number)


def apply_class(window: Host, name: str) -> None:
    """Give the selected regions a class; new regions where none is selected or one is drawn."""
    chosen = [roi.id for roi in window.panels["regions"].chosen()]
    if not chosen or window.canvas.pointer.tool.is_busy:
        draw_with(window, name)
    elif not window.workspace.classes.give(chosen, name):
        window.canvas.hint.emit(tr("The selected regions are locked; their class was not changed."))


def draw_with(window: Host, name: str) -> None:
    """New regions get a class from now on; "" = none."""
    window.workspace.classes.draw_with(name)
    text = tr("New regions: {name}").format(name=name) if name else tr("New regions have no class.")
    window.canvas.hint.emit(text)


def _numbered(number: int, menu: Place) -> Action:
    return Action(
        f"class_{number}", tr("Class {number}").format(number=number),
        lambda w: apply_class(w, _name(w, number)), keys=str(number), menu=(menu,),
        tip=tr("Give the selected regions this class, or new ones where none is selected"),
        enabled=lambda w: has_slide(w) and bool(_name(w, number)),
        shown_text=lambda w: _text(w, number), on_slide=True,
    )  # fmt: skip


def _drawn(number: int, menu: Place) -> Action:
    return Action(
        f"draw_class_{number}", tr("New regions: class {number}").format(number=number),
        lambda w: draw_with(w, _name(w, number)), keys=f"Alt+{number}", menu=(menu,),
        enabled=lambda w: has_slide(w) and bool(_name(w, number)),
        shown_text=lambda w: _text(w, number), on_slide=True,
        checked=lambda w: bool(_name(w, number)) and _is_drawn(w, _name(w, number)),
    )  # fmt: skip


def _is_drawn(window: Host, name: str) -> bool:
    return window.workspace.document.slide_settings.classes.drawn == name


def class_actions(edit: str) -> tuple[Action, ...]:
    """The actions for the menu of this title."""
    given, drawn = Place(edit, 4, tr("Class")), Place(edit, 4, tr("Class of new regions"))
    return (
        *(_numbered(number, given) for number in KEYS),
        Action("class_none", tr("No class"), lambda w: apply_class(w, ""), keys="0", menu=(given,),
               tip=tr("Take the class from the selected regions, or from new ones"),
               enabled=has_slide, on_slide=True),
        *(_drawn(number, drawn) for number in KEYS),
        Action("draw_class_none", tr("New regions: no class"), lambda w: draw_with(w, ""),
               keys="Alt+0", menu=(drawn,), enabled=has_slide, on_slide=True,
               checked=lambda w: _is_drawn(w, "")),
        Action("add_class", tr("Add class…"), lambda w: w.panels["classes"].add_class(), "plus", "",
               tr("Add a class to the palette of this slide"), (Place(edit, 4),),
               enabled=has_slide),
    )  # fmt: skip
