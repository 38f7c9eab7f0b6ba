"""The actions of the comparison."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from viewer.actions.action import Action, Host, Place
from viewer.state.matrix import Look
from viewer.text.tr import tr


def _is_open(window: Host) -> bool:
    return window.compare.opened and window.workspace.document.slide is not None


def _has_region(window: Host) -> bool:
    work = window.workspace
    return work.document.selected is not None and bool(work.library.in_use)


def _has_pair(window: Host) -> bool:
    return _is_open(window) and window.compare.state.pair is not None


def _look(window: Host, look: Look) -> None:
    state = window.compare.state
    state.choose(replace(state.choice, look=look))


def _choosing(look: Look) -> Callable[[Host], None]:
    return lambda window: _look(window, look)


def _chosen(look: Look) -> Callable[[Host], bool]:
    return lambda window: window.compare.state.choice.look == look


def comparing(view: str, file: str, export: str) -> tuple[Action, ...]:
    """The actions, for these menus and submenu."""
    more = Place(view, 2, tr("Comparison"))
    looks: tuple[tuple[Look, str, str, str], ...] = (
        ("grid", tr("All maps in a grid"), "Shift+G", tr("Show all maps beside each other")),
        ("swipe", tr("Swipe A and B"), "Shift+W",
         tr("Map A left of a line that can be dragged, map B right of it")),
        ("blink", tr("Blink A and B"), "Shift+B", tr("Map A and map B in turn, at one place")),
        ("difference", tr("Difference A \u2212 B"), "Shift+D",
         tr("The signed difference of map A and map B, zero in the middle")),
    )  # fmt: skip
    return (
        Action("compare", tr("Compare models"),
               lambda w: w.compare.set_opened(not w.compare.opened),
               "compare", "C", tr("Show every model's evidence map side by side"),
               (Place(view, 2),), 5,
               enabled=lambda w: w.workspace.document.slide is not None,
               checked=lambda w: w.compare.opened),
        Action("follow", tr("Link comparison to slide"),
               lambda w: w.compare.set_follow_slide(not w.compare.follows_slide), "link", "",
               tr("Pan and zoom the comparison together with the slide"), (Place(view, 2),),
               checked=lambda w: w.compare.follows_slide),
        Action("enlarge_comparison", tr("Let the comparison fill the window"),
               lambda w: w.compare.set_enlarged(not w.compare.enlarged), "enlarge", "Shift+C",
               tr("Show the comparison in the slide's place, and the slide again"), (more,),
               enabled=_is_open, checked=lambda w: w.compare.enlarged),
        *(Action(f"compare_{look}", text, _choosing(look), "", keys, tip,
                 (more,), enabled=_has_pair, checked=_chosen(look), choice="comparison")
          for look, text, keys, tip in looks),
        Action("export_comparison", tr("Comparison…"), lambda w: w.dialogs.export_comparison(),
               "export", "", tr("Export all maps of all pages as PNG, SVG or PDF"),
               (Place(file, 2, export), more), enabled=_has_region),
        Action("swap_pair", tr("Swap map A and map B"), lambda w: w.compare.state.swap(), "swap",
               "", tr("Let map A and map B change places"), (more,), enabled=_has_pair),
        Action("comparison_on", tr("Next page of the comparison"),
               lambda w: w.compare.state.next_page(), "", "Shift+PgDown", menu=(more,),
               enabled=lambda w: _is_open(w) and w.compare.state.can_go_on),
        Action("comparison_back", tr("Previous page of the comparison"),
               lambda w: w.compare.state.previous_page(), "", "Shift+PgUp", menu=(more,),
               enabled=lambda w: _is_open(w) and w.compare.state.can_go_back),
    )  # fmt: skip
