"""The public functions: three layouts of one operation.

    h_t = exp(delta_t A) h_{t-1} + delta_t B_t u_t,   y_t = C_t h_t + D u_t      (Mamba §3.2)

u           the sequence                      delta       step sizes (before bias and softplus)
A           decay of each state, negative     delta_bias  added to delta before softplus
B           how input enters the state        D           direct path from u to y
C           how the state is read             z           gate: y * silu(z)
L steps, D or "channels" of them at once, N states each, G groups of channels that share B and C.

Dtypes: u, delta, B, C, z may be float32, bfloat16 or float16 (float64 runs in plain torch); y has
u's dtype. Decays, step sizes, state and gate are float32 in any case, under autocast too. The gate
is applied before y is rounded: by triton's kernels in both passes (the backward pass makes y before
the gate again), by cpu's where no gradients are wanted; elsewhere it is a product in torch, for
mamba_ssm and for cpu's gradients after y is rounded. Everything is differentiable in every tensor,
twice. A delta of -1e4 before softplus is a step of exactly 0: the state passes such a token
unchanged.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ssmamba.ops import low_rank, operator
from ssmamba.ops.function import Inputs, Options

ScanResult = Tensor | tuple[Tensor, Tensor]


_NAMES = ("u", "delta", "A", "B", "C", "D", "delta_bias")


def _expect(name: str, tensor: Tensor | None, shape: tuple[int, ...]) -> None:
    if tensor is not None and tensor.shape != shape:
        raise ValueError(f"{name} has shape {tuple(tensor.shape)}, expected {shape}")


def _check(inputs: Inputs, R: tuple[int, ...], rank: int | None = None) -> None:
    u, A = inputs[0], inputs[2]
    if u.dim() != 3:
        raise ValueError(f"u has shape {tuple(u.shape)}, expected (batch, L, channels)")
    batch, L, channels = u.shape
    delta = (batch, L, *R, channels if rank is None else rank)
    N, vector = A.shape[-1], (*R, channels)
    bc = (batch, L, *R, N)
    expected = ((batch, L, channels), delta, (*vector, N), bc, bc, vector, vector)
    for tensor, shape, name in zip(inputs, expected, _NAMES, strict=True):
        if tensor is not None and tensor.is_complex():
            raise ValueError(f"{name} is complex, and states are real here; give a real {name}")
        if tensor is not None and tensor.shape != shape:
            _expect(name, tensor, shape)


def selective_scan_channel_last(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = True,
    reverse: bool = False,
    *,
    z: Tensor | None = None,
    return_last_state: bool = False,
) -> ScanResult:
    """Scan a channel-last sequence in one direction.

    u, delta, z: (batch, L, channels); A: (channels, N); B, C: (batch, L, N), strided slices
    welcome; D, delta_bias: (channels,). ``reverse`` walks from the last step to the first.
    Returns y (batch, L, channels), with ``return_last_state`` also the state after the last step
    walked, (batch, channels, N) float32. Raises ValueError on shapes that do not fit.
    """
    inputs = (u, delta, A, B, C, D, delta_bias)
    _check(inputs, ())
    _expect("z", z, tuple(u.shape))
    y, state = operator.run(inputs, Options(delta_softplus, reverse, z), return_last_state)
    return (y, state[:, 0]) if return_last_state else y


def bidirectional_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = True,
    *,
    delta_weight: Tensor | None = None,
) -> Tensor:
    """Scan one sequence both ways, with parameters for each, and add the results.

    u: (batch, L, channels); delta: (batch, L, 2, channels); A: (2, channels, N); B, C:
    (batch, L, 2, N), strided views welcome; D, delta_bias: (2, channels). Index 0 is the forward
    direction, 1 the backward one. Returns y_forward + y_backward, (batch, L, channels); SSMamba's
    DMS divides it by 2, as Vim does. With ``delta_weight``, (2, channels, rank), delta comes in as
    (batch, L, 2, rank), before its product with that (see ``low_rank.py``). Raises ValueError on
    shapes that do not fit.
    """
    rank = None if delta_weight is None else delta_weight.shape[-1]
    inputs = (u, delta, A, B, C, D, delta_bias)
    _check(inputs, (2,), rank)
    if delta_weight is None:
        return operator.run(inputs, Options(delta_softplus, reverse=False), want_state=False)[0]
    _expect("delta_weight", delta_weight, (2, u.shape[2], delta_weight.shape[-1]))
    return low_rank.run(inputs, delta_weight, delta_softplus)


def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = True,
    reverse: bool = False,
    *,
    z: Tensor | None = None,
    return_last_state: bool = False,
) -> ScanResult:
    """Scan in mamba-ssm's layout: time is the last axis.

    u, delta, z: (batch, channels, L); A: (channels, N); B, C: (batch, N, L), or (batch, G, N, L)
    where channels come in G groups; D, delta_bias: (channels,). Returns y (batch, channels, L),
    with ``return_last_state`` also the state (batch, channels, N). Prefer
    ``selective_scan_channel_last``: this door transposes. Raises ValueError on unfit shapes.
    """
    groups = B.shape[1] if B.dim() == 4 else 1
    if u.dim() != 3 or B.dim() not in (3, 4) or C.shape != B.shape or u.shape[1] % groups:
        raise ValueError(
            f"u {tuple(u.shape)}, B {tuple(B.shape)}, C {tuple(C.shape)}: expected "
            "(batch, channels, L) and twice (batch, G, N, L) with G a divisor of channels"
        )
    if B.dim() == 3:
        result = selective_scan_channel_last(
            *(u.mT, delta.mT, A, B.mT, C.mT, D, delta_bias, delta_softplus, reverse),
            z=None if z is None else z.mT,
            return_last_state=return_last_state,
        )
        if isinstance(result, tuple):
            return result[0].mT.contiguous(), result[1]
        return result.mT.contiguous()
    width = u.shape[1] // groups
    results = []
    for g in range(groups):
        part = slice(g * width, (g + 1) * width)
        result = selective_scan(
            *(u[:, part], delta[:, part], A[part], B[:, g], C[:, g]),
            None if D is None else D[part],
            None if delta_bias is None else delta_bias[part],
            delta_softplus,
            reverse,
            z=None if z is None else z[:, part],
            return_last_state=return_last_state,
        )
        results.append(result if isinstance(result, tuple) else (result, result))
    y = torch.cat([result[0] for result in results], 1)
    return (y, torch.cat([result[1] for result in results], 1)) if return_last_state else y
