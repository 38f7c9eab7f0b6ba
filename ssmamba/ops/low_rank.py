"""Step sizes of low rank: delta = W dt, made on the way where the backend can.

dt  (batch, L, R, rank)  what an input projection gives (Mamba §3.6: rank is about width / 32)
W   (R, channels, rank)

Without gradients the CPU kernels take dt and W and make the 16 channels of delta that they need at
each step: nothing of delta's size, (batch, L, R, channels), is written or read. Elsewhere, and for
training, delta is one matrix product.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ssmamba.ops import dispatch, function, operator
from ssmamba.ops.eager import is_recorded, is_transformed, is_watched
from ssmamba.ops.linear import linear


def project_delta(dt: Tensor, weight: Tensor) -> Tensor:
    """(batch, L, R, rank) and (R, channels, rank) -> delta (batch, L, R, channels), float32."""
    groups = weight.shape[0]
    matrix = torch.block_diag(*weight.unbind(0)) if groups > 1 else weight[0]
    with torch.autocast(dt.device.type, enabled=False):
        delta = linear(dt.flatten(2).float(), matrix.float())
    return delta.unflatten(-1, (groups, weight.shape[1]))


def run(inputs: function.Inputs, weight: Tensor, softplus: bool) -> Tensor:
    """y of a canonical scan whose second input is dt instead of delta."""
    u = inputs[0]
    aside = is_watched(u) or is_transformed() or is_recorded()
    if not (aside or function.wants_gradients(weight, *inputs)):
        kernels = dispatch.kernels_for(u)
        forward = getattr(kernels, "forward_low_rank", None)
        if forward is not None:
            y: Tensor = forward(inputs, weight, softplus)
            return y
    u, dt, A, B, C, D, delta_bias = inputs
    delta = project_delta(dt, weight)
    options = function.Options(softplus, reverse=False)
    return operator.run((u, delta, A, B, C, D, delta_bias), options, want_state=False)[0]
