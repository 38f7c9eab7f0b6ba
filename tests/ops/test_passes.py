"""Passes over rows against torch's own operations, at odd widths, in both dtypes."""

import pytest
import torch
from torch.nn import functional as F

from ssmamba.ops.cpu import passes

pytest.importorskip("llvmlite", reason="needs the compiled kernels")

DTYPES = (torch.float32, torch.bfloat16)
WIDTHS = (1, 8, 17, 64, 100)


def near(found, expected, dtype):
    tolerance = 1e-5 if dtype == torch.float32 else 0.01
    torch.testing.assert_close(found.float(), expected, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("other", [None, *DTYPES])
def test_sum_norm_and_silu(width, dtype, other):
    torch.manual_seed(0)
    a = torch.randn(3, 37, width).to(dtype)
    b = None if other is None else torch.randn(3, 37, width).to(other)
    total = a.float() if b is None else a.float() + b.float()
    weight, bias = torch.rand(width) + 0.5, torch.randn(width)
    scale = passes.norm_scale(weight, bias, 1e-5)
    expected = {
        passes.IDENTITY: total,
        passes.NORM: F.layer_norm(total, (width,), weight, bias, 1e-5),
        passes.SILU: F.silu(total),
    }
    for operation, result in expected.items():
        kept, out = torch.empty(3, 37, width), torch.empty(3, 37, width, dtype=dtype)
        passes.run(operation, a, b, kept=kept, out=out, scale=scale)
        assert torch.equal(kept, total)
        near(out, result, dtype)


def test_halves_of_wider_rows_are_written_and_nothing_else():
    x, out = torch.randn(50, 24), torch.full((50, 48), 7.0)
    passes.run(passes.IDENTITY, x, out=out[:, 24:])
    assert torch.equal(out[:, 24:], x) and bool((out[:, :24] == 7).all())


def test_a_sum_may_stay_in_place():
    x, branch = torch.randn(40, 20), torch.randn(40, 20).bfloat16()
    expected = x + branch.float()
    passes.run(passes.IDENTITY, x, branch, kept=x)
    assert torch.equal(x, expected)


def test_a_norm_of_large_numbers_keeps_its_variance():
    x = torch.randn(30, 40) + 1000
    out = torch.empty_like(x)
    passes.run(
        passes.NORM, x, out=out, scale=passes.norm_scale(torch.ones(40), torch.zeros(40), 1e-5)
    )
    torch.testing.assert_close(out, F.layer_norm(x.double(), (40,)).float(), atol=2e-3, rtol=1e-3)


def test_bfloat16_is_rounded_as_torch_rounds_it():
    x = torch.tensor([0.0, -0.0, 1.00390625, 1.01171875, 3.4e38, float("inf"), float("nan"), 1e-40])
    out = torch.empty(8, dtype=torch.bfloat16)
    passes.run(passes.IDENTITY, x.view(1, 8), out=out.view(1, 8))
    torch.testing.assert_close(out, x.bfloat16(), equal_nan=True, atol=0, rtol=0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1, 1, 8), (2, 7, 8, 17), (3, 112, 5, 32)])
def test_max_pool(dtype, shape):
    x = torch.randn(shape).to(dtype)
    expected = F.max_pool2d(x.permute(0, 3, 1, 2), 3, 2, 1).permute(0, 2, 3, 1)
    assert torch.equal(passes.max_pool(x), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 2, 1, 8), (2, 7, 9, 17), (3, 60, 50, 32)])
def test_moments(dtype, shape):
    x = (torch.randn(shape) * 2 + 30).to(dtype)
    mean, spread = passes.moments(x)
    wide = x.double()
    torch.testing.assert_close(mean.double(), wide.mean((1, 2)), atol=1e-5, rtol=1e-6)
    torch.testing.assert_close(spread.double(), wide.std((1, 2)), atol=1e-5, rtol=1e-5)


def test_nothing_to_do():
    passes.run(passes.IDENTITY, torch.empty(0, 16), out=torch.empty(0, 16))
