"""Startup: opens the files of the command line, then starts the engine."""

from __future__ import annotations

import gc
import threading

from PySide6.QtCore import Qt, QTimer

from ssmamba.engine.messages import EngineReady
from viewer.arguments import Options
from viewer.text.tr import tr, translated

ENGINE_DELAY_MS = 50  # after the first tile, or after the window without a slide


def begin(window, options: Options) -> None:
    """Open the files of the command line; start the engine after the first tile."""
    work = window.workspace
    if options.files:
        work.files.open(list(options.files))
    if options.demo:
        work.files.open_demo(
            options.demo_data, models=options.models, bundled_models=not options.models
        )
    work.slides.read_recents()
    if options.screenshot is None:
        nothing_asked = not (options.files or options.demo)
        work.workbench.begin(
            use_models=not options.models,
            preferred=() if options.demo else work.preferences.now.models,
            reopen=nothing_asked,
        )
    else:  # the same picture whatever was done before
        work.models.add_bundled(use_default=not options.models)
    if options.models:
        work.models.add_files(options.models)
    if options.rois:
        work.regions.imported.connect(
            lambda _: work.analysis.ask([roi.id for roi in work.document.rois]),
            Qt.ConnectionType.SingleShotConnection,
        )
        work.files.import_regions(options.rois)
    started = [False]

    def start_rest() -> None:
        if not started[0]:
            started[0] = True
            work.bridge.start()
            work.thumbnails.begin()
            threading.Thread(target=_import_ahead, name="import-ahead", daemon=True).start()

    def check_device(state: EngineReady) -> None:
        if options.device.startswith("cuda") and not state.device.startswith("cuda"):
            text = tr("{reason}. Until that is fixed, models run on the CPU.")
            reason = translated(state.device_reason).rstrip(".")
            work.messages.warn(text.format(reason=reason), stays=True)

    work.bridge.ready.connect(check_device)
    window.canvas.first_tile_painted.connect(
        lambda: QTimer.singleShot(ENGINE_DELAY_MS, window, start_rest)
    )
    wait = 1500 if options.files or options.demo else ENGINE_DELAY_MS
    QTimer.singleShot(wait, window, start_rest)


def _import_ahead() -> None:
    """Import the libraries of the first result, so that the window does not wait for them.

    None that derives classes from Qt's: that is safe on the window's own thread only.

    gc.freeze exempts what is loaded by then from Python's full garbage collections, each of which
    would block the window for 25 ms more.
    """
    import ssmamba.rois.geometry  # noqa: F401

    gc.freeze()
