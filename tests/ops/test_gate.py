"""The gate y * silu(z) within the scan: torch and cpu here, Triton in ``interpreted_gate.py``."""

from __future__ import annotations

import pytest
import torch

from ssmamba import ops
from ssmamba.ops import function, operator
from ssmamba.ops.cpu import scan as cpu_scan

from .gated import assert_gate_matches, assert_rounded_once, gated_reference, make_gated
from .problems import relative_error

BACKENDS = pytest.mark.parametrize("backend", ["cpu", "torch"])


def public(*args):
    """Through the public function, which takes one direction without the axis R."""
    u, delta, A, B, C, D, bias, z, reverse = args
    inputs = (u, delta[:, :, 0], A[0], B[:, :, 0], C[:, :, 0], D[0], bias[0])
    return ops.selective_scan_channel_last(*inputs, reverse=reverse, z=z)


@BACKENDS
@pytest.mark.parametrize(
    "case",
    [
        {"L": 1, "channels": 3},
        {"L": 2, "N": 1},
        {"L": 33, "channels": 17, "reverse": True},
        {"L": 129, "channels": 32, "batch": 2},
        {"L": 65, "channels": 24, "N": 24},
        {"L": 0},
        {"batch": 0},
    ],
)
def test_matches_the_reference(backend, case, force_backend):
    force_backend(backend)
    assert_gate_matches(public, **case)
    inputs, _ = make_gated(**case)
    with torch.no_grad():  # within the cpu kernel
        found = public(*inputs, bool(case.get("reverse")))
    truth = gated_reference(*(x.double() for x in inputs), bool(case.get("reverse")))
    assert relative_error(found, truth) < 1e-6


@BACKENDS
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_rounded_once(backend, dtype, force_backend):
    force_backend(backend)
    assert_rounded_once(public, dtype, L=70, channels=24)


@BACKENDS
def test_gradients_in_half_precision(backend, force_backend):
    force_backend(backend)
    inputs, grad_y = make_gated(L=35)
    halves = [x.bfloat16().requires_grad_() for x in inputs]
    y = public(*halves, False)
    found = torch.autograd.grad(y, halves, grad_y.to(y.dtype))
    assert all(x.dtype == torch.bfloat16 for x in (y, *found))
    wide = [x.detach().double().requires_grad_() for x in halves]
    truth = torch.autograd.grad(gated_reference(*wide, False), wide, grad_y.double())
    assert all(relative_error(a, b) < 0.02 for a, b in zip(found, truth, strict=True))


@BACKENDS
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), -200.0])
def test_extreme_gates_come_through(backend, value, force_backend):
    force_backend(backend)
    inputs, _ = make_gated(L=40, channels=20)
    inputs[7] = inputs[7].clone()
    inputs[7][:, 17] = value
    truth = gated_reference(*(x.double() for x in inputs), False)
    with torch.no_grad():
        found = public(*inputs, False)
    assert torch.equal(found.isfinite(), truth.isfinite())
    assert relative_error(found.nan_to_num(0, 0, 0), truth.nan_to_num(0, 0, 0)) < 1e-6


def test_y_keeps_the_dtype_of_u_beside_a_wider_gate(force_backend):
    inputs, _ = make_gated(L=9)
    for backend in ("cpu", "torch"):
        force_backend(backend)
        halves = [x.bfloat16() for x in inputs[:7]]
        assert public(*halves, inputs[7], False).dtype == torch.bfloat16
        assert public(*halves, inputs[7].clone().requires_grad_(), False).dtype == torch.bfloat16


def test_only_the_gate_may_want_gradients():
    inputs, grad_y = make_gated(L=20)
    z = inputs[7].clone().requires_grad_()
    (found,) = torch.autograd.grad(public(*inputs[:7], z, False), z, grad_y)
    (wanted,) = torch.autograd.grad(gated_reference(*inputs[:7], z, False), z, grad_y)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_second_derivative():
    inputs, _ = make_gated(L=9, N=4)

    def second(scan, dtype):
        leaves = [x.to(dtype).detach().requires_grad_() for x in inputs]
        y = scan(*leaves, False)
        (first,) = torch.autograd.grad(y.square().sum(), leaves[7], create_graph=True)
        return torch.autograd.grad(first.square().sum(), leaves)

    pairs = zip(second(public, torch.float32), second(gated_reference, torch.float64), strict=True)
    assert all(relative_error(found, expected) < 1e-4 for found, expected in pairs)


def test_cpu_output_repeats_and_ignores_threads(monkeypatch):
    inputs, _ = make_gated(L=300, channels=40, batch=2)
    outputs = []
    for threads in (1, 3, 3):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        y, _ = function.scan(
            cpu_scan, tuple(inputs[:7]), function.Options(True, False, inputs[7]), False
        )
        outputs.append(y)
    assert torch.equal(outputs[0], outputs[1])
    assert torch.equal(outputs[1], outputs[2])


def test_float64_stays_float64():
    inputs, _ = make_gated(L=9)
    wide = [x.double() for x in inputs]
    torch.testing.assert_close(public(*wide, False), gated_reference(*wide, False))


def test_operator_with_a_gate_is_registered_correctly():
    inputs, _ = make_gated(L=35, channels=24)
    torch.library.opcheck(operator.scan_operator, (*inputs, True, False, False, True))


@pytest.mark.parametrize(("backend", "grad"), [("cpu", False), ("cpu", True), ("torch", True)])
def test_compiled_graph_gives_the_same(backend, grad, force_backend):
    force_backend(backend)
    torch._dynamo.reset()  # graphs do not watch the environment
    inputs, grad_y = make_gated(L=21)
    compiled = torch.compile(public, fullgraph=True, backend="aot_eager")
    results = []
    for scan in (public, compiled):
        leaves = [x.clone().requires_grad_(grad) for x in inputs]
        y = scan(*leaves, False)
        gradients = torch.autograd.grad(y, leaves, grad_y) if grad else ()
        results.append((y.detach(), *gradients))
    for eager, traced in zip(*results, strict=True):
        torch.testing.assert_close(traced, eager, rtol=1e-5, atol=1e-5)


def test_transforms_see_the_gate():
    inputs, _ = make_gated(L=9)
    found = torch.func.grad(lambda z: public(*inputs[:7], z, False).sum())(inputs[7])
    z = inputs[7].clone().requires_grad_()
    (wanted,) = torch.autograd.grad(gated_reference(*inputs[:7], z, False).sum(), z)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
