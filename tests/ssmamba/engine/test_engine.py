"""The engine as a process: requests in, replies out, death and return."""

import os
import queue
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssmamba.card import Calibration
from ssmamba.engine.messages import (
    Cancel,
    CheckpointLoaded,
    Classify,
    ClassifyResult,
    EngineReady,
    Explain,
    ExplainResult,
    JobCancelled,
    JobDone,
    JobFailed,
    LoadCheckpoint,
    Progress,
    ReadOptions,
    Reconstruct,
    ReconstructResult,
    SlideRef,
)
from ssmamba.engine.process import EngineClient, describe_exit
from ssmamba.errors import EngineDied
from ssmamba.explain.stitch import map_values
from ssmamba.regions import geometry_hash
from ssmamba.roi import Roi
from tests.slides import write_pyramid
from tests.ssmamba.checkpoints import CLASSES, save_classifier, save_mamim

WAIT_S = 100
needs_signals = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="kills processes by signal and looks into /proc"
)
ENDS = (JobDone, JobFailed, JobCancelled)


def square(x, y, side):
    return Roi(((((x, y), (x + side, y), (x + side, y + side), (x, y + side)),),))


class Engine:
    """An engine with its replies and deaths in queues."""

    def __init__(self):
        self.replies, self.deaths = queue.Queue(), queue.Queue()
        self.client = EngineClient(self.replies.put, self.deaths.put, device="cpu")
        self.client.start()
        self.ready = None
        self.jobs = 0

    def wait_ready(self):
        if self.ready is None:
            self.ready = self.replies.get(timeout=WAIT_S)
            assert isinstance(self.ready, EngineReady)
        return self.ready

    def ask(self, kind, *args, **kwargs):
        """Send a request and return (replies before the end, the end)."""
        return self.collect(self.send(kind, *args, **kwargs))

    def send(self, kind, *args, **kwargs):
        self.wait_ready()
        self.jobs += 1
        self.client.send(kind(self.jobs, *args, **kwargs))
        return self.jobs

    def collect(self, job):
        found = []
        while True:
            reply = self.replies.get(timeout=WAIT_S)
            if reply.job < job:  # left over from a test that failed
                continue
            assert reply.job == job
            if isinstance(reply, ENDS):
                return found, reply
            found.append(reply)

    def next_of(self, kind):
        while not isinstance(reply := self.replies.get(timeout=WAIT_S), kind):
            pass
        return reply


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("engine")
    write_pyramid(folder / "slide.tif", 1200, 900, mpp=0.5)
    save_classifier(folder / "a.safetensors")
    save_classifier(
        folder / "b.safetensors", seed=1, calibration=Calibration(entropy_limit=0.01), cam_stage=2
    )
    save_mamim(folder / "mamim.safetensors")
    return folder


@pytest.fixture(scope="module")
def engine(folder):
    made = Engine()
    yield made
    made.client.close()
    assert made.deaths.empty()


@pytest.fixture
def slide(folder):
    return SlideRef(str(folder / "slide.tif"))


def test_it_says_what_it_runs_on(engine):
    ready = engine.wait_ready()
    assert ready.device == "cpu"
    assert ready.device_name.startswith("CPU")
    assert ready.scan_backend in ("cpu", "torch")
    assert "torch" in ready.versions


def test_a_checkpoint_is_loaded_and_named(engine, folder):
    (loaded,), end = engine.ask(LoadCheckpoint, str(folder / "a.safetensors"))
    assert isinstance(end, JobDone)
    assert isinstance(loaded, CheckpointLoaded)
    assert len(loaded.sha256) == 64
    assert loaded.parameters > 1000


def test_a_region_is_classified_by_each_checkpoint_and_stamped(engine, folder, slide):
    roi = square(100, 200, 64)
    paths = (str(folder / "a.safetensors"), str(folder / "b.safetensors"))
    found, end = engine.ask(Classify, slide, roi, paths)
    assert isinstance(end, JobDone)
    assert [r.checkpoint for r in found] == list(paths)
    for result in found:
        assert list(result.probabilities) == [c.key for c in CLASSES]
        assert sum(result.probabilities.values()) == pytest.approx(1.0, abs=1e-5)
        assert result.predicted == max(result.probabilities, key=result.probabilities.get)
        assert result.roi_id == result.stamp.roi_id == roi.id
        assert result.stamp.roi_geometry == geometry_hash(roi)
        assert result.stamp.slide_hash
        assert result.windows[0].side == 64
    assert found[0].stamp.checkpoint_sha256 != found[1].stamp.checkpoint_sha256
    assert not found[1].trust.sure  # its card allows next to no entropy


