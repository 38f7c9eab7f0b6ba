"""A slide read in steps: coarse first, outwards, giving way to what is asked."""

import time

import numpy as np
import pytest

from ssmamba.checkpoints.card import InputSpec
from ssmamba.engine.jobs.scan import AHEAD, BATCH, FEW, TURN_S
from ssmamba.engine.messages import (
    Cancel,
    Classify,
    ClassifyResult,
    JobCancelled,
    JobDone,
    JobFailed,
    Pause,
    Priority,
    Resume,
    ScanBegun,
    ScanSlide,
    ScanTiles,
    SlideRef,
)
from ssmamba.engine.scheduler import Scheduler
from ssmamba.reading.doubts import CODES
from ssmamba.reading.grid import COARSEST, coarse_first, strides_of
from ssmamba.reading.plan import read_window
from ssmamba.reading.values import PackedArray, ReadOptions, Window
from ssmamba.slides.slide import Slide
from tests.slides import grainy, write_pyramid
from tests.ssmamba.checkpoints.made import save_classifier
from tests.ssmamba.engine.asking import ENDS, square


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    """(slide, model): 20 × 15 windows of 32 px, the last third of the columns glass."""
    folder = tmp_path_factory.mktemp("scan job")
    picture = grainy(640, 480)
    picture[:, 416:] = 243
    write_pyramid(folder / "slide.tif", mpp=0.5, picture=picture)
    spec = InputSpec(window_px=32, source_px=32, mpp=0.5)
    return str(folder / "slide.tif"), str(save_classifier(folder / "m.safetensors", spec=spec))


def request(scanned, job=1, **more):
    return ScanSlide(job, SlideRef(scanned[0]), scanned[1], priority=Priority.REST, **more)


def replies_of(jobs, asked):
    return [r for r in jobs.begin(asked, lambda: 0.0) if r is not None]


def cells_of(replies):
    return np.concatenate([r.cells.array for r in replies if isinstance(r, ScanTiles)])


@pytest.fixture(scope="module")
def replies(jobs, scanned):
    return replies_of(jobs, request(scanned))


def test_every_window_of_tissue_comes_once_and_the_rest_never(replies):
    begun, *tiles = replies
    assert isinstance(begun, ScanBegun)
    assert (begun.rows, begun.columns, begun.side, begun.step) == (15, 20, 32, 32)
    found = cells_of(replies)
    assert len(np.unique(found, axis=0)) == len(found) == begun.windows == 15 * 13
    assert tiles[-1].done == tiles[-1].total == begun.windows
    shown = begun.tissue.array
    assert shown.shape == (480, 640) and begun.tissue_scale == 1
    assert (shown[:, :410] == 1).mean() > 0.95 and (shown[:, 420:] == 0).all()


def test_the_answers_are_those_of_predict(jobs, scanned, replies):
    predictor = jobs.bench.models.predictor_of(jobs.bench.models.checkpoint(scanned[1]))
    tiles = replies[5]
    with Slide.open(scanned[0]) as slide:
        windows = [Window(c * 32.0, r * 32.0, 32.0) for r, c in tiles.cells.array.tolist()]
        images = np.stack([read_window(slide, w, 32) for w in windows])
    expected = predictor.predict(images).probabilities
    np.testing.assert_allclose(tiles.probabilities.array, expected, atol=1e-3)
    assert tiles.probabilities.dtype == "float16"
    assert {CODES[code] for code in tiles.doubts.array} <= {"", "unsure"}


def test_the_coarse_comes_first_and_outwards_from_the_place(jobs, scanned):
    replies = replies_of(jobs, request(scanned, begin=(0.0, 0.0)))
    found = cells_of(replies)
    strides = np.concatenate([r.strides.array for r in replies[1:]])
    assert (strides == strides_of(found)).all()
    assert (np.diff(strides.astype(int)) <= 0).all() and strides[0] == COARSEST
    assert found[0].tolist() == [0, 0]
    away = np.hypot(*found[strides == 4].T.astype(float))
    assert (np.diff(away) >= 0).all()


def test_after_the_coarsest_what_is_in_view_comes_first(jobs, scanned):
    found = cells_of(replies_of(jobs, request(scanned, view=(70.0, 70.0, 190.0, 150.0))))
    coarsest = strides_of(found) == COARSEST
    assert coarsest[: coarsest.sum()].all()
    fine = found[~coarsest]
    inside = ((fine >= (2, 2)) & (fine < (5, 6))).all(axis=1)
    assert inside.sum() == 3 * 4 and inside[:12].all()
    assert (np.diff(strides_of(fine[:12])) <= 0).all() and (
        np.diff(strides_of(fine[12:])) <= 0
    ).all()


def test_it_is_said_beforehand_which_windows_will_be_read(replies):
    begun = replies[0]
    wanted = np.unpackbits(begun.wanted.array, count=begun.rows * begun.columns)
    cells = np.argwhere(wanted.reshape(begun.rows, begun.columns))
    assert cells.tolist() == sorted(cells_of(replies).tolist())


