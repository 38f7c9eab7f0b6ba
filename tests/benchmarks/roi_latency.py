"""How long a region takes, from the request to the answer, against timm's ViT-S/16; prints ratios.

    python -m tests.benchmarks.roi_latency [CHECKPOINT ...]

Without a checkpoint the bundled LaC and PBC models are measured, or a random nano when there are
none. The engine is the real process; ViT-S/16 (random weights, float32) runs in this process, in
turn with it, so that both meet the same load, and with the same choice of threads.
"""

from __future__ import annotations

import queue
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from ssmamba.checkpoints.card import Card, ClassInfo, read_card
from ssmamba.config import SSMambaConfig
from ssmamba.engine.messages import (
    CheckpointFailed,
    Classify,
    ClassifyResult,
    EngineReady,
    Explain,
    JobDone,
    JobFailed,
    Reconstruct,
    SlideRef,
)
from ssmamba.engine.process import EngineClient
from ssmamba.rois.roi import Roi
from tests.slides import write_pyramid

MODELS = Path(__file__).resolve().parents[2] / "resources" / "models"
ROI_PX = 224
REPEATS = 15
MIB = 1 << 20


class Engine:
    """The engine process, asked one thing after the other."""

    def __init__(self) -> None:
        self.replies: queue.Queue = queue.Queue()
        self.client = EngineClient(self.replies.put, self.replies.put, device="cpu")
        self.start = time.perf_counter()
        self.client.start()
        self.job = 0

    def ask(self, kind: type, *args: object) -> tuple[float, list]:
        """Seconds from the request to its end, and the replies before it."""
        self.job += 1
        start, found = time.perf_counter(), []
        self.client.send(kind(self.job, *args))
        while not isinstance(reply := self.replies.get(timeout=120), JobDone):
            if isinstance(reply, CheckpointFailed | JobFailed | str):
                raise SystemExit(f"the engine failed: {reply}")
            found.append(reply)
        return time.perf_counter() - start, found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        slide = Path(folder) / "slide.tif"
        write_pyramid(slide, 2400, 2000)
        checkpoints = [Path(a) for a in sys.argv[1:]] or _bundled() or [_random(Path(folder))]
        _measure(SlideRef(str(slide)), checkpoints)


def _measure(slide: SlideRef, checkpoints: list[Path]) -> None:
    engine = Engine()
    first, replies = engine.ask(Classify, slide, _square(0, 0), (str(checkpoints[0]),))
    assert isinstance(replies[0], EngineReady)
    print(f"start to first answer    {first:6.2f} s (aim: under 8)")
    print(f"engine alone             {_memory(engine.client.pid)}")
    vit = _vit_s16()
    for checkpoint in checkpoints:
        _measure_one(engine, slide, checkpoint, vit)
    print(f"engine with all models   {_memory(engine.client.pid)}")
    engine.client.close()


def _measure_one(
    engine: Engine, slide: SlideRef, checkpoint: Path, vit: Callable[[], float]
) -> None:
    masked = read_card(checkpoint).mamim is not None
    ours, theirs, inside, explained = [], [], [], []
    for number in range(REPEATS):
        roi = _square(37 * number, 23 * number)  # never the same region twice
        if masked:
            ours.append(engine.ask(Reconstruct, slide, roi, str(checkpoint))[0])
        else:
            seconds, found = engine.ask(Classify, slide, roi, (str(checkpoint),))
            ours.append(seconds)
            inside += [r.seconds for r in found if isinstance(r, ClassifyResult)]
            explained.append(engine.ask(Explain, slide, roi, (str(checkpoint),))[0])
        theirs.append(vit())
    what = "reconstruction" if masked else "answer"
    print(f"\n{checkpoint.name}: a {ROI_PX}-px region, {REPEATS} times")
    _print_line(what, ours, theirs)
    if not masked:
        _print_line("  in the engine", inside, theirs)
        _print_line("CAM (GradCAM)", explained, theirs)
    _print_line("ViT-S/16 forward", theirs, theirs)


def _print_line(what: str, ours: list[float], theirs: list[float]) -> None:
    median, least = statistics.median(ours), min(ours)
    ratio = median / statistics.median(theirs)
    print(
        f"  {what:18s} median {median * 1e3:7.1f} ms   least {least * 1e3:7.1f} ms   "
        f"x ViT-S/16 {ratio:5.2f}"
    )


def _vit_s16() -> Callable[[], float]:
    """Seconds of one forward pass of a 224-px image."""
    import timm
    import torch

    from ssmamba.runtime.threads import ThreadTuner

    model = timm.create_model("vit_small_patch16_224").eval()
    image = torch.randn(1, 3, 224, 224)

    tuner = ThreadTuner()

    def once() -> float:
        with tuner.measured("vit"), torch.inference_mode():
            start = time.perf_counter()
            model(image)
            return time.perf_counter() - start

    for _ in range(2 * len(tuner.choices)):
        once()
    return once


def _memory(pid: int | None) -> str:
    """Resident memory of a process, and its peak, where /proc tells."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return "memory unknown here"
    kib = {n: int(line.split()[1]) for line in lines for n in ("VmRSS", "VmHWM") if n in line}
    return f"{kib['VmRSS'] * 1024 // MIB} MiB resident, peak {kib['VmHWM'] * 1024 // MIB} MiB"


def _square(x: float, y: float) -> Roi:
    right, bottom = x + ROI_PX, y + ROI_PX
    return Roi(((((x, y), (right, y), (right, bottom), (x, bottom)),),))


def _bundled() -> list[Path]:
    names = ("lac", "pbc", "lac-mamim", "pbc-mamim")
    return [p for n in names if (p := MODELS / f"{n}.safetensors").exists()]


def _random(folder: Path) -> Path:
    from ssmamba.checkpoints import checkpoint
    from ssmamba.models import SSMamba

    config = SSMambaConfig.of_size("nano")
    classes = tuple(ClassInfo(k, k, (0, 0, 0)) for k in "abc")
    path = folder / "random-nano.safetensors"
    checkpoint.save(path, SSMamba(config, 3), Card(config=asdict(config), classes=classes))
    return path


if __name__ == "__main__":
    main()
