"""The order of images is a function of seed and step alone."""

from __future__ import annotations

import numpy as np
import pytest

from training.loop.batches import Batches, Plan

PLAN = Plan(images=23, batch_size=5, epochs=3, seed=7)


def draw(rows: np.ndarray, rng: np.random.Generator) -> tuple[list[int], float]:
    return rows.tolist(), float(rng.random())


def test_an_epoch_shows_an_image_at_most_once_and_epochs_differ() -> None:
    assert (PLAN.epoch_steps, PLAN.steps, PLAN.images_seen) == (4, 12, 60)
    epochs = [[i for s in range(4) for i in PLAN.rows(4 * e + s)] for e in range(3)]
    assert all(len(set(order)) == 20 for order in epochs)
    assert epochs[0] != epochs[1]


def test_starting_in_the_middle_gives_the_same_batches() -> None:
    batches = Batches(PLAN, draw)
    whole = list(batches.starting_at(0))
    assert len(whole) == 12
    assert list(batches.starting_at(5)) == whole[5:]
    assert list(Batches(PLAN, draw, workers=4).starting_at(0)) == whole


def test_a_failure_while_making_a_batch_reaches_the_caller() -> None:
    def fail(rows: np.ndarray, rng: np.random.Generator) -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(Batches(PLAN, fail).starting_at(0))


def test_processes_share_a_batch_without_overlap() -> None:
    parts = [Plan(23, 5, 3, 7, rank, 2).rows(3) for rank in range(2)]
    assert sorted(np.concatenate(parts)) == sorted(PLAN.rows(3))


def test_fewer_images_than_a_batch_make_one_step() -> None:
    small = Plan(images=3, batch_size=8, epochs=2, seed=0)
    assert small.epoch_steps == 1 and sorted(small.rows(1)) == [0, 1, 2]
    assert small.images_seen == 6
