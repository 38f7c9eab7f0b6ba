"""Runs the viewer and writes what it shows to a file ten times a second.

python -m tests.viewer.watched_viewer STATE.json [the viewer's own arguments]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QAbstractButton, QWidget

from viewer import app as viewer_app
from viewer.arguments import parse
from viewer.services.engine_bridge import EngineFactory
from viewer.window.startup import begin

REPORT_MS = 100


def main(state: Path, arguments: list[str]) -> int:
    options = parse(arguments)
    application = viewer_app.create_application()
    from tests.viewer.conftest import Heartbeat
    from viewer.window.main_window import MainWindow

    engine: EngineFactory = viewer_app.engine_factory(options.device)
    window = MainWindow(engine)
    window.workspace.messages.catch_everything()
    beat = Heartbeat()

    def report() -> None:
        partial = state.with_suffix(".partial")
        controls = shown_controls(window, visited)
        partial.write_text(
            json.dumps({**shown(window), **controls, "longest_turn_ms": beat.longest_turn_ms})
        )
        partial.replace(state)

    def start_beat() -> None:
        beat.start()
        beat.reset()

    window.canvas.first_tile_painted.connect(lambda: QTimer.singleShot(500, start_beat))
    timer = QTimer(interval=REPORT_MS)
    timer.timeout.connect(report)
    timer.start()
    visited: list[int] = []
    application.focusChanged.connect(lambda _, now: visited.append(id(now)))
    window.setGeometry(0, 0, 1400, 900)
    window.show()
    begin(window, options)
    return application.exec()


def shown(window) -> dict:
    """What a user sees, as plain values; places are screen pixels."""
    work = window.workspace
    selected = work.document.selected
    models = work.library.in_use
    answers = [work.document.results.newest_answer(selected.id, m.path) for m in models if selected]
    canvas, box = window.canvas, window.panels["evidence"]._class
    engine = work.bridge._engine
    message = window.message_bar.message
    found = [
        {
            "region": roi.name,
            "own": roi.user_class,
            "model": model.card.name,
            "class": newest[1].predicted,
            "class_name": model.class_info(newest[1].predicted).name,
            "probability": newest[1].probabilities.get(newest[1].predicted),
            "doubt": newest[1].trust.doubt,
        }
        for roi in work.document.rois
        for model in models
        if (newest := work.document.results.newest_answer(roi.id, model.path)) is not None
    ]
    return {
        "slide": None if work.document.slide is None else work.document.slide.name,
        "path": None if work.document.slide is None else work.document.slide.path,
        "found": found,
        "in_use": [model.card.name for model in models],
        "selected": None if selected is None else selected.name,
        "settled": canvas.is_settled(),
        "busy": work.busy,
        "ready": work.bridge.state is not None,
        "canvas": [*canvas.mapToGlobal(canvas.rect().center()).toTuple(), canvas.width()],
        "canvas_height": canvas.height(),
        "class_box": box.mapToGlobal(box.rect().center()).toTuple(),
        "regions": [roi.name for roi in work.document.rois],
        "answers": sum(answer is not None for answer in answers),
        "maps": [m.spec.checkpoint for m in work.maps.maps],
        "target": work.document.maps.of(models[0].path).target if models else None,
        "downsample": canvas.view_state().downsample,
        "engine_pid": None if engine is None else engine.pid,
        "scan": shown_scan(window),
        "message": "" if message is None else message.text,
        "tool": canvas.tool(),
        "view": shown_view(canvas),
        "beside": shown_beside(work.beside),
        "outlines": [{"kind": r.kind, "bounds": list(r.bounds)} for r in work.document.rois],
    }


def shown_view(canvas) -> list[float]:
    """The slide's place in the middle of the view, level-0 px, and its downsample."""
    state = canvas.view_state()
    return [state.center_x, state.center_y, state.downsample]


def shown_beside(beside) -> dict | None:
    """The second slide and how it is linked."""
    if not beside.is_open:
        return None
    canvas, link = beside.canvas, beside.similarity
    return {
        "canvas": canvas.mapToGlobal(canvas.rect().center()).toTuple(),
        "settled": canvas.is_settled(),
        "view": shown_view(canvas),
        "shift": None if link is None else [link.shift.real, link.shift.imag],
        "factor": None if link is None else [link.factor.real, link.factor.imag],
    }


def shown_controls(window, visited: list[int]) -> dict:
    """What the keyboard can reach now, and where it was, the newest last."""
    from tests.viewer.window.test_accessible import controls

    names = {id(w): f"{at} {w.accessibleName()}" for at, w in enumerate(controls(window))}
    return {
        "visited": [names.get(widget, f"without a name {widget}") for widget in visited],
        "slide_name": names[id(window.canvas)],
        "controls": [names[id(w)] for w in controls(window) if _can_be_reached(w)],
    }


def _can_be_reached(widget: QWidget) -> bool:
    """Of buttons of which one is chosen, the keyboard stops at the chosen one."""
    group = widget.group() if isinstance(widget, QAbstractButton) else None
    if group is not None and group.exclusive() and group.checkedButton() not in (None, widget):
        return False
    return widget.isVisible() and widget.isEnabled()


def shown_scan(window) -> dict:
    """How far the whole slide is read."""
    scans, panel = window.workspace.slide_scans.scans, window.panels["slide_scan"]
    found = scans.map
    return {
        "status": scans.status,
        "done": 0 if found is None else found.done,
        "windows": 0 if found is None else found.head.windows,
        "pace": scans.per_second,
        "areas": {} if found is None else {a.name: a.windows for a in found.areas()},
        "said": panel.said.text(),
        "pause": panel.pause.mapToGlobal(panel.pause.rect().center()).toTuple(),
    }


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2:]))
