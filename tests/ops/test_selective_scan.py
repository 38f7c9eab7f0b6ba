"""The public functions: layouts, groups, gate, last state, shape errors, choice of backend."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from ssmamba import ops
from ssmamba.errors import InputError

from .problems import make_problem


@pytest.fixture
def one_way():
    u, delta, A, B, C, D, bias = make_problem(batch=2, L=37, channels=24).inputs
    return u, delta[:, :, 0], A[0], B[:, :, 0], C[:, :, 0], D[0], bias[0]


def test_reverse_is_a_flip_in_time(one_way):
    u, delta, A, B, C, D, bias = one_way
    flipped = [x.flip(1) for x in (u, delta, B, C)]
    expected = ops.selective_scan_channel_last(
        flipped[0], flipped[1], A, flipped[2], flipped[3], D, bias
    ).flip(1)
    found = ops.selective_scan_channel_last(*one_way, reverse=True)
    torch.testing.assert_close(found, expected)


def test_both_ways_is_the_sum_of_each():
    u, delta, A, B, C, D, bias = make_problem(batch=2, L=37, channels=24, R=2).inputs
    each = [
        ops.selective_scan_channel_last(
            u, delta[:, :, r], A[r], B[:, :, r], C[:, :, r], D[r], bias[r], reverse=r == 1
        )
        for r in range(2)
    ]
    found = ops.bidirectional_scan(u, delta, A, B, C, D, bias)
    torch.testing.assert_close(found, each[0] + each[1])


def test_mamba_layout_and_gate(one_way):
    u, delta, A, B, C, D, bias = one_way
    z = torch.randn_like(u)
    y, state = ops.selective_scan_channel_last(*one_way, z=z, return_last_state=True)
    turned = [x.transpose(1, 2).contiguous() for x in (u, delta, B, C, z)]
    found, found_state = ops.selective_scan(
        turned[0], turned[1], A, turned[2], turned[3], D, bias, z=turned[4], return_last_state=True
    )
    torch.testing.assert_close(found.transpose(1, 2), y)
    torch.testing.assert_close(found_state, state)
    torch.testing.assert_close(y, ops.selective_scan_channel_last(*one_way) * F.silu(z))


def test_groups_share_b_and_c(one_way):
    u, delta, A, _, _, D, bias = (x.mT if x.dim() == 3 else x for x in one_way)
    B, C = torch.randn(2, 3, 16, 37), torch.randn(2, 3, 16, 37)
    parts = [
        ops.selective_scan(u[:, p], delta[:, p], A[p], B[:, g], C[:, g], D[p], bias[p])
        for g, p in enumerate((slice(0, 8), slice(8, 16), slice(16, 24)))
    ]
    torch.testing.assert_close(ops.selective_scan(u, delta, A, B, C, D, bias), torch.cat(parts, 1))


def test_shapes_that_do_not_fit_are_named(one_way):
    u, delta, A, B, C = one_way[:5]
    with pytest.raises(ValueError, match="delta has shape"):
        ops.selective_scan_channel_last(u, delta[:, 1:], A, B, C)
    with pytest.raises(ValueError, match="C has shape"):
        ops.selective_scan_channel_last(u, delta, A, B, C[..., 1:])
    with pytest.raises(ValueError, match="expected"):
        ops.selective_scan(u, delta, A, B, C)


@pytest.mark.parametrize("name", ["cpu", "torch", "reference"])
def test_backend_can_be_forced(one_way, force_backend, name):
    expected = ops.selective_scan_channel_last(*one_way)
    force_backend(name)
    assert ops.choose_backend("cpu").name == name
    torch.testing.assert_close(
        ops.selective_scan_channel_last(*one_way), expected, rtol=1e-5, atol=1e-5
    )


def test_unknown_and_unfit_backends_say_what_to_do(force_backend):
    force_backend("trition")
    with pytest.raises(InputError, match="did you mean 'triton'"):
        ops.choose_backend("cpu")
    force_backend("triton")
    with pytest.raises(InputError, match="unset SSMAMBA_SCAN"):
        ops.choose_backend("cpu")


def test_choice_on_cpu_is_compiled():
    assert ops.choose_backend("cpu").name == "cpu"
    assert ops.choose_backend("cpu", torch.float64).name == "torch"
    assert ops.warm_up().name == "cpu"


def test_float64_is_never_cut_short(force_backend, one_way):
    force_backend("cpu")
    assert ops.choose_backend("cpu", torch.float64).name == "torch"
    wide = [x.double() for x in one_way]
    assert ops.selective_scan_channel_last(*wide).dtype == torch.float64


def test_a_complex_decay_is_refused_not_cut() -> None:
    u = torch.zeros(1, 2, 4)
    B = torch.zeros(1, 3, 4)
    with pytest.raises(ValueError, match="A is complex, and states are real here"):
        ops.selective_scan(u, u, torch.zeros(2, 3, dtype=torch.complex64), B, B)
