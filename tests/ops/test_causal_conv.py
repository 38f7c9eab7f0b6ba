"""causal-conv1d in the original Mamba block: with a stand-in, and itself on a real GPU."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ssmamba.config import SSMambaConfig
from ssmamba.layers.mixers import MambaMixer
from ssmamba.ops.cuda import causal_conv

GRID = (5, 6)


def stand_in(x, weight, bias, activation):
    """The extension's signature and layouts (batch, channels, L), in plain torch."""
    assert x.shape[1] == weight.shape[0] and weight.ndim == 2
    padded = nn.functional.pad(x, (weight.shape[1] - 1, 0))
    y = nn.functional.conv1d(padded, weight.unsqueeze(1), bias, groups=len(weight))
    return nn.functional.silu(y) if activation == "silu" else y


def answers(mixer, x):
    """Output and gradients by input and convolution."""
    leaf = x.clone().requires_grad_()
    y = mixer(leaf, GRID)
    return y, *torch.autograd.grad(y.square().sum(), [leaf, *mixer.conv.parameters()])


@pytest.mark.parametrize("act", ["silu", "gelu"])
def test_the_block_answers_alike_with_and_without(act, monkeypatch):
    torch.manual_seed(0)
    mixer = MambaMixer(16, SSMambaConfig(act=act))
    x = torch.randn(2, 30, 16)
    expected = answers(mixer, x)
    asked = []
    monkeypatch.setattr(causal_conv, "fits", lambda tokens, width: asked.append(width) is None)
    monkeypatch.setattr(causal_conv, "extension", lambda: stand_in)
    for found, truth in zip(answers(mixer, x), expected, strict=True):
        torch.testing.assert_close(found, truth, rtol=1e-4, atol=1e-5)
    assert asked == [4]


def test_tokens_on_the_cpu_do_not_go_there(monkeypatch):
    monkeypatch.setattr(causal_conv, "extension", lambda: stand_in)
    assert not causal_conv.fits(torch.zeros(1, 30, 16), 4)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("act", ["silu", "gelu"])
@pytest.mark.parametrize("dim", [16, 20, 96])  # 20 is no multiple of eight
def test_on_a_gpu(act, dim, monkeypatch):
    if causal_conv.extension() is None:
        pytest.skip("causal-conv1d is not installed")
    torch.manual_seed(0)
    mixer = MambaMixer(dim, SSMambaConfig(act=act)).cuda()
    x = torch.randn(2, 30, dim, device="cuda")
    assert causal_conv.fits(mixer.in_proj(x).chunk(2, dim=-1)[0], 4) == (dim % 8 == 0)
    found = answers(mixer, x)
    monkeypatch.setattr(causal_conv, "fits", lambda tokens, width: False)
    for value, truth in zip(found, answers(mixer, x), strict=True):
        torch.testing.assert_close(value, truth, rtol=1e-3, atol=1e-4)
