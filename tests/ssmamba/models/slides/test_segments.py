"""A block in segments against the block in one."""

import pytest
import torch
import torch.nn.functional as F

from ssmamba.layers.shifted_conv import shifted_conv
from ssmamba.models.slides.block import BidirectionalBlock
from ssmamba.models.slides.segments import by_segments


@pytest.fixture(autouse=True)
def kernels(monkeypatch):
    pytest.importorskip("numba", reason="needs the compiled kernels")
    monkeypatch.setenv("SSMAMBA_SCAN", "cpu")


def values(run, block, x, pulled):
    """Output, and the gradients of the input and of all weights."""
    block.zero_grad()
    x = x.detach().requires_grad_()
    y = run(x)
    (y * pulled).sum().backward()
    return [y.detach(), x.grad, *(weight.grad.clone() for weight in block.parameters())]


@pytest.mark.parametrize("length", [1, 2, 7, 50, 200])
@pytest.mark.parametrize("dim", [3, 12])
def test_segments_are_the_block(dim, length):
    """Also where a segment is shorter than what the convolution sees, and where one holds all."""
    torch.manual_seed(0)
    block = BidirectionalBlock(dim, d_state=4)
    torch.nn.init.normal_(block.conv.bias)
    x, pulled = torch.randn(2, 1, 50, dim)
    expected = values(block, block, x, pulled)
    found = values(lambda x: by_segments(block, x, length), block, x, pulled)
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)
    with torch.no_grad():
        torch.testing.assert_close(by_segments(block, x, length), expected[0])


def test_segments_in_half_precision_are_near_the_block():
    torch.manual_seed(0)
    block, x = BidirectionalBlock(12), torch.randn(1, 90, 12)
    pulled = torch.randn(1, 90, 12)
    expected = values(block, block, x, pulled)

    def half(x):
        with torch.autocast("cpu", torch.bfloat16):
            return by_segments(block, x, 16)

    found = values(half, block, x, pulled)
    assert {value.dtype for value in found} == {torch.float32}
    for mine, theirs in zip(found, expected, strict=True):
        assert (mine - theirs).norm() < 0.02 * theirs.norm()


def test_frozen_weights_get_no_gradient():
    block, x = BidirectionalBlock(3, d_state=4), torch.randn(1, 20, 3, requires_grad=True)
    block.requires_grad_(False)
    block.out_proj.weight.requires_grad_()
    by_segments(block, x, 8).sum().backward()
    with_gradient = [name for name, weight in block.named_parameters() if weight.grad is not None]
    assert with_gradient == ["out_proj.weight"]
    assert x.grad is not None


def test_gradients_are_the_same_each_time():
    torch.manual_seed(0)
    block, (x, pulled) = BidirectionalBlock(6, d_state=4), torch.randn(2, 1, 40, 6)
    once, again = (values(lambda x: by_segments(block, x, 16), block, x, pulled) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))


def test_shifted_products_are_a_convolution():
    torch.manual_seed(0)
    x, weight, bias = torch.randn(13, 5), torch.randn(5, 1, 4), torch.randn(5)
    leaves = [x.double(), weight.double(), bias.double()]
    for leaf in leaves:
        leaf.requires_grad_()
    expected = F.conv1d(leaves[0].T[None], *leaves[1:], groups=5)[0].T
    torch.testing.assert_close(shifted_conv(*leaves), expected)
    assert torch.autograd.gradcheck(shifted_conv, leaves)