def test_the_answer_is_that_of_the_predictor_on_the_very_pixels(engine, folder, slide):
    """Parity with what `evaluate` computes: the same image file, the same probabilities."""
    from ssmamba.predictor import Predictor
    from ssmamba.slide import Slide

    with Slide.open(slide.path) as opened:
        patch = opened.read_region(320, 256, 0, 64, 64)
    Image.fromarray(patch).save(folder / "patch.png")
    expected = Predictor(folder / "a.safetensors", "cpu").predict(patch).probabilities[0]
    checkpoint = (str(folder / "a.safetensors"),)
    for ref, place in ((slide, (320, 256)), (SlideRef(str(folder / "patch.png")), (0, 0))):
        found, _ = engine.ask(Classify, ref, square(*place, 64), checkpoint)
        np.testing.assert_allclose(list(found[0].probabilities.values()), expected, atol=1e-4)


def test_a_large_region_reports_progress_and_averages_its_windows(engine, folder, slide):
    found, _ = engine.ask(
        Classify, slide, square(0, 0, 256), (str(folder / "a.safetensors"),),
        ReadOptions("tiles", 64.0),
    )  # fmt: skip
    progress = [r for r in found if isinstance(r, Progress)]
    assert [p.done for p in progress] == [8, 16]
    assert progress[-1].total == 16
    result = found[-1]
    assert isinstance(result, ClassifyResult)
    mean = np.mean(result.window_probabilities, axis=0)
    np.testing.assert_allclose(list(result.probabilities.values()), mean, atol=1e-6)
    assert result.stamp.mode == "tiles"


def test_a_cam_has_raw_values_on_each_window(engine, folder, slide):
    found, end = engine.ask(
        Explain, slide, square(0, 0, 128), (str(folder / "a.safetensors"),),
        "GradCAM", 3, "fat", ReadOptions("tiles", 64.0),
    )  # fmt: skip
    assert isinstance(end, JobDone)
    result = found[-1]
    assert isinstance(result, ExplainResult)
    assert result.target == "fat"
    assert len(result.maps) == 4
    arrays = [map_values(m) for m in result.maps]
    assert {a.shape for a in arrays} == {(4, 4)}
    assert result.low == min(a.min() for a in arrays)
    assert result.high == max(a.max() for a in arrays)


def test_without_a_target_each_checkpoint_explains_what_it_predicts(engine, folder, slide):
    roi, paths = square(300, 300, 64), tuple(str(folder / f"{n}.safetensors") for n in "ab")
    classified, _ = engine.ask(Classify, slide, roi, paths)
    explained, _ = engine.ask(Explain, slide, roi, paths, "HiResCAM")
    assert [e.target for e in explained] == [c.predicted for c in classified]
    assert [e.stage for e in explained] == [4, 2]  # each one's own
    assert [e.maps[0].shape for e in explained] == [(2, 2), (8, 8)]


def test_a_reconstruction_brings_three_pictures(engine, folder, slide):
    (result,), end = engine.ask(
        Reconstruct, slide, square(400, 400, 64), str(folder / "mamim.safetensors"), 0.5, 7
    )
    assert isinstance(end, JobDone)
    assert isinstance(result, ReconstructResult)
    for picture in (result.masked, result.reconstruction, result.original):
        assert len(picture) == result.shape[0] * result.shape[1] * 3
    assert result.seed == result.stamp.seed == 7
    assert np.isfinite(result.psnr)


@pytest.mark.parametrize(
    ("kind", "arguments", "words"),
    [
        ("missing", (), "no model file"),
        ("foreign", (), "no model card"),
        ("truncated", (), "cut short"),
        ("mamim", (), "no classes"),
    ],
)
def test_a_bad_checkpoint_fails_with_one_sentence(engine, folder, slide, kind, arguments, words):
    path = folder / f"{kind}.safetensors"
    if kind == "foreign":
        from safetensors.numpy import save_file

        save_file({"weight": np.zeros(3, np.float32)}, path)
    elif kind == "truncated":
        path.write_bytes((folder / "a.safetensors").read_bytes()[:-100])
    found, end = engine.ask(Classify, slide, square(0, 0, 64), (str(path),))
    assert found == []
    assert isinstance(end, JobFailed)
    assert words in end.message
    assert "\n" not in end.message
    assert "Traceback" in end.details


@pytest.mark.parametrize(
    ("roi", "words"),
    [(Roi(()), "empty"), (square(9000, 0, 64), "off the slide"), (square(5, 5, 0), "empty")],
)
def test_a_bad_region_fails_with_one_sentence(engine, folder, slide, roi, words):
    _, end = engine.ask(Classify, slide, roi, (str(folder / "a.safetensors"),))
    assert isinstance(end, JobFailed)
    assert words in end.message


