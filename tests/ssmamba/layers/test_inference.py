"""Layers take shorter ways where nothing is differentiated; the answers must be the same."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ssmamba.config import SSMambaConfig
from ssmamba.layers.linear import PatchConv
from ssmamba.layers.local import LPR
from ssmamba.layers.sequence_conv import SequenceConv
from ssmamba.models import SSMamba


def both_ways(module, *args):
    """The output with gradients recorded and without."""
    with torch.enable_grad():
        recorded = module(*args).detach()
    with torch.inference_mode():
        return recorded, module(*args)


def trained_norms(module):
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean)
            nn.init.uniform_(part.running_var, 0.2, 3.0)
            nn.init.normal_(part.weight)
            nn.init.normal_(part.bias)
    return module


def test_lpr_with_its_norms_folded_in():
    torch.manual_seed(0)
    lpr = trained_norms(LPR(24)).eval()
    torch.testing.assert_close(*both_ways(lpr, torch.randn(2, 9, 7, 24)), rtol=1e-4, atol=1e-5)


def test_lpr_gathers_statistics_without_gradients():
    """As when BatchNorm is re-estimated: only the norms are in training mode."""
    lpr = LPR(24).eval()
    for part in lpr.modules():
        part.train(isinstance(part, nn.BatchNorm2d))
    with torch.no_grad():
        lpr(torch.randn(2, 9, 7, 24))
    assert all(p.running_mean.any() for p in lpr.modules() if isinstance(p, nn.BatchNorm2d))


@pytest.mark.parametrize("width", [1, 3, 5])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("tokens", [1, 2, 30, 200])
@pytest.mark.parametrize("depthwise", [False, True])
def test_convolution_of_a_sequence(width, causal, tokens, depthwise):
    """Few tokens go through a product; the truth is torch's Conv1d."""
    torch.manual_seed(0)
    conv = SequenceConv(32, width, groups=32 if depthwise else 1, causal=causal).eval()
    x = torch.randn(2, tokens, 64)[..., 32:]  # a slice, as DMS has
    before = width - 1 if causal else width // 2
    padded = nn.functional.pad(x.transpose(1, 2), (before, width - 1 - before))
    expected = nn.functional.conv1d(padded, conv.weight, conv.bias, groups=conv.groups)
    for found in both_ways(conv, x):
        torch.testing.assert_close(found, expected.transpose(1, 2), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("side", [4, 16])
def test_convolution_of_patches(side):
    torch.manual_seed(0)
    conv = PatchConv(48, 20, 2).eval()
    x = torch.randn(1, 2 * side, side, 48)
    expected = nn.functional.conv2d(x.permute(0, 3, 1, 2), conv.weight, conv.bias, stride=2)
    for found in both_ways(conv, x):
        torch.testing.assert_close(found.permute(0, 3, 1, 2), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mixer", ["dms", "mamba", "ss2d"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"column_scans": True, "pool": "both", "mlp_ratio": 2.0},
        {"column_scans": True, "local_every_block": True, "overlap": True},
        {"alternate_scans": True, "scan_norm": True, "pool": "both"},
        {"batch_norm": True, "overlap": True},
        {"batch_norm": True, "deep_stem": True},
    ],
)
@pytest.mark.parametrize("side", [64, 52])
def test_whole_models_with_and_without_gradients(mixer, changes, side):
    torch.manual_seed(0)
    config = SSMambaConfig(
        dims=(16, 32, 48, 64), depths=(1, 1, 2, 2), d_state=4, mixer=mixer, **changes
    )
    model = trained_norms(SSMamba(config, num_classes=3)).eval()
    image = torch.randn(2, 3, side, side)
    before = image.clone()
    torch.testing.assert_close(*both_ways(model, image), rtol=1e-3, atol=1e-4)
    assert torch.equal(image, before)
