"""The matrix product through oneDNN against torch's own, in both passes."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from ssmamba.ops import linear as module
from ssmamba.ops.linear import linear

from .problems import relative_error

pytestmark = pytest.mark.skipif(not module.has_onednn(), reason="no oneDNN product on this machine")


@pytest.fixture(autouse=True)
def any_amount_of_work(monkeypatch):
    monkeypatch.setattr(module, "LEAST_WORK", 1)


@pytest.fixture
def calls(monkeypatch):
    """How many products went to oneDNN."""
    seen = []
    real = module._onednn
    monkeypatch.setattr(module, "_onednn", lambda *args: seen.append(1) or real(*args))
    return seen


def problem(shape=(2, 30, 24), out=40, bias=True):
    g = torch.Generator().manual_seed(0)
    x = torch.randn(*shape, generator=g, requires_grad=True)
    weight = torch.randn(out, shape[-1], generator=g, requires_grad=True)
    return x, weight, torch.randn(out, generator=g, requires_grad=True) if bias else None


def derivatives(function, inputs):
    """y, the gradients, and the gradients of their squares."""
    leaves = [x for x in inputs if x is not None]
    y = function(*inputs)
    first = torch.autograd.grad(y.square().sum(), leaves, create_graph=True)
    second = torch.autograd.grad(sum(g.square().sum() for g in first), leaves)
    return [x.detach() for x in (y, *first, *second)]


@pytest.mark.parametrize("shape", [(7, 24), (2, 30, 24), (2, 3, 5, 24), (1, 1, 24)])
@pytest.mark.parametrize("out", [3, 40])
@pytest.mark.parametrize("bias", [True, False])
def test_both_passes_and_the_second_derivative(shape, out, bias, calls):
    inputs = problem(shape, out, bias)
    wide = [None if x is None else x.detach().double().requires_grad_() for x in inputs]
    found, expected = derivatives(linear, inputs), derivatives(F.linear, wide)
    assert len(calls) > 3
    assert max(relative_error(a, b) for a, b in zip(found, expected, strict=True)) < 2e-6


def test_views_of_every_kind():
    """Slices of channels, rows and batches, and transposed weights: right, copied or not."""
    x, weight, bias = (t.detach() for t in problem((4, 30, 48), 48))
    views = [x[..., :24], x[..., 24:], x[:, ::2, :24], x[::2], x.transpose(1, 2)[..., :24]]
    for view in views:
        part = weight[:, : view.shape[-1]]
        torch.testing.assert_close(linear(view, part, bias), F.linear(view, part, bias))
    torch.testing.assert_close(linear(x, weight.t(), bias), F.linear(x, weight.t(), bias))


def test_nothing_to_multiply():
    for shape in ((0, 24), (2, 0, 24)):
        assert linear(torch.zeros(shape), torch.zeros(40, 24)).shape == (*shape[:-1], 40)
    assert not linear(torch.zeros(4, 0), torch.zeros(40, 0)).any()


def test_torch_is_left_what_onednn_does_not_do(calls):
    inputs = [x.detach() for x in problem()]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert linear(*inputs).dtype == torch.bfloat16
    assert linear(*(x.double() for x in inputs)).dtype == torch.float64
    with FlopCounterMode(display=False) as counter:
        linear(*inputs)
    assert counter.get_total_flops() == 2 * 2 * 30 * 24 * 40
    mapped = torch.func.vmap(linear, (0, None, None))(*inputs)
    torch.backends.mkldnn.set_flags(_enabled=False)
    try:
        plain = linear(*inputs)
    finally:
        torch.backends.mkldnn.set_flags(_enabled=True)
    torch.testing.assert_close(mapped, plain)
    assert not calls


def test_under_the_compiler():
    inputs = [x.detach() for x in problem()]
    compiled = torch.compile(lambda *a: linear(*a), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(*inputs), linear(*inputs))
