"""Scans of one direction with a gate, and a comparison with the float64 reference."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ssmamba.ops import reference

from .problems import NAMES, make_problem, relative_error

GatedScan = Callable[..., Tensor]  # (seven canonical inputs, z, reverse) -> y


def make_gated(**case: object) -> tuple[list[Tensor], Tensor]:
    """Inputs with z, a strided half of one projection, for the eighth; and what to pull y with."""
    problem = make_problem(**case)  # type: ignore[arg-type]
    u = problem.inputs[0]
    g = torch.Generator().manual_seed(u.numel())
    z = (3 * torch.randn(*u.shape[:2], 2 * u.shape[2], generator=g)).to(u)
    return [*problem.inputs, z[..., u.shape[2] :]], problem.grad_y


def gated_reference(*args: object) -> Tensor:
    *inputs, z, reverse = args
    y, _ = reference.scan(*inputs, True, reverse)  # type: ignore[arg-type]
    return y * F.silu(z.to(y.dtype))  # type: ignore[attr-defined]


def assert_gate_matches(
    scan: GatedScan, output: float = 1e-6, gradient: float = 4e-6, **case: object
) -> None:
    """y and all eight gradients."""
    inputs, grad_y = make_gated(**case)
    reverse = bool(case.get("reverse"))
    results = []
    for way, dtype in ((scan, torch.float32), (gated_reference, torch.float64)):
        leaves = [x.to(dtype).detach().requires_grad_() for x in inputs]
        y = way(*leaves, reverse)
        gradients = torch.autograd.grad(y, leaves, grad_y.to(dtype), materialize_grads=True)
        results.append((y.detach(), gradients))
    (y, gradients), (expected, wanted) = results
    assert relative_error(y, expected) < output
    for name, found, truth in zip((*NAMES, "z"), gradients, wanted, strict=True):
        assert relative_error(found, truth) < gradient, name


def assert_rounded_once(scan: GatedScan, dtype: torch.dtype, **case: object) -> None:
    """In half precision y is the exact product, rounded once."""
    inputs, _ = make_gated(**case)
    halves = [x.to(dtype) if i in (0, 1, 3, 4, 7) else x for i, x in enumerate(inputs)]
    with torch.no_grad():
        y = scan(*halves, False)
    assert y.dtype == dtype
    expected = gated_reference(*(x.double() for x in halves), False)
    allowed = 0.51 * torch.finfo(dtype).eps * expected.abs() + 1e-6 * expected.abs().max()
    assert ((y.double() - expected).abs() <= allowed).all()
