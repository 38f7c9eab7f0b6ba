"""How soon the viewer is there: first real tile, window answering, first answer, memory.

    python tests/benchmarks/startup.py [SLIDE] [--model FILE.safetensors] [--runs 3]

Each run is a fresh process; times count from its start. Ratios are to a bare QWidget's start on
the same machine in the same minute, so that they can be compared between machines.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SLIDE = ROOT.parent / "shared" / "data" / "slides" / "CMU-1-Small-Region.svs"
MODEL = ROOT / "resources" / "models" / "lac.safetensors"

BARE = """
import sys, time
start = float(sys.argv[1])
from PySide6.QtWidgets import QApplication, QWidget
from PySide6.QtCore import QTimer
app = QApplication([])
window = QWidget()
window.resize(1440, 900)
window.show()
QTimer.singleShot(0, lambda: (print(time.time() - start), app.quit()))
app.exec()
"""


def child(start: float, slide: str, model: str | None) -> None:
    """Run the window once and print what was measured as JSON."""
    from viewer.app import create_application, engine_factory
    from viewer.arguments import Options
    from viewer.window.startup import begin

    app = create_application()
    from PySide6.QtCore import QTimer

    from ssmamba.engine.messages import ClassifyResult
    from ssmamba.rois.roi import Roi
    from viewer.window.main_window import MainWindow

    told: dict[str, float] = {}

    def tell(name: str) -> None:
        told.setdefault(name, time.time() - start)

    window = MainWindow(engine_factory("auto"))
    work = window.workspace

    def first_tile() -> None:
        tell("first tile")
        QTimer.singleShot(0, lambda: tell("answering"))

    def ask(_info: object) -> None:
        ring = ((900.0, 900.0), (1124.0, 900.0), (1124.0, 1124.0), (900.0, 1124.0))
        work.regions._on_drawn(Roi(((ring,),), kind="rectangle"))
        if model is None:
            app.quit()

    def replied(reply: object) -> None:
        if isinstance(reply, ClassifyResult):
            tell("first answer" if "first answer" not in told else "second answer")
            told.setdefault("engine MB", _rss_mb(work.bridge._engine.pid))
            told.setdefault("roi s", reply.seconds)
            QTimer.singleShot(200, app.quit)

    window.canvas.first_tile_painted.connect(first_tile)
    work.slides.opened.connect(ask)
    work.bridge.replied.connect(replied)
    window.show()
    begin(window, Options(files=(slide,), models=(model,) if model else ()))
    QTimer.singleShot(120_000, app.quit)
    app.exec()
    told["viewer MB"] = _rss_mb(os.getpid())
    told["torch loaded"] = float("torch" in sys.modules)
    window.close()
    print("MEASURED " + json.dumps(told))


def _rss_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return float("nan")
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(command: list[str]) -> str:
    """Run a command that gets its own start time appended; returns its last line."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    done = subprocess.run(
        [*command, str(time.time())], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip().splitlines()[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("slide", nargs="?", default=str(SLIDE))
    parser.add_argument("--model", default=str(MODEL) if MODEL.exists() else None)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("start", nargs="?", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.start, options.slide, options.model)
        return
    bare, runs = [], []
    for _ in range(options.runs):
        bare.append(float(measure([sys.executable, "-c", BARE])))
        command = [sys.executable, __file__, "--child", options.slide]
        command[2:2] = [f"--model={options.model}"] if options.model else []
        runs.append(json.loads(measure(command).removeprefix("MEASURED ")))
    reference = statistics.median(bare)
    print(f"bare QWidget shown            {reference:6.2f} s   (median of {options.runs})")
    for name in runs[0]:
        value = statistics.median(run.get(name, float("nan")) for run in runs)
        unit = "MB" if name.endswith("MB") else "s"
        ratio = f"{value / reference:5.1f} × bare" if unit == "s" and name != "torch loaded" else ""
        print(f"{name:28s}  {value:6.2f} {unit}  {ratio}")


if __name__ == "__main__":
    main()
