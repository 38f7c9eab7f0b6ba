"""mamba-ssm's compiled scan behind the canonical form, without importing ``mamba_ssm``.

``import mamba_ssm`` pulls in much that a viewer does not have; the extension that it builds,
``selective_scan_cuda``, stands alone. It wants (batch, channels, L) with L contiguous, one dtype
for u, delta, B and C, float32 for A, D and the bias, and N <= 256. Two directions become one
launch: channels side by side, B and C in two groups. Its backward pass adds with atomics, so
gradients differ in the last bits from run to run.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ssmamba.ops.function import (
    Gradients,
    Inputs,
    Options,
    Outputs,
    canonical,
    gate,
    recomputed_gradients,
)

GATES_BACKWARD = False
_STEPS_PER_BLOCK = 2048
_MOST_STATES = 256


def _extension() -> Any:
    import selective_scan_cuda

    return selective_scan_cuda


def _is_backwards(r: int, reverse: bool) -> bool:
    return reverse != (r == 1)


def _sides(parts: list[Tensor], reverse: bool) -> Tensor:
    """(batch, L, x) for each direction -> (batch, R, x, L)."""
    turned = [x.flip(1) if _is_backwards(r, reverse) else x for r, x in enumerate(parts)]
    return torch.stack([x.transpose(1, 2) for x in turned], 1).contiguous()


def _unsides(x: Tensor, reverse: bool) -> Tensor:
    """(batch, R, x, L) -> (batch, L, R, x)."""
    parts = [p.flip(-1) if _is_backwards(r, reverse) else p for r, p in enumerate(x.unbind(1))]
    return torch.stack(parts, 1).permute(0, 3, 1, 2)


def _turn(inputs: Inputs, reverse: bool) -> Inputs:
    """Channels first, both directions side by side, each in its own order of time.

    u, delta (batch, R * channels, L), A (R * channels, N), B, C (batch, R, N, L), D and delta_bias
    (R * channels,) or None.
    """
    u, delta, A, B, C, D, delta_bias = (None if x is None else x.detach() for x in inputs)
    assert u is not None and delta is not None and A is not None and B is not None and C is not None
    R, N = A.shape[0], A.shape[2]
    if N > _MOST_STATES:
        raise ValueError(f"mamba_ssm takes at most {_MOST_STATES} states, not {N}")
    delta, B, C = (x.to(u.dtype) for x in (delta, B, C))
    return (
        _sides([u] * R, reverse).flatten(1, 2),
        _sides(list(delta.unbind(2)), reverse).flatten(1, 2),
        A.float().flatten(0, 1).contiguous(),
        _sides(list(B.unbind(2)), reverse),
        _sides(list(C.unbind(2)), reverse),
        None if D is None else D.float().flatten().contiguous(),
        None if delta_bias is None else delta_bias.float().flatten().contiguous(),
    )


def kept_shape(u: Tensor, A: Tensor) -> tuple[int, ...]:
    """(batch, R * channels, blocks of steps, 2 N): the extension's own states between blocks."""
    batch, L, channels = u.shape
    return batch, A.shape[0] * channels, -(-L // _STEPS_PER_BLOCK), 2 * A.shape[2]


def forward(inputs: Inputs, options: Options, *, keep: bool, want_state: bool) -> Outputs:
    """Return y (u's dtype), the last state, and the extension's states (empty unless wanted)."""
    inputs = canonical(inputs)
    u, A = inputs[0], inputs[2]
    batch, _, channels = u.shape
    R, _, N = A.shape
    shape = list(kept_shape(u, A))
    if not keep:
        shape[2] = 0
    state = torch.zeros(
        batch if want_state else 0, R, channels, N, device=u.device, dtype=torch.float32
    )
    if u.numel() == 0:
        return torch.empty_like(u), state, u.new_empty(shape, dtype=torch.float32)
    softplus, reverse, z = options
    *turned, bias = _turn(inputs, reverse)
    out, states, *_ = _extension().fwd(*turned, None, bias, softplus)
    y = gate(_unsides(out.unflatten(1, (R, channels)), reverse).sum(2).contiguous(), z)
    if want_state:
        state = states[:, :, -1, 1::2].unflatten(1, (R, channels)).contiguous()
    return y, state, states if keep else u.new_empty(shape, dtype=torch.float32)


def backward(
    inputs: Inputs, options: Options, kept: Tensor, grad_y: Tensor, grad_state: Tensor | None
) -> Gradients:
    """Gradients of the seven inputs; through plain torch where the state has a gradient."""
    inputs = canonical(inputs)
    u, A = inputs[0], inputs[2]
    R, channels, _ = A.shape
    if grad_state is not None or u.numel() == 0:
        return recomputed_gradients(inputs, options, grad_y, grad_state)
    softplus, reverse, _ = options
    *turned, bias = _turn(inputs, reverse)
    grad_out = _sides([grad_y.to(u.dtype)] * R, reverse).flatten(1, 2)
    grad_u, grad_delta, grad_A, grad_B, grad_C, grad_D, grad_bias, *_ = _extension().bwd(
        *(*turned, None, bias, grad_out, kept, None, None, softplus, False),
    )
    nothing = A.new_zeros(R, channels)
    return (
        _unsides(grad_u.unflatten(1, (R, channels)), reverse).sum(2),
        _unsides(grad_delta.unflatten(1, (R, channels)), reverse),
        grad_A.unflatten(0, (R, channels)),
        _unsides(grad_B, reverse),
        _unsides(grad_C, reverse),
        nothing if inputs[5] is None else grad_D.view(R, channels),
        nothing if inputs[6] is None else grad_bias.view(R, channels),
        None,
    )