def test_a_missing_slide_unknown_class_method_and_stage_fail_clearly(engine, folder, slide):
    path = (str(folder / "a.safetensors"),)
    roi = square(0, 0, 64)
    _, end = engine.ask(Classify, SlideRef(str(folder / "none.svs")), roi, path)
    assert "none.svs" in end.message
    _, end = engine.ask(Explain, slide, roi, path, "GradCAM", 4, "tumour")
    assert "did you mean 'tumor'" in end.message
    _, end = engine.ask(Explain, slide, roi, path, "GradCMA")
    assert "did you mean 'GradCAM'" in end.message
    _, end = engine.ask(Explain, slide, roi, path, "GradCAM", 9)
    assert "stage 9" in end.message


def test_one_bad_checkpoint_does_not_silence_the_others(engine, folder, slide):
    paths = (str(folder / "nowhere.safetensors"), str(folder / "a.safetensors"))
    found, end = engine.ask(Classify, slide, square(0, 0, 64), paths)
    assert [r.checkpoint for r in found] == [paths[1]]
    assert isinstance(end, JobFailed)
    assert "nowhere" in end.message


def test_a_running_job_is_cancelled_between_its_windows(engine, folder, slide):
    job = engine.send(
        Classify, slide, square(0, 0, 890), (str(folder / "a.safetensors"),),
        ReadOptions("tiles", 12.0),
    )  # fmt: skip
    engine.next_of(Progress)
    engine.client.send(Cancel(job))
    found, end = engine.collect(job)
    assert end == JobCancelled(job)
    assert all(r.done < r.total for r in found if isinstance(r, Progress))
    found, end = engine.ask(Classify, slide, square(0, 0, 64), (str(folder / "a.safetensors"),))
    assert isinstance(end, JobDone)
    assert len(found) == 1


def test_a_waiting_job_is_cancelled_at_once_and_the_running_one_goes_on(engine, folder, slide):
    path = (str(folder / "a.safetensors"),)
    first = engine.send(Classify, slide, square(0, 0, 800), path, ReadOptions("tiles", 40.0))
    second = engine.send(Classify, slide, square(0, 0, 800), path, ReadOptions("tiles", 40.0))
    engine.client.send(Cancel(second))
    assert engine.next_of(ENDS) == JobCancelled(second)
    assert engine.next_of(ENDS) == JobDone(first)


@needs_signals
def test_killed_while_it_works_it_is_told_and_started_again(engine, folder, slide):
    path = (str(folder / "a.safetensors"),)
    engine.send(Classify, slide, square(0, 0, 890), path, ReadOptions("tiles", 12.0))
    engine.next_of(Progress)
    os.kill(engine.client.pid, signal.SIGKILL)
    assert "killed" in engine.deaths.get(timeout=10)
    assert not engine.client.running
    with pytest.raises(EngineDied):
        engine.client.send(Cancel(1))
    while not engine.replies.empty():
        engine.replies.get()
    engine.client.restart()
    engine.ready = None
    found, end = engine.ask(Classify, slide, square(0, 0, 64), path)
    assert isinstance(end, JobDone)
    assert isinstance(found[0], ClassifyResult)


@needs_signals
def test_a_computing_child_ends_when_its_viewer_is_gone(folder, slide):
    """A viewer that is killed cannot say goodbye; its engine must not work on for nobody."""
    script = f"""
import sys, time, queue
from ssmamba.engine.process import EngineClient
from ssmamba.engine.messages import Classify, Progress, ReadOptions, SlideRef
from ssmamba.roi import Roi
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
        end = time.monotonic() + 5
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


def test_starting_imports_nothing_that_takes_seconds():
    """Each of these costs about as much as torch itself; the first answer waits for none."""
    script = """
import sys
import ssmamba.engine.jobs, ssmamba.regions
from ssmamba.ops import choose_backend
choose_backend("cpu")
slow = ("torch._dynamo", "torchvision", "timm", "pytorch_grad_cam", "sklearn", "matplotlib")
print([name for name in slow if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_viewers_side_imports_no_torch():
    script = "import sys, ssmamba.engine.process, ssmamba.explain.stitch, ssmamba.regions; "
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
    assert "cannot be started (no more processes)" in deaths.get(timeout=5)
    assert not client.running
    client.close()


def test_a_device_that_is_not_there_becomes_the_cpu_and_the_reason_says_so():
    from ssmamba.engine.server import _choose

    device = _choose("cuda:9999")
    assert device.name == "cpu"
    assert "'cuda:9999' cannot be used" in device.reason
