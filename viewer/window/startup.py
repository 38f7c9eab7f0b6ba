"""What a window does first: opens what the command line names, then starts the models."""

from __future__ import annotations

import gc
import threading

from PySide6.QtCore import Qt, QTimer

from ssmamba.engine.messages import EngineReady
from viewer.arguments import Options

ENGINE_DELAY_MS = 50  # after the first tile, or after the window without a slide


def begin(window, options: Options) -> None:
    """Open what the command line names; start the models after the first tile."""
    work = window.workspace
    if options.files:
        work.files.open(list(options.files))
    if options.demo:
        work.files.open_demo(bundled_models=not options.models)
    work.slides.read_recents()
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

    import ssmamba.rois.geometry  # noqa: F401

    gc.freeze()
