"""The paper's two modules against its equations, written out with plain torch operations."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ssmamba.config import SSMambaConfig
from ssmamba.layers.local import LPR
from ssmamba.layers.mixers import DMS
from tests.ssmamba.layers.test_inference import both_ways, trained_norms
from tests.ssmamba.layers.test_mixers import DIM, STATES, recurrence

CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def batch_norm(x: torch.Tensor, norm: nn.BatchNorm2d) -> torch.Tensor:
    """(B, C, H, W) by the running statistics."""
    mean, variance, weight, bias = (
        values.view(1, -1, 1, 1)
        for values in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    return (x - mean) / (variance + norm.eps).sqrt() * weight + bias


def test_lpr_is_equations_6_to_8():
    torch.manual_seed(0)
    lpr = trained_norms(LPR(12)).eval()
    squeeze, norm6, _, depthwise, norm7, _, expand = lpr.body
    x = torch.randn(2, 5, 7, 12)  # X', (B, H, W, C)
    with torch.no_grad():
        given = x.permute(0, 3, 1, 2)
        x1 = batch_norm(F.conv2d(given, squeeze.weight), norm6).relu()  # Eq. 6
        around = F.pad(x1, (1, 1, 1, 1))  # the border of Eq. 7's convolution is zero
        x_dw = torch.zeros_like(x1)
        for row in range(3):
            for column in range(3):
                weight = depthwise.weight[:, 0, row, column].view(1, -1, 1, 1)
                x_dw += weight * around[:, :, row : row + 5, column : column + 7]
        x_dw = batch_norm(x_dw, norm7)  # Eq. 7
        final = F.conv2d(x_dw.relu(), expand.weight, expand.bias) + given  # Eq. 8
    for found in both_ways(lpr, x):
        torch.testing.assert_close(found.permute(0, 3, 1, 2), final, **CLOSE)


@pytest.mark.parametrize("act", ["silu", "gelu"])
@pytest.mark.parametrize("tokens", [1, 6])
def test_dms_is_equations_3_to_5(act, tokens, monkeypatch):
    """Eq. 5's scan goes both ways; the mean of the two directions, as in Vim."""
    monkeypatch.setenv("SSMAMBA_SCAN", "reference")
    torch.manual_seed(0)
    config = SSMambaConfig(dims=(2 * DIM,) * 4, d_state=STATES, act=act)
    dms, sigma = DMS(2 * DIM, config), getattr(F, act)
    with torch.no_grad():
        dms.params[0].D.normal_()
    x_in = torch.randn(1, tokens, 2 * DIM)
    with torch.no_grad():
        to_scan, to_conv = dms.in_proj.weight.split(DIM)  # the two Linear(C -> C/2) of Eqs. 4, 5
        scan_bias, conv_bias = dms.in_proj.bias.split(DIM)
        x = F.linear(x_in, to_scan, scan_bias).mT
        depthwise, regular = dms.depthwise[0], dms.regular[0]
        x = F.conv1d(x, depthwise.weight, depthwise.bias, padding=1, groups=DIM).mT  # Eq. 3
        x = sigma(F.linear(x, dms.pointwise.weight, dms.pointwise.bias))
        x2 = F.linear(x_in, to_conv, conv_bias).mT
        x2 = sigma(F.conv1d(x2, regular.weight, regular.bias, padding=1).mT)  # Eq. 4
        forwards = [(0, token) for token in range(tokens)]
        x1 = sum(
            recurrence(dms, dms.params[0], direction, x, places)
            for direction, places in ((0, forwards), (1, forwards[::-1]))
        )
        both = torch.cat([x1 / 2, x2], dim=2)
        x_out = F.linear(both, dms.out_proj.weight, dms.out_proj.bias)  # Eq. 5
    for found in both_ways(dms, x_in, (1, tokens)):
        torch.testing.assert_close(found, x_out, **CLOSE)
