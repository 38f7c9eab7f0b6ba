"""Answers beside programs that keep the processor busy, against the same on an idle machine.

    python -m tests.benchmarks.busy [--baseline PATH] [--repeat 30] [--busy 0,1,2]

For this checkout, and another one where ``--baseline`` names it: the engine's answer for one 224-px
region, from the request to the reply, while 0, 1 or 2 endless loops run at normal priority; and
what an image more costs ``ssmamba.predict``, started at nice 10, beside as many. Medians in ms, and
how many times the idle machine's; the idle machine should be idle.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from tests.benchmarks.measuring import processor

ROOT = Path(__file__).resolve().parents[2]
MODEL = Path("resources", "models", "lac.safetensors")
FEW, MANY = 3, 40  # images that are not counted, and all, in a run of predict

# run in a process with each checkout's own code
ANSWERS = """
import statistics, sys, tempfile
from pathlib import Path
from ssmamba.engine.messages import Classify, SlideRef
from tests.benchmarks.roi_latency import Engine, _square
from tests.slides import write_pyramid

model, repeat = sys.argv[1], int(sys.argv[2])
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "slide.tif")
    write_pyramid(path, 2400, 2000)
    engine, slide = Engine(), SlideRef(str(path))
    for number in range(12):  # loads, packs and measures
        engine.ask(Classify, slide, _square(number, 0), (model,))
    print("warm", flush=True)
    sys.stdin.readline()  # until the machine is busy
    times = [engine.ask(Classify, slide, _square(37 * n % 2000, 23 * n % 1700), (model,))[0]
             for n in range(repeat)]
    print(statistics.median(times), max(times), flush=True)
    engine.client.close()
"""


@contextmanager
def busy(programs: int) -> Iterator[None]:
    """So many endless loops at normal priority."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(programs)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def _environment(root: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(root)}


def answers(root: Path, programs: int, repeat: int) -> tuple[float, float]:
    """Median and longest time of an answer, ms."""
    asker = subprocess.Popen(
        [sys.executable, "-c", ANSWERS, str(root / MODEL), str(repeat)],
        cwd=root, env=_environment(root), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert asker.stdout is not None
    if asker.stdout.readline() != "warm\n":
        raise SystemExit("the engine did not answer")
    with busy(programs):
        found, _ = asker.communicate("go\n")
    median, longest = map(float, found.split())
    return median * 1e3, longest * 1e3


def image_more(root: Path, programs: int, images: list[Path]) -> float:
    """What an image more costs ``predict`` at nice 10, ms: by its answers, after the first few."""
    with busy(programs), tempfile.TemporaryDirectory() as out:
        process = subprocess.Popen(
            [
                "nice", "-n", "10", sys.executable, "-u", "-m", "ssmamba.predict",
                *map(str, images), "--model", str(root / MODEL), "--out", out, "--device", "cpu",
            ],
            cwd=root, env=_environment(root), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert process.stdout is not None
        told = [time.perf_counter() for line in process.stdout if b"whole image" in line]
        if process.wait() or len(told) != len(images):
            raise SystemExit("predict did not answer")
    return (told[-1] - told[FEW]) / (len(told) - 1 - FEW) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--baseline", type=Path, metavar="PATH", help="another checkout")
    parser.add_argument("--repeat", type=int, default=30, help="answers of each")
    parser.add_argument("--busy", default="0,1,2", help="numbers of busy programs, 0 first")
    parser.add_argument("--predict", action="store_true", help="predict at nice 10, too")
    options = parser.parse_args()
    roots = {"ours": ROOT}
    if options.baseline is not None:
        roots["baseline"] = options.baseline.resolve()
    programs = [int(count) for count in options.busy.split(",")]
    print(f"{processor()}")
    with tempfile.TemporaryDirectory() as folder:
        images = [Path(folder, f"{number}.png") for number in range(MANY)]
        for image in images:
            Image.effect_noise((224, 224), 60).convert("RGB").save(image)
        for name, root in roots.items():
            idle = idle_image = None
            for count in programs:
                median, longest = answers(root, count, options.repeat)
                idle = idle or median
                print(
                    f"{name:<9} {count} busy: answer {median:8.1f} ms, longest {longest:8.1f} ms, "
                    f"{median / idle:6.2f} x idle", flush=True,
                )  # fmt: skip
                if options.predict:
                    more = statistics.median(image_more(root, count, images) for _ in range(3))
                    idle_image = idle_image or more
                    print(
                        f"{name:<9} {count} busy: predict at nice 10, an image more {more:8.1f} "
                        f"ms, {more / idle_image:6.2f} x idle", flush=True,
                    )  # fmt: skip


if __name__ == "__main__":
    main()
