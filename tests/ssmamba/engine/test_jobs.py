"""Requests done in this process, where a test can look."""

import time
from dataclasses import asdict, dataclass, replace

import numpy as np
import pytest
import torch
from PIL import Image

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Card, InputSpec
from ssmamba.engine.jobs import KINDS, Jobs
from ssmamba.engine.messages import (
    Cancel,
    CheckpointFailed,
    Classify,
    ClassifyResult,
    Explain,
    ExplainResult,
    JobCancelled,
    JobDone,
    JobFailed,
    JobRequest,
    KeepSlides,
    Priority,
    Progress,
    SlideRef,
)
from ssmamba.engine.scheduler import Scheduler
from ssmamba.explain.cam import cam_maps
from ssmamba.explain.stitch import map_values, resize_map
from ssmamba.inference import stream
from ssmamba.reading.preprocess import to_tensor
from ssmamba.reading.values import ReadOptions
from ssmamba.runtime.device import choose_device
from ssmamba.slides import resizing
from ssmamba.slides.file_state import file_state
from tests.slides import write_pyramid
from tests.ssmamba.checkpoints.made import CLASSES, save_classifier, tiny_model
from tests.ssmamba.engine.asking import square
from training.evaluation.cams import class_maps


class Engine:
    """The scheduler and the jobs of the engine's process, driven step by step."""

    def __init__(self):
        self.sent, self.jobs = [], Jobs(choose_device("cpu"))
        self.scheduler = Scheduler(self.sent.append)

    def take(self, message):
        self.scheduler.take(message)

    def step(self, count=1):
        for _ in range(count):
            self.scheduler.step(self.jobs)

    def finish(self):
        while self.scheduler.step(self.jobs):
            pass
        return self.sent

    def of(self, kind, job):
        return [m for m in self.sent if isinstance(m, kind) and m.job == job]


@pytest.fixture(scope="module")
def tissue(tmp_path_factory):
    """A slide of 900 px and a small model."""
    folder = tmp_path_factory.mktemp("tissue")
    write_pyramid(folder / "slide.tif", 900, 900, mpp=0.5)
    spec = InputSpec(window_px=32, source_px=16, stain="smear")  # in which no glass is looked for
    return SlideRef(str(folder / "slide.tif")), str(save_classifier(folder / "m.safetensors", spec))


@pytest.fixture
def large_batches(monkeypatch):
    """Quick tests: 7,000 windows are many batches of eight."""
    monkeypatch.setattr("ssmamba.inference.predictor.BATCH", {"cpu": 256})


def test_a_lasso_is_answered_within_two_steps_while_7000_windows_are_read(tissue, large_batches):
    slide, model = tissue
    large = Classify(
        1, slide, square(0, 0, 850), (model,), ReadOptions("tiles", 10.0), priority=Priority.REST
    )
    alone = Engine()
    alone.take(large)
    alone.finish()
    (expected,) = alone.of(ClassifyResult, 1)
    assert len(expected.windows) > 7000

    engine = Engine()
    engine.take(large)
    engine.step(5)
    assert len(engine.of(Progress, 1)) == 5
    engine.take(Classify(2, slide, square(100, 100, 32), (model,)))
    engine.step(2)
    assert engine.of(ClassifyResult, 2)
    engine.take(Explain(3, slide, square(100, 100, 32), (model,)))
    engine.step(2)
    assert engine.of(ExplainResult, 3)
    engine.finish()
    (found,) = engine.of(ClassifyResult, 1)
    assert found.windows == expected.windows
    assert found.predicted == expected.predicted
    answers = [result.window_probabilities.array for result in (found, expected)]
    np.testing.assert_allclose(*answers, atol=1e-6)
    assert list(found.probabilities.values()) == pytest.approx(
        list(expected.probabilities.values()), abs=1e-6
    )
    steps = [p.done for p in engine.of(Progress, 1)]
    assert steps == [p.done for p in alone.of(Progress, 1)]  # none twice, none left out
    assert engine.sent[-1] == JobDone(1)