def test_nested_grids():
    cells = np.array([[0, 0], [8, 16], [4, 8], [6, 4], [3, 8], [0, 2]])
    assert strides_of(cells).tolist() == [8, 8, 4, 2, 1, 2]
    assert sorted(coarse_first(cells, (0, 0)).tolist()) == list(range(6))


def test_what_is_known_is_not_read_again(jobs, scanned, replies):
    known = cells_of(replies[:20])
    more = replies_of(jobs, request(scanned, known=PackedArray.of(known)))
    again = cells_of(more)
    assert len(again) == replies[0].windows - len(known)
    both = np.concatenate([known, again])
    assert len(np.unique(both, axis=0)) == len(both)
    assert more[1].done == len(known) + len(more[1].cells)
    everything = PackedArray.of(cells_of(replies))
    assert len(replies_of(jobs, request(scanned, known=everything))) == 1


def test_a_person_corrects_the_tissue(jobs, scanned):
    asked = request(scanned, added=(square(448, 0, 64),), removed=(square(0, 0, 320),))
    found = {tuple(c) for c in cells_of(replies_of(jobs, asked)).tolist()}
    assert (0, 14) in found and (1, 15) in found
    assert (5, 5) not in found and (12, 5) in found


class Run:
    """A scheduler stepped by hand."""

    def __init__(self, jobs):
        self.jobs, self.sent = jobs, []
        self.scheduler = Scheduler(self.sent.append)

    def until(self, kind, most=5000):
        for _ in range(most):
            if not self.scheduler.step(self.jobs):
                break
            if self.sent and isinstance(self.sent[-1], kind):
                return self.sent[-1]
        raise AssertionError(f"no {kind}")


def lasso(scanned, job):
    return Classify(job, SlideRef(scanned[0]), square(100, 100, 32), (scanned[1],), ReadOptions())


def test_a_lasso_is_answered_between_two_steps(jobs, scanned):
    run = Run(jobs)
    run.scheduler.take(request(scanned))
    run.until(ScanTiles)
    run.scheduler.take(lasso(scanned, 2))
    before = len(run.sent)
    run.until(JobDone)
    kinds = [type(r) for r in run.sent[before:]]
    assert kinds == [ClassifyResult, JobDone]
    assert run.until(JobDone).job == 1


def test_pause_resume_and_cancel(jobs, scanned):
    run = Run(jobs)
    run.scheduler.take(request(scanned))
    run.until(ScanTiles)
    run.scheduler.take(Pause(1))
    assert not run.scheduler.step(jobs)
    run.scheduler.take(lasso(scanned, 2))
    assert run.until(JobDone).job == 2
    run.scheduler.take(Resume(1))
    run.until(ScanTiles)
    run.scheduler.take(Cancel(1))
    assert isinstance(run.until(JobCancelled), JobCancelled)
    assert not run.scheduler.step(jobs)
    assert jobs.bench.slides._slides.free  # nobody holds the slide any more


def test_a_slide_without_scale_or_tissue_fails_in_one_sentence(jobs, scanned, tmp_path):
    write_pyramid(tmp_path / "no-mpp.tif", mpp=None)
    write_pyramid(tmp_path / "glass.tif", mpp=0.5, picture=np.full((300, 400, 3), 243, np.uint8))
    for name, told in (("no-mpp.tif", "has no µm/px"), ("glass.tif", "enough tissue")):
        run = Run(jobs)
        run.scheduler.take(ScanSlide(1, SlideRef(str(tmp_path / name)), scanned[1]))
        assert told in run.until(JobFailed).message


def test_through_the_engines_process_a_lasso_overtakes_a_scan(engine, scanned):
    engine.wait_ready()
    scan = engine.send(ScanSlide, SlideRef(scanned[0]), scanned[1], priority=Priority.REST)
    engine.next_of(ScanTiles)
    asked = engine.send(Classify, SlideRef(scanned[0]), square(100, 100, 32), (scanned[1],))
    ended, tiles = [], 0
    while len(ended) < 2:
        reply = engine.next_of((*ENDS, ScanTiles))
        tiles += isinstance(reply, ScanTiles)
        if isinstance(reply, ENDS):
            ended.append(reply)
    assert ended == [JobDone(asked), JobDone(scan)]
    assert tiles > 1


def test_while_something_is_asked_again_and_again_the_steps_are_short(jobs, scanned):
    steps = jobs.begin(request(scanned), lambda: 0.0)
    tiles = (len(reply.cells.array) for reply in steps if isinstance(reply, ScanTiles))
    alone = [next(tiles) for _ in range(3)]
    assert alone == [BATCH["cpu"]] * 3
    time.sleep(2 * TURN_S)  # as another job's turn
    shared = [next(tiles) for _ in range(AHEAD + 4)]
    assert shared[-1] == FEW["cpu"]
    assert set(shared) <= {BATCH["cpu"], FEW["cpu"]}
    steps.close()
