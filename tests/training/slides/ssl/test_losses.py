"""Losses, likenesses and the predictor against their loops, forward and backward."""

import pytest
import torch

from tests.training.slides.ssl import plain
from training.slides.ssl.losses import (
    dino_loss,
    mean_cosine,
    patch_discrimination,
    position_likeness,
)
from training.slides.ssl.positions import sinusoidal, token_places
from training.slides.ssl.predictor import Predictor


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def same(found, expected, *leaves: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    weights = drawn(*expected.shape, seed=9)
    mine = torch.autograd.grad((found * weights).sum(), leaves, retain_graph=True)
    theirs = torch.autograd.grad((expected * weights).sum(), leaves)
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("chunk", [1, 3, 4096])
def test_patch_discrimination_is_equation_3_1(chunk):
    predicted, target = drawn(7, 5).requires_grad_(), drawn(7, 5, seed=1)
    found = patch_discrimination(predicted, target, 0.2, chunk)
    same(found, plain.patch_discrimination(predicted, target, 0.2), predicted)


def test_predictions_are_drawn_to_their_own_targets():
    """As printed, Eq. 3.1 would push them apart."""
    target = torch.eye(4)
    right = patch_discrimination(target, target, 0.2)
    assert right < patch_discrimination(target.roll(1, 0), target, 0.2)
    alike = patch_discrimination(torch.ones(4, 4), target, 0.2)
    assert alike.item() == pytest.approx(0.2 * torch.tensor(4.0).log().item(), abs=1e-6)


def test_likeness_to_positions_is_cka():
    tokens, places = drawn(9, 4).requires_grad_(), drawn(9, 6, seed=1)
    same(position_likeness(tokens, places), plain.cka(tokens, places), tokens)


def test_a_linear_map_does_not_hide_positions():
    places = drawn(30, 6)
    turned = torch.linalg.qr(drawn(6, 6, seed=2)).Q
    assert position_likeness(3 * places @ turned + 1, places).item() == pytest.approx(1, abs=1e-5)
    assert position_likeness(drawn(30, 6, seed=3), places) < 0.5
    assert position_likeness(torch.ones(30, 6), places).item() == 0


@pytest.mark.parametrize("views", [2, 5])
def test_dino_is_its_algorithm(views):
    student, teacher = drawn(views, 6).requires_grad_(), drawn(2, 6, seed=1)
    centre = drawn(6, seed=2) * 0.1
    found = dino_loss(student, teacher, centre, 0.1, 0.04)
    same(found, plain.dino(student, teacher, centre, 0.1, 0.04), student)


def test_mean_cosine_is_that_of_all_pairs():
    tokens = drawn(6, 3)
    torch.testing.assert_close(mean_cosine(tokens), plain.mean_cosine(tokens))
    assert mean_cosine(torch.ones(4, 3)).item() == pytest.approx(1)


def test_places_of_tokens():
    """Two regions of 2 x 3 tokens, side by side, and their class tokens at the centres."""
    places = token_places(torch.tensor([[0, 0], [0, 1], [2, 0]]), (2, 3))
    assert places.shape == (3, 7, 2)
    assert places[0].tolist() == [[0, 0], [0, 1], [0, 2], [0.5, 1.0], [1, 0], [1, 1], [1, 2]]
    assert places[1, 0].tolist() == [0, 3] and places[1, 3].tolist() == [0.5, 4.0]
    assert places[2, 0].tolist() == [4, 0]


def test_positions_are_sines_and_cosines_of_rows_and_columns():
    places = torch.tensor([[0.0, 0.0], [3.0, 7.5], [120.0, 2.0]])
    expected = torch.stack([plain.position(*place, 12) for place in places.tolist()])
    torch.testing.assert_close(sinusoidal(places, 12), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("class_positions", [True, False])
def test_the_predictor_is_its_loops(class_positions):
    torch.manual_seed(0)
    predictor = Predictor(3, 8, 2, position_weight=0.5, class_positions=class_positions)
    for parameter in predictor.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    context = drawn(5, 3).requires_grad_()
    seen, asked = torch.rand(5, 2) * 9, torch.rand(4, 2) * 9
    is_class = torch.tensor([False, True, False, True])
    found = predictor(context, seen, asked, is_class)
    expected = plain.predict(predictor, context, seen.tolist(), asked.tolist(), is_class.tolist())
    same(found, expected, context, *predictor.parameters())
    apart = (found[1] - found[3]).abs().max() > 1e-4
    assert bool(apart) == class_positions  # without places, class queries are one and the same