def test_a_slide_and_a_model_stay_while_a_job_is_between_its_steps(tissue, tmp_path, monkeypatch):
    slide, model = tissue
    monkeypatch.setattr("ssmamba.engine.store.OPEN_SLIDES", 1)
    engine = Engine()
    engine.jobs.bench.models.budget_bytes = 1  # room for one model alone
    engine.take(
        Classify(1, slide, square(0, 0, 320), (model,), ReadOptions("tiles", 32.0),
                 priority=Priority.REST)
    )  # fmt: skip
    engine.step()
    held = engine.jobs.bench.models.checkpoint(model)
    other = tmp_path / "other.tif"
    write_pyramid(other, 64, 64, levels=1)
    second = str(save_classifier(tmp_path / "second.safetensors", InputSpec(window_px=32), seed=1))
    engine.take(Classify(2, SlideRef(str(other)), square(0, 0, 32), (second,)))
    engine.take(KeepSlides((str(other),)))
    engine.step(2)
    assert engine.of(ClassifyResult, 2)
    assert engine.jobs.bench.models.checkpoint(model) is held
    engine.finish()
    assert len(engine.of(ClassifyResult, 1)) == 1 and not engine.of(CheckpointFailed, 1)
    with engine.jobs.bench.slides.held(str(other)):
        pass  # the first slide was let go with its job
    assert [key[0] for key in engine.jobs.bench.slides._slides.items] == [str(other)]


def test_no_answer_comes_from_a_file_in_the_place_of_the_shown_one(tissue, tmp_path):
    _, model = tissue
    path = tmp_path / "slide.tif"
    write_pyramid(path, 320, 320, mpp=0.5)
    shown = SlideRef(str(path), file=file_state(path))
    engine = Engine()
    tiles = ReadOptions("tiles", 32.0)
    engine.take(Classify(1, shown, square(0, 0, 320), (model,), tiles))
    engine.step()  # it has begun
    write_pyramid(path, 320, 320, mpp=0.5, seed=1)
    engine.take(Classify(2, shown, square(0, 0, 64), (model,), tiles))
    engine.finish()
    assert not [m for m in engine.sent if isinstance(m, ClassifyResult)]
    for job in (1, 2):
        (failed,) = engine.of(CheckpointFailed, job) + engine.of(JobFailed, job)
        assert "was changed or replaced on the disk" in failed.message
    again = replace(shown, file=file_state(path))
    engine.take(Classify(3, again, square(0, 0, 64), (model,), tiles))
    engine.finish()
    assert engine.of(ClassifyResult, 3)


def test_a_cancelled_job_lets_its_slide_go(tissue):
    slide, model = tissue
    engine = Engine()
    engine.take(Classify(1, slide, square(0, 0, 320), (model,), ReadOptions("tiles", 32.0)))
    engine.step()
    with engine.jobs.bench.slides.held(slide.path) as opened:
        pass
    engine.take(KeepSlides(()))
    engine.step()
    assert opened.read_region(0, 0, 0, 8, 8).shape == (8, 8, 3)  # its job still reads it
    engine.take(Cancel(1))
    engine.step()
    assert engine.sent[-1] == JobCancelled(1)
    with pytest.raises(Exception, match="closed"):
        opened.read_region(0, 0, 0, 8, 8)


def test_a_job_that_begins_after_its_slide_was_left_does_not_keep_it_open(tissue):
    """Its Cancel comes a moment after KeepSlides, and steps are made in between."""
    slide, model = tissue
    engine = Engine()
    engine.take(KeepSlides(()))
    engine.take(Classify(1, slide, square(0, 0, 320), (model,), ReadOptions("tiles", 32.0)))
    engine.step()
    assert len(engine.jobs.bench.slides._slides.items) == 1
    engine.take(Cancel(1))
    engine.step()
    assert engine.sent[-1] == JobCancelled(1)
    assert not engine.jobs.bench.slides._slides.items
    engine.take(KeepSlides((slide.path,)))
    engine.take(Classify(2, slide, square(0, 0, 32), (model,)))
    engine.finish()
    assert len(engine.jobs.bench.slides._slides.items) == 1  # the one in view stays open


