"""The door to mamba-ssm's extension, with a stand-in for the extension itself.

The stand-in has the extension's signatures and layouts and computes with plain torch, so what is
tested is everything around it: turning, grouping, states, gradients.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from ssmamba.ops import dispatch, function, operator, torch_scan
from ssmamba.ops.cuda import mamba_ssm

from .gated import assert_gate_matches, gated_reference, make_gated
from .problems import assert_matches_reference, make_problem


def plain(u, delta, A, B, C, D, bias, softplus):
    """mamba-ssm's layout: (batch, channels, L), B and C (batch, groups, N, L)."""
    width = u.shape[1] // B.shape[1]
    ys, states = [], []
    for g in range(B.shape[1]):
        p = slice(g * width, (g + 1) * width)
        inputs = (u[:, p].mT, delta[:, p].mT, A[p], B[:, g].mT, C[:, g].mT)
        vectors = (None if x is None else x[p] for x in (D, bias))
        y, state = torch_scan.scan(*function.canonical((*inputs, *vectors)), softplus, False)
        ys.append(y.mT)
        states.append(state[:, 0])
    return torch.cat(ys, 1), torch.cat(states, 1)


def fwd(u, delta, A, B, C, D, z, bias, softplus):
    assert u.is_contiguous()
    assert B.stride(-1) == 1
    assert z is None
    y, state = plain(u, delta, A, B, C, D, bias, softplus)
    return y, torch.stack([torch.zeros_like(state), state], -1).flatten(2).unsqueeze(2)


def bwd(u, delta, A, B, C, D, z, bias, dout, x, out, dz, softplus, recompute_out_z):
    assert x.shape[-1] == 2 * A.shape[1]
    with torch.enable_grad():
        leaves = [t.detach().requires_grad_() for t in (u, delta, A, B, C, D, bias)]
        y, _ = plain(*leaves, softplus)
        return torch.autograd.grad(y, leaves, dout, materialize_grads=True)


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    monkeypatch.setitem(sys.modules, "selective_scan_cuda", SimpleNamespace(fwd=fwd, bwd=bwd))


def scan(*args):
    return function.scan(mamba_ssm, args[:7], function.Options(*args[7:9]), True)


@pytest.mark.parametrize("R", [1, 2])
@pytest.mark.parametrize("reverse", [False, True])
def test_matches_the_reference(R, reverse):
    assert_matches_reference(make_problem(batch=2, L=21, channels=6, R=R, reverse=reverse), scan)


def test_gradients_of_y_come_from_the_extension(monkeypatch):
    problem = make_problem(batch=2, L=21, channels=6, R=2)
    calls = []

    def counted(*args):
        calls.append(1)
        return bwd(*args)

    monkeypatch.setitem(sys.modules, "selective_scan_cuda", SimpleNamespace(fwd=fwd, bwd=counted))
    results = []
    for way in (
        lambda *x: function.scan(mamba_ssm, x, function.Options(True, False), False)[0],
        lambda *x: torch_scan.scan(*x, True, False)[0],
    ):
        leaves = [x.clone().requires_grad_() for x in problem.inputs]
        results.append(torch.autograd.grad(way(*leaves), leaves, problem.grad_y))
    assert calls == [1]
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_the_operator_keeps_what_its_fake_promises(monkeypatch):
    """The extension's gradients are as wide as its inputs; a compiled graph counts on float32."""

    def as_wide(*args):
        return [torch.ones_like(args[k]) for k in (0, 1, 2, 3, 4, 5, 7)]

    monkeypatch.setitem(sys.modules, "selective_scan_cuda", SimpleNamespace(fwd=fwd, bwd=as_wide))
    monkeypatch.setattr(dispatch, "kernels_for", lambda u: mamba_ssm)
    u, delta, A, B, C, D, bias = make_problem(batch=2, L=21, channels=6, R=2).inputs
    u, delta, B, C = (x.bfloat16() for x in (u, delta, B, C))
    call = (u, delta, A, B, C, D, bias, None, True, False)
    _, _, kept = operator.scan_operator(*call, True, False)
    found = operator.backward_operator(*call, kept, torch.ones_like(u), None)
    with FakeTensorMode(allow_non_fake_inputs=True):
        promised = operator.backward_operator(*call, kept, torch.ones_like(u), None)
    for grad, fake in zip(found, promised, strict=True):
        assert (grad.dtype, grad.shape, grad.stride()) == (fake.dtype, fake.shape, fake.stride())


@pytest.mark.parametrize("L", [0, 21])
def test_gate(L):
    def gated(*args):
        return function.scan(mamba_ssm, args[:7], function.Options(True, args[8], args[7]), False)[
            0
        ]

    assert_gate_matches(gated, L=L, channels=6)
    inputs, _ = make_gated(L=L, channels=6)
    torch.testing.assert_close(gated(*inputs, False), gated_reference(*inputs, False))


def test_nothing_to_scan():
    y, state, _ = make_problem(L=0).run(scan)
    assert y.numel() == 0
    assert not state.any()
