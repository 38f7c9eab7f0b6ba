"""The order of images is a function of seed and step alone."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import numpy as np
import pytest
import torch

from ssmamba.checkpoints.card import InputSpec
from ssmamba.reading.preprocess import to_tensor
from training.loop.batches import Batches, Plan, image_batches

PLAN = Plan(images=23, batch_size=5, epochs=3, seed=7)


def draw(rows: np.ndarray, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(rows), torch.from_numpy(rng.random(len(rows)))


def listed(steps: Iterable[list[tuple[torch.Tensor, torch.Tensor]]]) -> list[object]:
    return [[[part.tolist() for part in batch] for batch in turns] for turns in steps]


def test_images_pass_a_model_once_each_in_their_order() -> None:
    images = np.random.default_rng(0).integers(0, 256, (7, 8, 8, 3), np.uint8)
    spec = InputSpec(window_px=8)
    batches = list(image_batches(torch.nn.Conv2d(3, 1, 1), images, spec, 3))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    torch.testing.assert_close(torch.cat(batches), to_tensor(images, spec))


def test_an_epoch_shows_an_image_at_most_once_and_epochs_differ() -> None:
    assert (PLAN.epoch_steps, PLAN.steps, PLAN.steps * PLAN.step_images) == (4, 12, 60)
    epochs = [[i for s in range(4) for i in PLAN.rows(4 * e + s)] for e in range(3)]
    assert all(len(set(order)) == 20 for order in epochs)
    assert epochs[0] != epochs[1]


def test_starting_in_the_middle_gives_the_same_batches() -> None:
    batches = Batches(PLAN, draw)
    whole = listed(batches.starting_at(0))
    assert len(whole) == 12
    assert listed(batches.starting_at(5)) == whole[5:]
    assert listed(Batches(PLAN, draw, workers=4).starting_at(0)) == whole
    assert listed(Batches(PLAN, draw, workers=0).starting_at(0)) == whole


def test_a_failure_while_making_a_batch_reaches_the_caller() -> None:
    def fail(rows: np.ndarray, rng: np.random.Generator) -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(Batches(PLAN, fail).starting_at(0))


@pytest.mark.parametrize(("world", "accumulate"), [(2, 1), (1, 2), (2, 2), (4, 1), (1, 4)])
def test_processes_and_passes_together_see_what_one_process_sees(
    world: int, accumulate: int
) -> None:
    """The same images in the same order with the same random numbers."""
    alone = Plan(50, 8, 2, 7)
    whole = next(Batches(alone, draw).starting_at(3))[0]
    plans = [Plan(50, 8, 2, 7, rank, world, accumulate) for rank in range(world)]
    assert all(plan.fits for plan in plans)
    steps = [next(Batches(plan, draw).starting_at(3)) for plan in plans]
    assert all(len(turns) == accumulate for turns in steps)
    parts = [steps[rank][turn] for turn in range(accumulate) for rank in range(world)]
    for column, expected in enumerate(whole):
        torch.testing.assert_close(torch.cat([part[column] for part in parts]), expected)


@pytest.mark.parametrize(("batch", "world", "fits"), [(8, 2, True), (6, 2, False), (9, 3, True)])
def test_a_batch_that_cannot_be_shared_evenly_is_known(batch: int, world: int, fits: bool) -> None:
    assert Plan(50, batch, 1, 0, 0, world).fits is fits


def test_fewer_images_than_a_batch_make_one_step() -> None:
    small = Plan(images=3, batch_size=8, epochs=2, seed=0)
    assert small.epoch_steps == 1 and sorted(small.rows(1)) == [0, 1, 2]
    assert small.steps * small.step_images == 6


def test_batches_for_a_gpu_are_pinned_and_not_on_the_first_gpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A thread that pins opens its current GPU: without a word that of another process."""
    opened: dict[int, torch.device] = {}
    pinned: list[torch.device | None] = []

    def open_gpu(device: torch.device) -> None:
        opened[threading.get_ident()] = device

    def pin(tensor: torch.Tensor) -> torch.Tensor:
        pinned.append(opened.get(threading.get_ident()))
        return tensor.clone()

    monkeypatch.setattr(torch.cuda, "set_device", open_gpu)
    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)
    gpu = torch.device("cuda", 1)
    whole = listed(Batches(PLAN, draw).starting_at(0))
    assert not pinned
    assert listed(Batches(PLAN, draw, 2, gpu).starting_at(0)) == whole
    assert pinned == [gpu] * 2 * PLAN.steps
