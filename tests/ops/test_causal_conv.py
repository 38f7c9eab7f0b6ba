"""causal-conv1d in the original Mamba block: with a stand-in, and itself on a real GPU."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import _get_current_dispatch_mode
from torch.utils.flop_counter import FlopCounterMode

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
    monkeypatch.setattr(causal_conv, "extension", lambda device: stand_in)
    for found, truth in zip(answers(mixer, x), expected, strict=True):
        torch.testing.assert_close(found, truth, rtol=1e-4, atol=1e-5)
    assert asked == [4]


class OnGPU(torch.nn.Parameter):
    """A tensor that says it is on a GPU."""

    is_cuda = True


@pytest.fixture
def tokens(monkeypatch):
    """(1, 30, 16) that the extension would take if they were where they say."""
    monkeypatch.setattr(causal_conv, "extension", lambda device: stand_in)
    monkeypatch.setattr(
        causal_conv, "is_watched", lambda x: _get_current_dispatch_mode() is not None
    )
    return lambda dtype: OnGPU(torch.zeros(1, 30, 16, dtype=dtype))


def test_tokens_on_the_cpu_do_not_go_there(tokens):
    assert causal_conv.fits(tokens(torch.float32), 4)
    assert not causal_conv.fits(torch.zeros(1, 30, 16), 4)


def test_nor_do_dtypes_that_it_does_not_know_nor_counted_ones(tokens):
    """What count_macs finds must not depend on what is installed."""
    assert causal_conv.fits(tokens(torch.bfloat16), 4)
    assert not causal_conv.fits(tokens(torch.float64), 4)
    counted = tokens(torch.float32)
    with FlopCounterMode(display=False):
        assert not causal_conv.fits(counted, 4)


@pytest.fixture
def installed(monkeypatch):
    """Call with a function to install it as causal-conv1d's; the device is the CPU."""

    def install(convolve):
        module = SimpleNamespace(causal_conv1d_fn=convolve)
        monkeypatch.setitem(sys.modules, "causal_conv1d", module)
        causal_conv.extension.cache_clear()
        return causal_conv.extension(torch.device("cpu"))

    yield install
    causal_conv.extension.cache_clear()


def test_one_that_works_is_taken_and_one_built_for_another_gpu_is_not(installed, caplog):
    assert installed(stand_in) is stand_in

    def broken(*args, **kwargs):
        raise RuntimeError("no kernel image is available for execution on the device")

    assert installed(broken) is None
    assert "no kernel image" in caplog.text


def test_a_full_gpu_does_not_decide_for_the_rest_of_the_session(installed):
    def crowded(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(torch.OutOfMemoryError):
        installed(crowded)
    assert installed(stand_in) is stand_in


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("act", ["silu", "gelu"])
@pytest.mark.parametrize("dim", [16, 20, 96])  # 20 is no multiple of eight
def test_on_a_gpu(act, dim, monkeypatch):
    if causal_conv.extension(torch.device("cuda")) is None:
        pytest.skip("causal-conv1d is not installed")
    torch.manual_seed(0)
    mixer = MambaMixer(dim, SSMambaConfig(act=act)).cuda()
    x = torch.randn(2, 30, dim, device="cuda")
    assert causal_conv.fits(mixer.in_proj(x).chunk(2, dim=-1)[0], 4) == (dim % 8 == 0)
    found = answers(mixer, x)
    monkeypatch.setattr(causal_conv, "fits", lambda tokens, width: False)
    for value, truth in zip(found, answers(mixer, x), strict=True):
        torch.testing.assert_close(value, truth, rtol=1e-3, atol=1e-4)