def test_pixels_are_resized_once_for_the_model_and_the_judge(tissue, tmp_path, monkeypatch):
    """A plain image is read in its own size, however large."""
    image, model = tmp_path / "image.png", tmp_path / "model.safetensors"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)).save(image)
    save_classifier(model, InputSpec(window_px=64, source_px=64))
    resized = []
    resize = resizing.all_resized
    for module in (resizing, stream):
        monkeypatch.setattr(
            module, "all_resized", lambda images, *to: resized.append(to) or resize(images, *to)
        )
    engine = Engine()
    whole = ReadOptions("whole")
    engine.take(Classify(1, SlideRef(str(image)), square(0, 0, 200), (str(model),), whole))
    engine.finish()
    (answer,) = engine.of(ClassifyResult, 1)
    assert answer.trust.sharpness is not None
    assert resized == [(64, 64)]


def test_maps_are_made_in_smaller_batches_where_memory_is_short(tissue, monkeypatch):
    slide, model = tissue
    request = Explain(
        1, slide, square(0, 0, 96), (model,), "EigenCAM", 4, "fat", ReadOptions("tiles", 32.0)
    )
    engine = Engine()
    engine.take(request)
    engine.finish()
    (expected,) = engine.of(ExplainResult, 1)
    sizes = []

    def crowded(model, batch, *what):
        sizes.append(len(batch))
        if len(batch) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return cam_maps(model, batch, *what)

    def halve(self):
        self.batch_size //= 2

    monkeypatch.setattr("ssmamba.explain.cam.cam_maps", crowded)
    monkeypatch.setattr("ssmamba.inference.predictor.Predictor.make_room", halve)
    short = Engine()
    short.take(request)
    short.finish()
    (found,) = short.of(ExplainResult, 1)
    assert sizes[:4] == [4, 4, 2, 2]  # four at a time as usual; room for eight, four, two
    assert [m.window for m in found.maps] == [m.window for m in expected.maps]
    for ours, theirs in zip(found.maps, expected.maps, strict=True):
        np.testing.assert_allclose(map_values(ours), map_values(theirs), atol=1e-6)


@dataclass(frozen=True)
class Area(JobRequest):
    """How large a slide is: a kind of job that the engine does not have."""

    slide: SlideRef


@dataclass(frozen=True)
class AreaResult:
    job: int
    pixels: int


def measure(request, bench, spent):
    with bench.slides.held(request.slide.path) as slide:
        yield
        yield AreaResult(request.job, slide.dimensions[0] * slide.dimensions[1])


def test_another_kind_of_job_is_a_function_and_a_line_in_the_table(tissue, monkeypatch):
    monkeypatch.setitem(KINDS, Area, measure)
    engine = Engine()
    engine.take(Area(1, tissue[0], priority=Priority.AHEAD))
    assert engine.finish() == [AreaResult(1, 810_000), JobDone(1)]


def test_a_request_of_no_known_kind_is_refused(tissue):
    engine = Engine()
    engine.take(Area(1, tissue[0]))
    (end,) = engine.finish()
    assert isinstance(end, JobFailed) and "does not know Area" in end.message


def test_a_model_that_breaks_unforeseen_does_not_silence_the_next_one(tissue, monkeypatch):
    slide, model = tissue
    engine = Engine()

    def broken(path):
        raise ZeroDivisionError("division by zero")

    held = engine.jobs.bench.models.held
    monkeypatch.setattr(
        engine.jobs.bench.models, "held", lambda path: broken(path) if path == "b" else held(path)
    )
    engine.take(Classify(1, slide, square(0, 0, 32), ("b", model)))
    failed, answer, end = engine.finish()
    assert isinstance(failed, CheckpointFailed) and failed.checkpoint == "b"
    assert "division by zero" in failed.message and "report" in failed.message
    assert isinstance(answer, ClassifyResult) and end == JobDone(1)


