"""Starts the viewer."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication

from ssmamba.engine.messages import EngineReady
from viewer import icons, theme
from viewer.arguments import Options, parse
from viewer.paths import user_folder

ENGINE_DELAY_MS = 50  # after the first tile, or after the window without a slide


def main(argv: Sequence[str] | None = None) -> int:
    """Run the viewer; returns its exit status."""
    options = parse(argv)
    if _has_no_display():
        if options.screenshot is None:
            print(
                "There is no display; start the viewer on a desktop, or save a picture of the "
                "window with --screenshot FILE.png.",
                file=sys.stderr,
            )
            return 2
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    app = create_application()
    try:
        return _run(app, options)
    finally:
        from viewer.tiles.source import close_all

        close_all()


def _has_no_display() -> bool:
    """Whether Qt would abort: Linux without X11, Wayland or a platform that was asked for."""
    names = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return sys.platform.startswith("linux") and not any(os.environ.get(n) for n in names)


def _run(app: QApplication, options: Options) -> int:
    engine = engine_factory(options.device)
    if options.screenshot is not None:
        from viewer.screenshot import take_screenshot

        return take_screenshot(app, engine, options)
    from viewer.main_window import MainWindow
    from viewer.window_memory import WindowMemory

    window = MainWindow(engine)
    window.workspace.messages.catch_everything()
    WindowMemory(window, user_folder() / "window.json")
    window.show()
    begin(window, options)
    return app.exec()


def create_application() -> QApplication:
    """The QApplication with our style; uses one that exists."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    if sys.platform.startswith("linux"):
        os.environ.setdefault("LANG", "C.UTF-8")
    app = QApplication(sys.argv[:1])
    app.setApplicationName("ssmamba-viewer")
    app.setApplicationDisplayName("SSMamba Viewer")
    theme.apply(app)
    app.setWindowIcon(icons.icon("slide", "accent"))
    app.styleHints().colorSchemeChanged.connect(lambda _scheme: icons.refresh())
    return app


def engine_factory(device: str) -> Callable:
    """Makes engine clients for the bridge."""

    def make(on_reply: Callable, on_died: Callable) -> object:
        from ssmamba.engine.process import EngineClient

        return EngineClient(on_reply, on_died, device)

    return make


def begin(window, options: Options) -> None:
    """Open what the command line names; start the models after the first tile."""
    work = window.workspace
    if options.files:
        work.open_paths(list(options.files))
    if options.demo:
        work.open_demo(bundled_models=not options.models)
    work.slides.read_recents()
    work.models.add_bundled(use_default=not options.models)
    if options.models:
        work.models.add_files(options.models)
    if options.rois:
        work.regions.imported.connect(
            lambda _: work.analysis.ask([roi.id for roi in work.document.rois]),
            Qt.ConnectionType.SingleShotConnection,
        )
        work.import_regions(options.rois)
    started = [False]

    def start_rest() -> None:
        if not started[0]:
            started[0] = True
            work.bridge.start()
            threading.Thread(target=_import_ahead, name="import-ahead", daemon=True).start()

    def check_device(state: EngineReady) -> None:
        if options.device.startswith("cuda") and not state.device.startswith("cuda"):
            work.messages.warn(f"{state.device_reason}; the models run on the CPU meanwhile.")

    work.bridge.ready.connect(check_device)
    window.canvas.first_tile_painted.connect(
        lambda: QTimer.singleShot(ENGINE_DELAY_MS, window, start_rest)
    )
    wait = 1500 if options.files or options.demo else ENGINE_DELAY_MS
    QTimer.singleShot(wait, window, start_rest)


def _import_ahead() -> None:
    """Load what the first result needs, so that the window does not wait for it.

    All that is there by then stays: without freeze, each of Python's full collections would go
    through it again, 25 ms in which the window does not answer.
    """
    import pyqtgraph  # noqa: F401

    import ssmamba.geometry  # noqa: F401

    gc.freeze()
