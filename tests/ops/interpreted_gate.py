"""Run by test_triton.py in a process of its own: the Triton kernels' gate on the interpreter."""

from __future__ import annotations

import sys
from unittest import mock

from tests.ops.interpreted_triton import SMALL, triton_scan  # isort: skip; sets TRITON_INTERPRET

import torch

from ssmamba.ops import dispatch, function, operator
from tests.ops.gated import assert_gate_matches, assert_rounded_once, make_gated

CASES = (
    {"L": 1, "channels": 3, "N": 2},
    {"L": 21, "channels": 5, "N": 2, "reverse": True, "batch": 2},
    {"L": 0, "channels": 4, "N": 4},
)


def gated(*args):
    return function.scan(triton_scan, args[:7], function.Options(True, args[8], args[7]), False)[0]


def check_operator() -> None:
    """Gate and gradients by way of the registered operators, as torch.compile goes."""
    inputs, grad_y = make_gated(L=9, channels=3, N=2)
    leaves = [x.detach().requires_grad_() for x in inputs]
    forward = (*leaves, True, False, True, False)
    parts = ("test_schema", "test_autograd_registration", "test_faketensor")
    with mock.patch.object(dispatch, "kernels_for", lambda u: triton_scan):
        torch.library.opcheck(operator.scan_operator, forward, test_utils=parts)
        y, _, kept = operator.scan_operator(*forward)
        backward = (*inputs, True, False, kept.detach(), grad_y, None)
        torch.library.opcheck(operator.backward_operator, backward, test_utils=parts[::2])
        ungated = (*inputs[:7], None, *backward[8:])
        torch.library.opcheck(operator.backward_operator, ungated, test_utils=parts[::2])
        ways = (y, gated(*leaves, False))
        results = [torch.autograd.grad(way, leaves, grad_y) for way in ways]
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def main() -> None:
    with mock.patch.object(triton_scan, "configuration", lambda L, channels: SMALL):
        for case in CASES:
            assert_gate_matches(gated, **case)
            print("ok", case, flush=True)
        # the interpreter rounds float16 as a GPU does, but cuts bfloat16 off
        assert_rounded_once(gated, torch.float16, L=9, channels=3, N=2)
        check_operator()
    print("all cases agree")


if __name__ == "__main__":
    sys.exit(main())
