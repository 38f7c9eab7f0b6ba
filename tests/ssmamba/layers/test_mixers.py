"""SS2D against VMamba's definition, written out place by place."""

import pytest
import torch
from torch import nn

from ssmamba.config import SSMambaConfig
from ssmamba.layers.mixers import SS2D, MambaMixer
from ssmamba.ops import selective_scan_channel_last

HEIGHT, WIDTH, DIM, STATES = 3, 4, 8, 2


def recurrence(module, params, direction: int, u: torch.Tensor, places: list) -> torch.Tensor:
    """One selective scan over an image (H, W, C) along a list of places (Mamba §3.2)."""
    rank, groups = params.rank, params.directions
    weight = params.x_proj.weight
    dt_rows = weight[direction * rank : (direction + 1) * rank]
    start = groups * rank + direction * 2 * STATES
    b_rows, c_rows = weight[start : start + 2 * STATES].split(STATES)
    decay = -params.A_log[direction].exp()
    state, out = torch.zeros(DIM, STATES, dtype=u.dtype), torch.zeros_like(u)
    for row, column in places:
        x = u[row, column]
        delta = nn.functional.softplus(
            params.dt_weight[direction] @ (dt_rows @ x) + params.dt_bias[direction]
        )
        state = (delta[:, None] * decay).exp() * state + (delta * x)[:, None] * (b_rows @ x)
        out[row, column] = state @ (c_rows @ x) + params.D[direction] * x
    return out


@pytest.mark.parametrize("act", ["silu", "gelu"])
def test_ss2d_is_vmambas_four_way_cross_scan(act, monkeypatch):
    monkeypatch.setenv("SSMAMBA_SCAN", "reference")
    torch.manual_seed(0)
    config = SSMambaConfig(dims=(DIM,) * 4, mixer="ss2d", d_state=STATES, act=act)
    module = SS2D(DIM, config)
    with torch.no_grad():
        for params in (module.rows, module.columns):
            params.D.normal_()
        module.norm.weight.normal_()
    x = torch.randn(1, HEIGHT * WIDTH, DIM)
    activation = {"silu": nn.functional.silu, "gelu": nn.functional.gelu}[act]

    with torch.inference_mode():
        u, z = module.in_proj(x).chunk(2, -1)
        image = module.conv(u.view(1, HEIGHT, WIDTH, DIM).permute(0, 3, 1, 2))[0]
        u = activation(image.permute(1, 2, 0))
        by_rows = [(r, c) for r in range(HEIGHT) for c in range(WIDTH)]
        by_columns = [(r, c) for c in range(WIDTH) for r in range(HEIGHT)]
        merged = sum(
            recurrence(module, params, direction, u, places)
            for params, order in ((module.rows, by_rows), (module.columns, by_columns))
            for direction, places in ((0, order), (1, order[::-1]))
        )
        normed = module.norm(merged.view(1, -1, DIM) / 2)  # the norm makes the factor idle
        expected = module.out_proj(normed * activation(z))
        found = module(x, (HEIGHT, WIDTH))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("act", ["silu", "gelu"])
def test_the_original_mamba_block_is_gated_by_its_activation(act):
    """SiLU within the scan, any other activation behind it."""
    mixer = MambaMixer(24, SSMambaConfig(act=act))
    x = torch.randn(2, 15, 24)
    function = getattr(nn.functional, act)
    u, z = mixer.in_proj(x).chunk(2, dim=-1)
    u = function(mixer.conv(u))
    p = mixer.params
    dt, b, c = p(u)
    delta = p.delta(dt)[:, :, 0]
    y = selective_scan_channel_last(u, delta, p.A[0], b[:, :, 0], c[:, :, 0], p.D[0], p.dt_bias[0])
    expected = mixer.out_proj(y * function(z))
    torch.testing.assert_close(mixer(x, (3, 5)), expected)
    with torch.no_grad():
        torch.testing.assert_close(mixer(x, (3, 5)), expected)
