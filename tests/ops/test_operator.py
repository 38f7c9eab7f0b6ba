"""The scan as torch.compile, torch.export, fake tensors, FLOP counters and torch.func see it."""

from __future__ import annotations

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

import ssmamba.ops.flops  # noqa: F401
from ssmamba import ops
from ssmamba.ops import operator

from .problems import make_problem


def both_ways(*inputs):
    return ops.bidirectional_scan(*inputs)


@pytest.fixture
def inputs():
    return make_problem(batch=2, L=35, channels=24, R=2).inputs


@pytest.mark.filterwarnings("ignore:The .grad attribute")  # from the checker itself
def test_operator_is_registered_correctly(inputs):
    """Schema, fake tensors, autograd registration and AOT dispatch, by torch's own checker."""
    leaves = [x.clone().requires_grad_() for x in inputs]
    torch.library.opcheck(operator.scan_operator, (*leaves, None, True, False, True, True))
    torch.library.opcheck(operator.scan_operator, (*inputs, None, True, False, False, False))


@pytest.mark.parametrize("backend", ["cpu", "torch"])
def test_compiled_graph_gives_the_same(inputs, force_backend, backend):
    force_backend(backend)
    torch._dynamo.reset()  # graphs do not watch the environment
    compiled = torch.compile(both_ways, fullgraph=True, backend="aot_eager")
    results = []
    for function in (both_ways, compiled):
        leaves = [x.clone().requires_grad_() for x in inputs]
        y = function(*leaves)
        y.square().sum().backward()
        results.append([y.detach(), *(x.grad for x in leaves)])
    for eager, traced in zip(*results, strict=True):
        torch.testing.assert_close(traced, eager, rtol=1e-5, atol=1e-5)


def test_export(inputs):
    class Module(torch.nn.Module):
        def forward(self, *args):
            return ops.bidirectional_scan(*args)

    program = torch.export.export(Module(), inputs)
    assert "ssmamba.selective_scan" in str(program.graph)
    torch.testing.assert_close(program.module()(*inputs), both_ways(*inputs))


def test_flops_are_nine_a_state(inputs):
    with FlopCounterMode(display=False) as counter:
        both_ways(*inputs)
    assert counter.get_total_flops() == 9 * 2 * 35 * 24 * 16 * 2


def test_flops_with_backward(inputs):
    leaves = [x.clone().requires_grad_() for x in inputs]
    with FlopCounterMode(display=False) as counter:
        both_ways(*leaves).sum().backward()
    assert counter.get_total_flops() == 3 * 9 * 2 * 35 * 24 * 16 * 2


def test_fake_and_meta_tensors(inputs):
    with FakeTensorMode() as mode:
        y = both_ways(*(mode.from_tensor(x) for x in inputs))
    assert y.shape == inputs[0].shape
    y = both_ways(*(x.to("meta") for x in inputs))
    assert y.is_meta
    assert y.shape == inputs[0].shape


def test_function_transforms(inputs):
    def loss(u):
        return both_ways(u, *inputs[1:]).square().sum()

    u = inputs[0].clone().requires_grad_()
    loss(u).backward()
    torch.testing.assert_close(torch.func.grad(loss)(inputs[0]), u.grad, rtol=1e-4, atol=1e-4)


def test_autocast_leaves_the_scan_in_float32(inputs):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = both_ways(*inputs)
    assert y.dtype == torch.float32
    torch.testing.assert_close(y, both_ways(*inputs))
    u, delta, A, B, C, D, bias = inputs
    half = [x.bfloat16() for x in (u, delta, B, C)]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = both_ways(half[0], half[1], A, half[2], half[3], D, bias)
    assert y.dtype == torch.bfloat16
