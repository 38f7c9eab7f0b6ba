"""The number of threads follows the machine."""

import time

import pytest
import torch

from ssmamba.runtime.threads import LATE, ThreadTuner


def tuner_on(most, cores=None):
    return ThreadTuner(most, lambda: cores)


def run(tuner, seconds, times, waiting=()):
    """The choices of so many runs; seconds: by number of threads; waiting: which of them wait."""
    chosen = []
    for _ in range(times):
        threads = tuner.choose("work")
        chosen.append(threads)
        took = seconds[threads]
        tuner.record("work", threads, took, 0.8 * took if threads in waiting else 0.02 * took)
    return chosen


IDLE = {1: 0.1, 2: 0.06, 3: 0.045, 4: 0.04}
BUSY = {1: 0.1, 2: 0.3, 3: 0.6, 4: 0.9}


def test_a_free_machine_is_never_asked_to_try_fewer():
    assert run(tuner_on(4), IDLE, 100) == [4] * 100


def test_a_busy_machine_is_left_to_its_programs_within_a_few_runs():
    chosen = run(tuner_on(4), BUSY, 400, waiting=(2, 3, 4))
    assert chosen[:5] == [4, 3, 2, 1, 1]
    assert chosen.count(1) > 380
    assert chosen[100:].count(4) == 0


def test_one_busy_core_of_four_costs_one_thread():
    times = {1: 0.1, 2: 0.06, 3: 0.045, 4: 0.5}
    chosen = run(tuner_on(4), times, 300, waiting=(4,))
    assert chosen[1] == 3
    assert chosen.count(3) > 280


def test_a_machine_that_is_free_again_is_used_again():
    cores = [1.1]
    tuner = ThreadTuner(4, lambda: cores[0])
    assert run(tuner, BUSY, 1000, waiting=(2, 3, 4)) == [1] * 1000
    cores[0] = 3.9
    assert run(tuner, IDLE, 10)[-1] == 4


def test_one_program_that_starts_is_noticed_and_more_threads_are_not_tried_beside_it():
    cores = [4.0]
    tuner = ThreadTuner(4, lambda: cores[0])
    assert run(tuner, IDLE, 20) == [4] * 20
    cores[0] = 1.0
    assert run(tuner, BUSY, 500, waiting=(2, 3, 4)) == [4, 3, 2] + [1] * 497


def test_cores_that_seem_free_and_are_not_are_tried_less_and_less_often():
    """As in a container with a limit, which sees the whole machine's cores."""
    chosen = run(tuner_on(4, 4.0), BUSY, 2000, waiting=(2, 3, 4))
    assert chosen[1000:].count(1) >= 1000 - 1000 // LATE - 1


def test_waiting_that_fewer_threads_do_not_cure_is_borne():
    """As reading from a slow disk in the middle of the work."""
    chosen = run(tuner_on(2), {1: 0.2, 2: 0.1}, 500, waiting=(1, 2))
    assert chosen.count(2) > 480


@pytest.fixture(autouse=True)
def torchs_threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_measuring_sets_torchs_threads_for_what_follows_too():
    tuner = tuner_on(2)
    with tuner.measured("work") as threads:
        assert threads == torch.get_num_threads() == 2
        time.sleep(0.05)
    with tuner.measured("work") as threads:
        assert threads == torch.get_num_threads() == 1
    assert torch.get_num_threads() == 1


def test_work_that_fails_is_measured_too():
    tuner = tuner_on(2)
    with pytest.raises(ValueError, match="broken"), tuner.measured("work"):
        raise ValueError("broken")
    assert tuner.choose("work") in (1, 2)


def test_one_core_leaves_nothing_to_choose():
    assert run(tuner_on(1), {1: 0.1}, 3) == [1, 1, 1]
