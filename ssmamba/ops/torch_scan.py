"""The scan in plain torch operations: any device, any dtype, differentiable twice, compilable.

Letters and shapes as in ``reference.py``. Where one step has much work in it, a loop over the steps
is best; else neighbouring steps are merged in pairs, the half-long sequence is scanned in the same
way, and the steps between are filled in (Blelloch's scan): 2 log2(L) rounds on whole tensors. Each
factor is a product of decays, so nothing can overflow.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ssmamba.ops.eager import is_recorded

# From this many state elements in one step on, a loop is no slower on a CPU (measured on one thread
# at 192 x 16: 3.6 ms against 3.4; at 384 x 16: 1.2 against 1.7), and it needs less memory.
_LOOP_ELEMENTS = 6_000


def scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    delta_bias: Tensor | None,
    delta_softplus: bool,
    reverse: bool,
) -> tuple[Tensor, Tensor]:
    """Return (y, state), in float32 or, for float64 input, in float64."""
    dtype = torch.promote_types(u.dtype, torch.float32)
    with torch.autocast(u.device.type, enabled=False):
        u, delta, A, B, C = (x.to(dtype) for x in (u, delta, A, B, C))
        if delta_bias is not None:
            delta = delta + delta_bias.to(dtype)
        if delta_softplus:
            delta = F.softplus(delta)
        outputs, states = [], []
        for r in range(delta.shape[2]):
            y, state = _scan_one(
                u, delta[:, :, r], A[r], B[:, :, r], C[:, :, r], backwards=reverse != (r == 1)
            )
            outputs.append(y if D is None else torch.addcmul(y, u, D[r].to(dtype)))
            states.append(state)
        y = outputs[0] if len(outputs) == 1 else outputs[0] + outputs[1]
        return y, torch.stack(states, 1)


def prefers_loop(u: Tensor, N: int) -> bool:
    """Whether one step of this shape has enough work for a Python loop over the steps.

    What is recorded is for any batch, and has no thousands of steps one by one.
    """
    if is_recorded():
        return False
    batch, _, channels = u.shape
    return u.device.type == "cpu" and batch * channels * N > _LOOP_ELEMENTS


def _scan_one(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, *, backwards: bool
) -> tuple[Tensor, Tensor]:
    if backwards:
        u, delta, B, C = (x.flip(1) for x in (u, delta, B, C))
    decays = torch.exp(delta.unsqueeze(-1) * A)  # (batch, L, channels, N); ZOH, Mamba §3.2
    x = (delta * u).unsqueeze(-1) * B.unsqueeze(2)
    if u.shape[1] == 0:
        return torch.zeros_like(u), u.new_zeros(u.shape[0], u.shape[2], A.shape[1])
    h = _loop(decays, x) if prefers_loop(u, A.shape[1]) else _merge_pairs(decays, x)
    y = torch.matmul(h, C.unsqueeze(-1)).squeeze(-1)  # (batch, L, channels)
    return (y.flip(1) if backwards else y), h[:, -1]


def _loop(decays: Tensor, x: Tensor) -> Tensor:
    # unbind and not x[:, t]: the backward pass of indexing is quadratic in L
    steps = x.unbind(1)
    states = [steps[0]]
    for a, step in zip(decays.unbind(1)[1:], steps[1:], strict=True):
        states.append(torch.addcmul(step, a, states[-1]))
    return torch.stack(states, 1)


def _merge_pairs(decays: Tensor, x: Tensor) -> Tensor:
    """All states of h_t = decays_t h_{t-1} + x_t along axis 1."""
    L = x.shape[1]
    if L == 1:
        return x
    pairs = L // 2
    first, second = slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)
    merged = torch.addcmul(x[:, second], decays[:, second], x[:, first])
    odd = _merge_pairs(decays[:, first] * decays[:, second], merged)  # states after 1, 3, 5 ...
    later = torch.addcmul(x[:, 2::2], decays[:, 2::2], odd[:, : (L - 1) // 2])  # after 2, 4, 6 ...
    even = torch.cat([x[:, :1], later], 1)
    states = torch.stack([even[:, :pairs], odd], 2).flatten(1, 2)
    return states if L % 2 == 0 else torch.cat([states, even[:, -1:]], 1)
