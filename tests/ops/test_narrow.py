"""The compiled CPU scan of few channels, whose vectors hold states: shapes around its edges."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import softplus

from ssmamba import ops
from ssmamba.kernels.layout import is_narrow
from ssmamba.ops import function, reference
from ssmamba.ops.cpu import scan as cpu_scan

from .gated import gated_reference, make_gated
from .problems import assert_matches_reference, make_problem, relative_error


def compiled(*args):
    return function.scan(cpu_scan, args[:7], function.Options(*args[7:9]), True)


def test_which_shapes_are_narrow():
    """Pixel-Mamba's first layers; not those that fill vectors of 16 channels."""
    assert [c for c in (1, 3, 6, 12, 15, 16, 24, 32, 48, 96) if is_narrow(c, 16)] == [
        *(1, 3, 6, 12, 24)
    ]
    assert is_narrow(6, 8) and not is_narrow(12, 8)  # 8 states fill half a vector
    assert not is_narrow(1, 1)


@pytest.mark.parametrize("L", [1, 2, 15, 16, 17, 31, 33, 47, 63, 65, 127, 193, 321])
@pytest.mark.parametrize(("channels", "R"), [(6, 1), (6, 2), (12, 2), (24, 1)])
def test_odd_lengths(L, channels, R):
    problem = make_problem(L=L, channels=channels, R=R, reverse=L % 4 == 1)
    assert_matches_reference(problem, compiled)


@pytest.mark.parametrize(("channels", "N"), [(1, 12), (2, 16), (5, 7), (3, 17), (6, 40), (33, 16)])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_channels_shared_among_threads(channels, N, threads, monkeypatch):
    """A task then has some of a row's channels, and writes only those."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert is_narrow(channels, N)
    assert_matches_reference(make_problem(batch=2, L=77, channels=channels, N=N), compiled)
    assert_matches_reference(make_problem(L=77, channels=channels, N=N, R=2), compiled)


def test_number_of_threads_changes_no_bit_of_a_direction(monkeypatch):
    problem = make_problem(L=333, channels=6)
    outputs = []
    for count in (1, 2, 5):
        monkeypatch.setattr(torch, "get_num_threads", lambda count=count: count)
        outputs.append(compiled(*problem.inputs, True, False))
    for y, state in outputs[1:]:
        assert torch.equal(y, outputs[0][0]) and torch.equal(state, outputs[0][1])


@pytest.mark.parametrize("channels", [6, 24])
def test_runs_repeat_bit_by_bit(channels):
    problem = make_problem(L=501, channels=channels, R=2)
    first = problem.run(compiled)
    for _ in range(3):
        y, state, gradients = problem.run(compiled)
        assert torch.equal(y, first[0]) and torch.equal(state, first[1])
        assert all(torch.equal(a, b) for a, b in zip(gradients, first[2], strict=True))


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("channels", [6, 24])
def test_low_rank_steps(channels, rank):
    u, _, A, B, C, D, bias = make_problem(L=99, channels=channels, R=2).inputs
    dt, weight = torch.randn(1, 99, 2, rank), torch.randn(2, channels, rank)
    inputs = (u, dt, A, B, C, D, bias)
    found = cpu_scan.forward_low_rank(inputs, weight, True)
    delta = torch.einsum("blgr,gcr->blgc", dt, weight)
    wide = [x.double() for x in (u, delta, A, B, C, D, bias)]
    assert relative_error(found, reference.scan(*wide, True, False)[0]) < 1e-6


@pytest.mark.parametrize("reverse", [False, True])
def test_gate(reverse, force_backend):
    force_backend("cpu")
    (u, delta, A, B, C, D, bias, z), _ = make_gated(L=67, channels=6)
    inputs = (u, delta[:, :, 0], A[0], B[:, :, 0], C[:, :, 0], D[0], bias[0])
    found = ops.selective_scan_channel_last(*inputs, reverse=reverse, z=z)
    wide = (x.double() for x in (u, delta, A, B, C, D, bias, z))
    assert relative_error(found, gated_reference(*wide, reverse)) < 1e-6


def test_nothing_beyond_the_inputs_counts():
    """Rows that are slices of wider ones, and the last row at the end of its memory."""
    problem = make_problem(L=50, channels=6, R=2)
    expected = compiled(*problem.inputs, True, False)[0]
    views = []
    for x in problem.inputs:
        around = torch.full((*x.shape[:-1], x.shape[-1] + 9), float("nan"))
        around[..., 9:] = x
        views.append(around[..., 9:])
    assert torch.equal(compiled(*views, True, False)[0], expected)


def test_without_optional_inputs():
    u, delta, A, B, C, D, bias = make_problem(L=35, channels=6).inputs
    bare = compiled(u, delta, A, B, C, None, None, True, False)[0]
    zeros = compiled(u, delta, A, B, C, torch.zeros_like(D), torch.zeros_like(bias), True, False)[0]
    assert torch.equal(bare, zeros)
    linear = compiled(u, softplus(delta), A, B, C, None, None, False, False)[0]
    torch.testing.assert_close(bare, linear, rtol=1e-5, atol=1e-6)