def test_between_steps_nothing_is_measured(tissue):
    """A job that stands still for an hour must not make its choice of threads look slow."""
    slide, model = tissue
    engine = Engine()
    tuner, measured = engine.jobs.bench.threads, []
    record = tuner.record
    tuner.record = lambda *what: measured.append(what) or record(*what)
    engine.take(Classify(1, slide, square(0, 0, 320), (model,), ReadOptions("tiles", 32.0)))
    for step in range(1, 4):
        engine.step()
        assert len(measured) == step  # each closed within its step


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """A slide and a model whose window is no multiple of 32 px."""
    folder = tmp_path_factory.mktemp("odd")
    write_pyramid(folder / "slide.tif", 300, 300, mpp=0.5)
    path = save_classifier(folder / "odd.safetensors", InputSpec(window_px=112, source_px=112))
    return str(folder / "slide.tif"), str(path)


def test_a_map_says_how_much_of_it_the_window_spans(odd):
    slide, model = odd
    request = Explain(1, SlideRef(slide), square(0, 0, 112), (model,), "EigenCAM", 4, "fat")
    replies = list(Jobs(choose_device("cpu")).begin(request, time.perf_counter))
    (found,) = (r for r in replies if isinstance(r, ExplainResult))
    assert [(m.shape, m.cells) for m in found.maps] == [((4, 4), (3.5, 3.5))]


@pytest.fixture(scope="module")
def two_sided(tmp_path_factory):
    """A slide and a model for which its left side is tumour and its right side fat."""
    folder = tmp_path_factory.mktemp("two_sided")
    pixels = write_pyramid(folder / "slide.tif", 400, 200, mpp=0.5)
    model, spec = tiny_model(), InputSpec(window_px=64, source_px=64)
    with torch.no_grad():
        sides = to_tensor([pixels[:64, :64], pixels[:64, 300:364]], spec)
        left, right = model.forward_features(sides)
        slope = 20 * (left - right) / (left - right).square().sum()
        model.head.weight.copy_(torch.stack([slope, torch.zeros_like(slope), -slope]))
        height = (slope @ (left + right)) / 2
        model.head.bias.copy_(torch.stack([-height, torch.tensor(-50.0), height]))
    card = Card(name="Sides", config=asdict(model.config), classes=CLASSES, input=spec)
    checkpoint.save(folder / "sides.safetensors", model, card)
    return str(folder / "slide.tif"), str(folder / "sides.safetensors")


@pytest.mark.parametrize("classified_first", [False, True])
def test_a_map_without_a_target_explains_its_own_windows(two_sided, classified_first):
    """By the class that is predicted for them, whatever was predicted for others before."""
    slide, model = two_sided
    jobs, targets, predicted = Jobs(choose_device("cpu")), [], []
    places = [(0, 0), (300, 0), (0, 0)]
    for job, (x, y) in enumerate(places):
        given = (job, SlideRef(slide), replace(square(x, y, 64), id="moved"), (model,))
        requests = [Explain(*given, "GradCAM", 4, None)]
        if classified_first:
            requests.insert(0, Classify(*given))
        for request in requests:
            for reply in jobs.begin(request, time.perf_counter):
                if isinstance(reply, ExplainResult):
                    targets.append(reply.target)
                    assert np.frombuffer(reply.maps[0].values, np.float32).max() > 0
                elif isinstance(reply, ClassifyResult):
                    predicted.append(reply.predicted)
    assert targets == ["tumor", "fat", "tumor"]
    assert predicted == (targets if classified_first else [])


def test_trainings_maps_lie_where_the_viewers_do():
    model, spec = tiny_model(), InputSpec(window_px=112)
    images = np.random.default_rng(0).integers(0, 255, (2, 112, 112, 3), np.uint8)
    found = class_maps(model, images, spec, "EigenCAM", 0, 4)
    maps = cam_maps(model, to_tensor(images, spec), "EigenCAM", 0, 4)
    np.testing.assert_array_equal(found[1], resize_map(maps[1], 112, 112, (3.5, 3.5)))
