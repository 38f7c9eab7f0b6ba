"""Requests to the engine's process and its replies."""

import numpy as np
import pytest
from PIL import Image

from ssmamba.engine.messages import (
    Cancel,
    CheckpointFailed,
    CheckpointLoaded,
    Classify,
    ClassifyResult,
    Explain,
    ExplainResult,
    JobCancelled,
    JobDone,
    KeepSlides,
    LoadCheckpoint,
    Pause,
    Priority,
    Progress,
    Reconstruct,
    ReconstructResult,
    Reprioritise,
    Resume,
    SlideRef,
)
from ssmamba.explain.stitch import map_values
from ssmamba.inference.sight import look
from ssmamba.reading.plan import read_window
from ssmamba.reading.values import ReadOptions, Window
from ssmamba.rois.roi import Roi, geometry_hash
from ssmamba.slides.slide import Slide
from tests.ssmamba.checkpoints.made import CLASSES
from tests.ssmamba.engine.asking import ENDS, square


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
        assert result.windows.array[0, 2] == 64
    assert found[0].stamp.checkpoint_sha256 != found[1].stamp.checkpoint_sha256
    assert not found[1].trust.sure  # its card allows next to no entropy


def test_the_answer_is_that_of_the_predictor_on_the_very_pixels(engine, folder, slide):
    """Parity with what `evaluate` computes: the same image file, the same probabilities."""
    from ssmamba.inference.predictor import Predictor
    from ssmamba.slides.slide import Slide

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
    with Slide.open(slide.path) as opened:
        windows = [Window(*window) for window in result.windows.array.tolist()]
        seen = [look(read_window(opened, window, 64), "H&E") for window in windows]
    voting = np.array([not window.obstacle for window in seen])
    assert voting.any() and (~voting).sum() == sum(number for _, number in result.left_out)
    mean = result.window_probabilities.array[voting].mean(axis=0)
    np.testing.assert_allclose(list(result.probabilities.values()), mean, atol=1e-6)
    assert result.stamp.mode == "tiles"


def test_a_slide_that_the_engine_let_go_is_opened_again_when_asked_about(engine, folder, slide):
    engine.wait_ready()
    engine.client.send(KeepSlides(()))  # without a reply
    found, end = engine.ask(Classify, slide, square(0, 0, 64), (str(folder / "a.safetensors"),))
    assert isinstance(end, JobDone) and len(found) == 1


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
        ("truncated", (), "truncated"),
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
    failure = the_failure(engine, Classify, slide, square(0, 0, 64), (str(path),))
    assert failure.checkpoint == str(path)
    assert words in failure.message
    assert "\n" not in failure.message
    assert "Traceback" in failure.details


def the_failure(engine, *request):
    """The only thing that comes of a request with one checkpoint."""
    (failure,), end = engine.ask(*request)
    assert isinstance(end, JobDone) and isinstance(failure, CheckpointFailed)
    return failure


@pytest.mark.parametrize(
    ("roi", "words"),
    [(Roi(()), "empty"), (square(9000, 0, 64), "off the slide"), (square(5, 5, 0), "empty")],
)
def test_a_bad_region_fails_with_one_sentence(engine, folder, slide, roi, words):
    failure = the_failure(engine, Classify, slide, roi, (str(folder / "a.safetensors"),))
    assert words in failure.message


def test_a_missing_slide_unknown_class_method_and_stage_fail_clearly(engine, folder, slide):
    path = (str(folder / "a.safetensors"),)
    roi = square(0, 0, 64)
    failure = the_failure(engine, Classify, SlideRef(str(folder / "none.svs")), roi, path)
    assert "none.svs" in failure.message
    failure = the_failure(engine, Explain, slide, roi, path, "GradCAM", 4, "tumour")
    assert "did you mean 'tumor'" in failure.message
    failure = the_failure(engine, Explain, slide, roi, path, "GradCMA")
    assert "did you mean 'GradCAM'" in failure.message
    failure = the_failure(engine, Explain, slide, roi, path, "GradCAM", 9)
    assert "stage 9" in failure.message


def test_each_bad_checkpoint_tells_its_own_reason_and_the_others_answer(engine, folder, slide):
    stems = ("nowhere", "a", "mamim")
    paths = tuple(str(folder / f"{stem}.safetensors") for stem in stems)
    (missing, answer, masked), end = engine.ask(Classify, slide, square(0, 0, 64), paths)
    assert isinstance(end, JobDone)
    assert [r.checkpoint for r in (missing, answer, masked)] == list(paths)
    assert isinstance(answer, ClassifyResult)
    assert "no model file" in missing.message
    assert "no classes" in masked.message


def test_progress_tells_the_pace_and_the_time_left(engine, folder, slide):
    found, _ = engine.ask(
        Classify, slide, square(0, 0, 320), (str(folder / "a.safetensors"),),
        ReadOptions("tiles", 64.0),
    )  # fmt: skip
    first, *_, last, _ = found
    assert (first.done, first.total) == (8, 25)
    assert first.left_s == pytest.approx(17 / first.per_second)
    assert last.left_s == 0


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


def test_what_is_asked_later_but_urgently_is_answered_first(engine, folder, slide):
    path = (str(folder / "a.safetensors"),)
    large = engine.send(
        Classify, slide, square(0, 0, 800), path, ReadOptions("tiles", 20.0),
        priority=Priority.ASKED,
    )  # fmt: skip
    engine.next_of(Progress)
    engine.client.send(Pause(large))
    small = engine.send(Classify, slide, square(0, 0, 64), path, priority=Priority.AHEAD)
    assert engine.next_of(ENDS) == JobDone(small)
    engine.client.send(Reprioritise(large, Priority.REST))
    engine.client.send(Resume(large))
    last = engine.send(Classify, slide, square(0, 64, 64), path, priority=Priority.AHEAD)
    assert [engine.next_of(ENDS), engine.next_of(ENDS)] == [JobDone(large), JobDone(last)]
