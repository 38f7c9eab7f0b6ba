"""A delta of low rank: the same answers whether the kernel or a matrix product makes it."""

from __future__ import annotations

import pytest
import torch

from ssmamba.ops import bidirectional_scan
from ssmamba.ops.low_rank import project_delta

from .problems import make_problem, relative_error


def low_rank_problem(rank, **sizes):
    """A two-way scan's inputs with dt (batch, L, 2, rank) for delta, and the weight."""
    inputs = list(make_problem(R=2, **sizes).inputs)
    u = inputs[0]
    g = torch.Generator().manual_seed(rank)
    weight = torch.randn(2, u.shape[2], rank, generator=g) * rank**-0.5
    packed = torch.randn(*u.shape[:2], 2 * rank + 5, generator=g)  # dt is a strided slice
    inputs[1] = packed[..., 3 : 3 + 2 * rank].unflatten(-1, (2, rank))
    return inputs, weight


@pytest.mark.parametrize("backend", ["cpu", "torch"])
@pytest.mark.parametrize(
    ("rank", "sizes"),
    [
        (1, {"L": 1, "channels": 1}),
        (2, {"L": 33, "channels": 32}),
        (8, {"batch": 2, "L": 70, "channels": 24, "N": 8}),
        (17, {"L": 31, "channels": 48, "N": 5}),
    ],
)
def test_matches_the_product(backend, rank, sizes, monkeypatch):
    monkeypatch.setenv("SSMAMBA_SCAN", backend)
    (u, dt, *others), weight = low_rank_problem(rank, **sizes)
    found = bidirectional_scan(u, dt, *others, delta_weight=weight)
    monkeypatch.setenv("SSMAMBA_SCAN", "reference")
    delta = torch.einsum("blgr,gcr->blgc", dt.double(), weight.double())
    expected = bidirectional_scan(u.double(), delta, *(x.double() for x in others))
    assert relative_error(found, expected) < 2e-6


def test_is_differentiable_in_every_input():
    inputs, weight = low_rank_problem(3, L=20, channels=20)
    leaves = [x.detach().requires_grad_() for x in (*inputs, weight)]
    y = bidirectional_scan(*leaves[:-1], delta_weight=leaves[-1])
    delta = project_delta(leaves[1], leaves[-1])
    expected = bidirectional_scan(leaves[0], delta, *leaves[2:-1])
    weights = torch.linspace(-1, 1, y.numel()).view_as(y)
    found = torch.autograd.grad((y * weights).sum(), leaves)
    wanted = torch.autograd.grad((expected * weights).sum(), leaves)
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b)


def test_bad_shapes_are_named():
    (u, dt, *others), weight = low_rank_problem(3, L=4, channels=8)
    with pytest.raises(ValueError, match="delta has shape"):
        bidirectional_scan(u, dt[..., :2], *others, delta_weight=weight)
    with pytest.raises(ValueError, match="delta_weight has shape"):
        bidirectional_scan(u, dt, *others, delta_weight=weight[:, :5])
