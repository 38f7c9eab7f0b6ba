"""Every CPU backend against the float64 reference: outputs, states, gradients, odd shapes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ssmamba.ops import function, torch_scan
from ssmamba.ops.cpu import scan as cpu_scan

from .problems import assert_matches_reference, make_problem, relative_error


def compiled(*args: object) -> tuple[Tensor, Tensor]:
    return function.scan(cpu_scan, args[:7], function.Options(*args[7:9]), True)  # type: ignore[arg-type]


BACKENDS = pytest.mark.parametrize("scan", [compiled, torch_scan.scan], ids=["cpu", "torch"])


@BACKENDS
@pytest.mark.parametrize("L", [1, 2, 31, 32, 33, 64, 65, 257])
@pytest.mark.parametrize("R", [1, 2])
def test_lengths(scan, L, R):
    assert_matches_reference(make_problem(L=L, R=R, channels=20), scan)


@BACKENDS
@pytest.mark.parametrize("N", [1, 2, 5, 8, 9, 16, 24, 40, 64])
def test_state_sizes(scan, N):
    assert_matches_reference(make_problem(N=N, L=40, reverse=True), scan)


@BACKENDS
@pytest.mark.parametrize("channels", [1, 6, 15, 16, 17, 48])
@pytest.mark.parametrize("batch", [1, 3])
def test_channels_and_batches(scan, channels, batch):
    assert_matches_reference(make_problem(batch=batch, channels=channels, R=2, L=35), scan)


@pytest.mark.slow
@BACKENDS
def test_full_resolution_length(scan):
    assert_matches_reference(
        make_problem(L=3137, channels=24, R=2), scan, output=2e-6, gradient=1e-5
    )


@BACKENDS
@pytest.mark.parametrize("shape", [{"L": 0}, {"batch": 0}, {"batch": 0, "L": 0}])
def test_nothing_to_scan(scan, shape):
    y, state, gradients = make_problem(**shape).run(scan)
    assert y.numel() == 0
    assert not state.any()
    assert all(not g.isnan().any() for g in gradients)


@BACKENDS
def test_steps_of_zero_leave_the_state_alone(scan):
    """delta = -1e4 before softplus is such a step."""
    problem = make_problem(L=40, channels=16)
    u, delta, *rest = problem.inputs
    delta = delta.clone()
    delta[:, 20:] = -1e4
    _, state = scan(u, delta, *rest, True, False)
    _, shorter = scan(
        u[:, :20], delta[:, :20], rest[0], rest[1][:, :20], rest[2][:, :20], *rest[3:], True, False
    )
    torch.testing.assert_close(state, shorter, rtol=0, atol=1e-6)
    _, nothing = scan(u, torch.full_like(delta, -1e4), *rest, True, False)
    assert not nothing.any()


@BACKENDS
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("where", [0, 1, 3, 4])
def test_nan_and_inf_come_through(scan, value, where):
    problem = make_problem(L=40, channels=20)
    inputs = [x.clone() for x in problem.inputs]
    inputs[where].view(-1, *inputs[where].shape[2:])[17].fill_(value)
    expected, _ = torch_scan.scan(*(x.double() for x in inputs), True, False)
    found, _ = scan(*inputs, True, False)
    assert torch.equal(found.isfinite(), expected.isfinite())


@BACKENDS
@pytest.mark.parametrize("step", [-60.0, -20.0, 20.0, 90.0, 1e4])
def test_extreme_steps(scan, step):
    problem = make_problem(L=36, channels=16)
    inputs = list(problem.inputs)
    inputs[1] = inputs[1] + step
    expected, _ = torch_scan.scan(*(x.double() for x in inputs), True, False)
    found, _ = scan(*inputs, True, False)
    assert relative_error(found, expected) < 1e-6


@BACKENDS
def test_strided_inputs(scan):
    """B and C as slices of one projection, u and delta as transposed views."""
    problem = make_problem(L=50, channels=32, R=2)
    u, delta, A, B, C, D, bias = problem.inputs
    projection = torch.cat([torch.zeros_like(B[..., :3]), B, C], -1)
    views = (
        u.transpose(1, 2).contiguous().transpose(1, 2),
        delta.permute(3, 0, 1, 2).contiguous().permute(1, 2, 3, 0),
        A.transpose(1, 2).contiguous().transpose(1, 2),
        projection[..., 3:19],
        projection[..., 19:],
        D,
        bias,
    )
    expected = scan(*problem.inputs, True, False)[0]
    torch.testing.assert_close(scan(*views, True, False)[0], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_in_and_out(dtype):
    problem = make_problem(L=70, channels=24, R=2)
    u, delta, A, B, C, D, bias = problem.inputs
    halves = [x.to(dtype).requires_grad_() for x in (u, delta, B, C)]
    y, _ = compiled(halves[0], halves[1], A, halves[2], halves[3], D, bias, True, False)
    assert y.dtype == dtype
    wide = [x.detach().double() for x in halves]
    expected, _ = torch_scan.scan(
        wide[0], wide[1], A.double(), wide[2], wide[3], D.double(), bias.double(), True, False
    )
    assert relative_error(y.detach(), expected) < torch.finfo(dtype).eps
    y.sum().backward()
    assert all(x.grad is not None and x.grad.dtype == dtype for x in halves)


@BACKENDS
def test_without_optional_inputs(scan):
    problem = make_problem(L=35)
    u, delta, A, B, C, D, bias = problem.inputs
    bare = scan(u, delta, A, B, C, None, None, True, False)[0]
    zeros = scan(u, delta, A, B, C, torch.zeros_like(D), torch.zeros_like(bias), True, False)[0]
    torch.testing.assert_close(bare, zeros)
    steps = torch.nn.functional.softplus(delta)
    linear = scan(u, steps, A, B, C, None, None, False, False)[0]
    torch.testing.assert_close(bare, linear, rtol=1e-5, atol=1e-6)


def test_gradcheck_of_plain_torch():
    problem = make_problem(L=6, channels=2, N=3, R=2)
    leaves = [x.double().requires_grad_() for x in problem.inputs]
    assert torch.autograd.gradcheck(lambda *x: torch_scan.scan(*x, True, False), leaves)
    assert torch.autograd.gradgradcheck(lambda *x: torch_scan.scan(*x, True, False)[0], leaves)


def test_second_derivative_of_compiled_scan():
    problem = make_problem(L=9, channels=16, N=4)

    def second(scan, dtype):
        leaves = [x.detach().to(dtype).requires_grad_() for x in problem.inputs]
        y, _ = scan(*leaves, True, False)
        (first,) = torch.autograd.grad(y.square().sum(), leaves[1], create_graph=True)
        return torch.autograd.grad(first.square().sum(), leaves)

    pairs = zip(
        second(compiled, torch.float32), second(torch_scan.scan, torch.float64), strict=True
    )
    assert all(relative_error(found, expected) < 1e-4 for found, expected in pairs)
