"""The engine's process: what it starts with, death and return."""

import os
import queue
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from ssmamba.engine import process
from ssmamba.engine.messages import Cancel, Classify, ClassifyResult, JobDone, Progress
from ssmamba.engine.process import EngineClient, describe_exit
from ssmamba.errors import EngineDied
from ssmamba.reading.values import ReadOptions
from tests.patience import PATIENCE_S
from tests.ssmamba.engine.asking import Engine, square

needs_signals = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="kills processes by signal and looks into /proc"
)


@needs_signals
def test_killed_while_it_works_it_is_told_and_another_one_starts(folder, slide):
    engine = Engine()
    path = (str(folder / "a.safetensors"),)
    engine.send(Classify, slide, square(0, 0, 890), path, ReadOptions("tiles", 12.0))
    engine.next_of(Progress)
    os.kill(engine.client.pid, signal.SIGKILL)
    assert "killed" in engine.deaths.get(timeout=PATIENCE_S)
    with pytest.raises(EngineDied):
        engine.client.send(Cancel(1))
    engine.client.close()  # nothing is left to close
    assert engine.deaths.empty()
    other = Engine()
    found, end = other.ask(Classify, slide, square(0, 0, 64), path)
    other.client.close()
    assert isinstance(end, JobDone)
    assert isinstance(found[0], ClassifyResult)


@pytest.mark.slow
@pytest.mark.timeout(0)
@needs_signals
def test_many_killed_engines_are_told_and_the_next_one_answers_the_same(folder, slide):
    """Killed at any moment, while it starts too; 100 for a release."""
    path, chance = (str(folder / "a.safetensors"),), random.Random(0)
    first = None
    for number in range(int(os.environ.get("SSMAMBA_KILLS", "3"))):
        engine = Engine()
        if number % 4 != 3:
            found, end = engine.ask(Classify, slide, square(0, 0, 64), path)
            assert isinstance(end, JobDone), end
            (answer,) = [f.probabilities for f in found if isinstance(f, ClassifyResult)]
            first = first or answer
            assert answer == first, number
            engine.send(Classify, slide, square(0, 0, 890), path, ReadOptions("tiles", 12.0))
        pid = engine.client.pid
        time.sleep(chance.uniform(0, 0.5))
        os.kill(pid, signal.SIGKILL)
        assert "killed" in engine.deaths.get(timeout=PATIENCE_S), number
        engine.client.close()
        assert engine.deaths.empty() and not alive(pid), number
    print(f"engine: {number + 1} killed, each told, the answers of the next ones the same")


@needs_signals
def test_a_computing_child_ends_when_its_viewer_is_gone(folder, slide):
    """A viewer that is killed cannot say goodbye; its engine must not work on for nobody."""
    script = f"""
import sys, time, queue
from ssmamba.engine.process import EngineClient
from ssmamba.engine.messages import Classify, Progress, ReadOptions, SlideRef
from ssmamba.rois.roi import Roi
replies = queue.Queue()
client = EngineClient(replies.put, print, device="cpu")
client.start()
ring = ((0, 0), (890, 0), (890, 890), (0, 890))
client.send(Classify(1, SlideRef({slide.path!r}), Roi(((ring,),)),
                     ({str(folder / "a.safetensors")!r},), ReadOptions("tiles", 12.0)))
while not isinstance(replies.get(), Progress):
    pass
assert "torch" not in sys.modules
print(client.pid, flush=True)
time.sleep(60)
"""
    viewer = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    try:
        pid = int(viewer.stdout.readline())
        assert alive(pid)
        viewer.kill()
        viewer.wait()
        end = time.monotonic() + PATIENCE_S
        while alive(pid) and time.monotonic() < end:
            time.sleep(0.05)
        assert not alive(pid)
    finally:
        viewer.kill()
        viewer.wait()
        viewer.stdout.close()


def alive(pid):
    """Whether a process runs; a zombie that nobody has collected yet does not."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def test_how_a_process_ended_is_said_in_words():
    assert "memory" in describe_exit(-9, [])
    assert "SIGSEGV" in describe_exit(-11, [])
    assert describe_exit(1, ["", "ImportError: no torch", ""]).endswith("ImportError: no torch")


@pytest.mark.parametrize("pythonpath", ["", os.pathsep])
def test_nothing_is_imported_from_the_folder_where_the_viewer_was_started(
    tmp_path, monkeypatch, pythonpath
):
    """That may be a folder of downloads; the project itself is found from anywhere."""
    (tmp_path / "argparse.py").write_text("open('imported', 'w').close()")
    monkeypatch.setenv("PYTHONPATH", pythonpath)
    done = subprocess.run(
        [*process._command(), "--help"],
        cwd=tmp_path, env=process.own_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "ssmamba.engine.server" in done.stdout
    assert not (tmp_path / "imported").exists()


def test_starting_imports_nothing_that_takes_seconds():
    """Each of these costs about as much as torch itself; the first answer waits for none."""
    script = """
import sys
import ssmamba.engine.jobs, ssmamba.reading.plan
from ssmamba.ops import choose_backend
choose_backend("cpu")
slow = ("torch._dynamo", "torchvision", "timm", "pytorch_grad_cam", "sklearn", "matplotlib",
        "numba", "triton")
print([name for name in slow if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_viewers_side_imports_no_torch():
    script = "import sys, ssmamba.engine.process, ssmamba.explain.stitch, ssmamba.reading.plan; "
    script += "print([n for n in ('torch', 'cv2', 'scipy') if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_process_that_cannot_start_is_reported_like_one_that_died(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise OSError("no more processes")

    monkeypatch.setattr("ssmamba.engine.process.subprocess.Popen", refuse)
    deaths = queue.Queue()
    client = EngineClient(deaths.put, deaths.put, device="cpu")
    client.start()
    assert "cannot be started (no more processes)" in deaths.get(timeout=PATIENCE_S)
    with pytest.raises(EngineDied):
        client.send(Cancel(1))
    client.close()


def test_a_device_that_is_not_there_becomes_the_cpu_and_the_reason_says_so():
    from ssmamba.engine.server import _choose

    device = _choose("cuda:9999")
    assert device.name == "cpu"
    assert "'cuda:9999' cannot be used" in device.reason
