"""Aggregators against plain formulas, and what no aggregator may depend on."""

import math

import numpy as np
import pytest
import torch

from ssmamba.errors import CheckpointError
from ssmamba.explain.contributions import contributions
from ssmamba.models.slides.encoder import SlideModel
from ssmamba.models.slides.mil import AGGREGATORS, MILConfig, build_aggregator
from ssmamba.models.slides.mil.mamba import back, reorder
from ssmamba.models.slides.mil.transformer import NystromAttention, pseudo_inverse

D = 12


def model(name: str, outputs: int = 3) -> SlideModel:
    torch.manual_seed(0)
    return SlideModel(build_aggregator(MILConfig(name, D, 16)), outputs).eval()


def bag(tiles: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(tiles, D, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", AGGREGATORS)
@pytest.mark.parametrize("tiles", [1, 2, 11, 40])
def test_every_aggregator_reads_and_learns_from_bags_of_any_size(name, tiles):
    made = model(name)
    logits = made(bag(tiles))
    assert logits.shape == (3,) and torch.isfinite(logits).all()
    logits.square().sum().backward()
    for parameter in made.parameters():
        if tiles > 1:  # one tile has no state before it to decay
            assert parameter.grad is not None
        assert parameter.grad is None or torch.isfinite(parameter.grad).all()


@pytest.mark.parametrize("name", AGGREGATORS)
def test_a_bag_answers_the_same_after_a_longer_one(name):
    made = model(name)
    with torch.no_grad():
        alone = made(bag(7))
        made(bag(40, 1))
        assert torch.equal(made(bag(7)), alone)


@pytest.mark.parametrize("name", ["meanmil", "maxmil", "abmil", "ilramil"])
def test_the_order_of_tiles_does_not_matter(name):
    made, tiles = model(name), bag(20)
    with torch.no_grad():
        torch.testing.assert_close(made(tiles), made(tiles.flip(0)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["transmil", "mambamil"])
def test_the_order_of_tiles_matters_where_it_is_read(name):
    made, tiles = model(name), bag(20)
    with torch.no_grad():
        assert (made(tiles) - made(tiles.flip(0))).abs().max() > 1e-4


@torch.no_grad()
def test_abmil_is_its_formula():
    made, tiles = model("abmil"), bag(5)
    encoder = made.encoder
    h = torch.relu(tiles @ encoder.embed[0].weight.T + encoder.embed[0].bias)
    a = encoder.attention
    scores = [float(a.weight(torch.tanh(a.value(row)) * torch.sigmoid(a.gate(row)))) for row in h]
    weights = np.exp(scores) / np.exp(scores).sum()
    expected = sum(w * row for w, row in zip(weights, h, strict=True))
    torch.testing.assert_close(encoder.forward_features(tiles), expected.float())


def test_attention_through_landmarks_is_near_softmax_attention():
    """With as many landmarks as tokens it is the same; with fewer it is close on smooth tokens."""
    torch.manual_seed(0)
    tokens = torch.cumsum(torch.randn(300, 16) * 0.05, 0)
    exact = NystromAttention(16, 4, landmarks=300)
    near = NystromAttention(16, 4, landmarks=60)
    near.load_state_dict(exact.state_dict())
    q, k, v = exact.qkv(tokens).chunk(3, dim=1)
    heads = []
    for h in range(4):
        part = slice(4 * h, 4 * h + 4)
        weights = (q[:, part] @ k[:, part].T / math.sqrt(4)).softmax(-1)
        heads.append(weights @ v[:, part])
    local = exact.local(v.unflatten(1, (4, -1)).transpose(0, 1)[None])[0].transpose(0, 1).flatten(1)
    expected = exact.out(torch.cat(heads, 1) + local)
    torch.testing.assert_close(exact(tokens), expected, rtol=1e-4, atol=1e-5)
    assert (near(tokens) - expected).norm() / expected.norm() < 0.05


def test_the_iterated_inverse_is_the_inverse():
    torch.manual_seed(0)
    matrix = (torch.randn(2, 8, 8, dtype=torch.float64) + 4 * torch.eye(8)).softmax(-1)
    product = matrix @ pseudo_inverse(matrix)
    torch.testing.assert_close(
        product, torch.eye(8, dtype=torch.float64).expand(2, 8, 8), atol=1e-2, rtol=0
    )


@pytest.mark.parametrize("tiles", [1, 7, 10, 23])
def test_reordering_comes_back(tiles):
    x = torch.arange(float(tiles))[None, :, None]
    there = reorder(x, 5)
    assert torch.equal(back(there, 5, tiles), x)
    stride = math.ceil(tiles / 5)
    expected = [at for first in range(stride) for at in range(first, 5 * stride, stride)]
    assert there[0, :, 0].tolist() == [at if at < tiles else 0 for at in expected]


@pytest.mark.parametrize("name", AGGREGATORS)
def test_contributions_add_up_to_the_answer(name):
    made, tiles = model(name), bag(9)
    found = contributions(made, tiles)
    with torch.no_grad():
        assert found.logits == pytest.approx(made(tiles).double().numpy())
    assert found.parts.shape == (9, 3)
    total = found.parts.sum(0) + found.base
    assert total == pytest.approx(found.logits, abs=1e-5 if found.exact else 0.05)
    assert found.error == pytest.approx(abs(total - found.logits).max())
    assert found.exact == (name in ("meanmil", "maxmil", "abmil"))


def test_a_tile_that_alone_differs_has_the_largest_part():
    made, tiles = model("meanmil", 2), torch.zeros(6, D)
    tiles[4] = made.head.weight[1].detach()
    assert contributions(made, tiles).parts[:, 1].argmax() == 4


@pytest.mark.parametrize(
    "wrong", [{"aggregator": "abml"}, {"hidden": 12}, {"features": 0}], ids=str
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(CheckpointError):
        MILConfig(**wrong)
