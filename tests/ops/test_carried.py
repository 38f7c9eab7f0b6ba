"""A scan in parts that hand on their state, against the scan in one."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F

from ssmamba import ops
from ssmamba.ops.carried import carried_scan

from .problems import make_problem


@pytest.fixture(params=["cpu", "torch"], autouse=True)
def backend(request, force_backend):
    if request.param == "cpu":
        pytest.importorskip("numba", reason="needs the compiled kernels")
    force_backend(request.param)


@pytest.mark.parametrize("channels", [3, 24])
@pytest.mark.parametrize("reverse", [False, True], ids=["there", "back"])
def test_parts_are_the_whole(reverse, channels):
    u, delta, A, B, C, D, _ = make_problem(batch=2, L=37, channels=channels).inputs
    whole = [x.detach().requires_grad_() for x in (u, delta[:, :, 0], A[0], B[:, :, 0],
                                                   C[:, :, 0], D[0])]  # fmt: skip
    expected, last = ops.selective_scan_channel_last(*whole, reverse=reverse,
                                                     return_last_state=True)  # fmt: skip
    parts = [x.detach().requires_grad_() for x in whole]
    u, delta, A, B, C, D = parts
    step, BC = F.softplus(delta), torch.cat([B, C], -1)
    state, found = torch.zeros_like(last), []
    spans = list(pairwise((0, 1, 20, 37)))
    for start, stop in reversed(spans) if reverse else spans:
        part = slice(start, stop)
        y, state = carried_scan(u[:, part], step[:, part], A, BC[:, part], D, state,
                                reverse=reverse)  # fmt: skip
        found.append(y)
    y = torch.cat(found[::-1] if reverse else found, 1)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(state, last)
    pulled, pulled_state = torch.randn_like(y), torch.randn_like(last)
    grads = [
        torch.autograd.grad((a * pulled).sum() + (s * pulled_state).sum(), leaves)
        for a, s, leaves in ((expected, last, whole), (y, state, parts))
    ]
    for mine, theirs in zip(*grads, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


def test_a_state_comes_through_to_the_bit():
    u, delta, A, B, C, D, _ = make_problem(L=5, channels=20).inputs
    state = torch.randn(1, 20, A.shape[-1]) * torch.logspace(-6, 6, 20)[:, None]
    still = torch.zeros_like(delta[:, :, 0])
    BC = torch.cat([B, C], -1)[:, :, 0]
    _, found = carried_scan(u, still, A[0], BC, D[0], state)
    assert torch.equal(found, state)
