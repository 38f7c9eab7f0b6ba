"""Random scan problems in canonical form (see ``ssmamba/ops/reference.py``), and a comparison."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ssmamba.ops import reference

NAMES = ("u", "delta", "A", "B", "C", "D", "delta_bias")
Scan = Callable[..., tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Problem:
    """Inputs in float32 and what to pull the outputs back with."""

    inputs: tuple[Tensor, ...]
    reverse: bool
    grad_y: Tensor
    grad_state: Tensor

    def run(
        self, scan: Scan, dtype: torch.dtype = torch.float32
    ) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """y, state and the seven gradients of one implementation."""
        leaves = [x.detach().to(dtype).requires_grad_() for x in self.inputs]
        y, state = scan(*leaves, True, self.reverse)
        loss = (y * self.grad_y.to(y.dtype)).sum() + (state * self.grad_state.to(state.dtype)).sum()
        gradients = torch.autograd.grad(loss, leaves, materialize_grads=True)
        return y.detach(), state.detach(), gradients


def make_problem(
    batch: int = 1,
    L: int = 33,
    channels: int = 16,
    N: int = 16,
    R: int = 1,
    reverse: bool = False,
    device: str = "cpu",
) -> Problem:
    g = torch.Generator().manual_seed(L * 131 + channels * 7 + N)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g).to(device)

    inputs = (
        normal(batch, L, channels),
        normal(batch, L, R, channels) - 1,
        -torch.exp(normal(R, channels, N)),
        normal(batch, L, R, N),
        normal(batch, L, R, N),
        normal(R, channels),
        normal(R, channels),
    )
    return Problem(inputs, reverse, normal(batch, L, channels), normal(batch, R, channels, N))


def relative_error(found: Tensor, expected: Tensor) -> float:
    """Largest difference over the largest magnitude."""
    assert found.shape == expected.shape
    if expected.numel() == 0:
        return 0.0
    scale = expected.abs().max().clamp_min(1e-6)
    return float((found.double() - expected.double()).abs().max() / scale)


def assert_matches(
    problem: Problem, scan: Scan, truth: Scan, output: float = 1e-6, gradient: float = 4e-6
) -> None:
    """Compare a scan in float32 with another one in float64."""
    y, state, gradients = problem.run(scan)
    expected_y, expected_state, expected = problem.run(truth, torch.float64)
    assert relative_error(y, expected_y) < output
    assert relative_error(state, expected_state) < output
    for name, found, wanted in zip(NAMES, gradients, expected, strict=True):
        assert relative_error(found, wanted) < gradient, name


def assert_matches_reference(
    problem: Problem, scan: Scan, output: float = 1e-6, gradient: float = 4e-6
) -> None:
    assert_matches(problem, scan, reference.scan, output, gradient)
