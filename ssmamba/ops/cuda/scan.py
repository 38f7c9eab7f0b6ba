"""Tensors in, Triton kernels, tensors out: the scan on CUDA without autograd.

Letters and shapes as in ``ops/reference.py``; float32 inside whatever comes in.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from functools import lru_cache, wraps
from typing import Any, NamedTuple, TypeVar, cast

import torch
from torch import Tensor

from ssmamba.ops.cuda import kernels
from ssmamba.ops.function import Gradients, Inputs, Options, Outputs, canonical

GATES_BACKWARD = True
Pass = TypeVar("Pass", bound=Callable[..., Any])


def _on_its_device(run: Pass) -> Pass:
    """A pass whose first argument is the inputs: Triton launches on the *current* device."""

    @wraps(run)
    def guarded(inputs: Inputs, *args: Any, **kwargs: Any) -> Any:
        u = inputs[0]
        with torch.cuda.device(u.device) if u.is_cuda else nullcontext():
            return run(inputs, *args, **kwargs)

    return cast(Pass, guarded)


class Configuration(NamedTuple):
    """A program's T steps x BD channels; pass_states takes TC tiles x BE states at a time."""

    T: int
    BD: int
    TC: int = 64
    BE: int = 32
    segment: int = 1024  # more tiles than this are passed in two levels


TILE = 512  # elements of a tile: one warp, 16 in each thread, so that a scan needs no barrier


def _power_of_two(n: int) -> int:
    return 1 << max(0, n - 1).bit_length()


@lru_cache
def configuration(L: int, channels: int) -> Configuration:
    """By shape, and by shape alone, so that runs repeat bit by bit.

    Short sequences are one tile (no passing of states), wide ones get tiles of 32 steps, narrow
    ones (Pixel-Mamba's first layers) of up to 128.
    """
    if L <= 64:
        T = max(16, _power_of_two(L))
    else:
        T = min(128, TILE // min(16, _power_of_two(channels)))
    return Configuration(T, min(_power_of_two(channels), TILE // T))


def _row_contiguous(x: Tensor) -> Tensor:
    x = x.detach()
    return x if x.stride(-1) == 1 else x.contiguous()


class _Problem:
    """Prepared inputs and what every launch has in common."""

    def __init__(self, inputs: Inputs, options: Options) -> None:
        u, delta, A, B, C, D, delta_bias = canonical(inputs)
        softplus, reverse, z = options
        self.u, self.delta, self.B, self.C = (_row_contiguous(x) for x in (u, delta, B, C))
        self.z = None if z is None else _row_contiguous(z)
        self.A = A.detach().float().contiguous()
        self.D, self.bias = (
            None if x is None else x.detach().float().contiguous() for x in (D, delta_bias)
        )
        self.batch, self.L, self.channels = u.shape
        self.R, _, self.N = A.shape
        self.reverse = reverse
        self.config = configuration(self.L, self.channels)
        self.tiles = -(-self.L // self.config.T)
        self.blocks = -(-self.channels // self.config.BD)
        self.grid = (self.tiles, self.blocks, self.batch)
        self.flags: dict[str, Any] = {
            "T": self.config.T,
            "BD": self.config.BD,
            "R": self.R,
            "REVERSE": reverse,
            "HAS_BIAS": delta_bias is not None,
            "SOFTPLUS": softplus,
            "HAS_GATE": z is not None,
            "num_warps": 1,
            "enable_fp_fusion": True,
        }

    def empty(self, *shape: int) -> Tensor:
        return torch.empty(shape, dtype=torch.float32, device=self.u.device)

    def tile_states(self, *, x: Tensor, weights: Tensor, gradient: bool) -> tuple[Tensor, Tensor]:
        ends = self.empty(self.batch, self.R, self.tiles, self.N, self.channels)
        totals = self.empty(self.batch, self.R, self.tiles, self.channels)
        kernels.tile_states[self.grid](
            *(x, self.delta, self.A, weights, self._or_u(self.bias), self._or_u(self.z)),
            *(ends, totals),
            *(self.L, self.channels, self.tiles, self.N),
            *(*x.stride()[:2], *self.delta.stride()[:3], *weights.stride()[:3]),
            *self._or_u(self.z).stride()[:2],
            **self.flags,
            GRADIENT=gradient,
        )
        return ends, totals

    def pass_states(
        self, ends: Tensor, totals: Tensor, first: Tensor | None, reverse: bool
    ) -> tuple[Tensor, Tensor]:
        """First states of all tiles, and the state after them; layout (batch, R, [tiles,] N, d)."""
        tiles, limit = ends.shape[2], self.config.segment
        if tiles <= limit:
            starts, last, _ = self._pass_segments(ends, totals, first, reverse, tiles, keep=True)
            return starts, last[:, :, 0]
        segment = max(self.config.TC, math.isqrt(tiles))
        _, over, sums = self._pass_segments(ends, totals, None, reverse, segment, keep=False)
        first, last = self.pass_states(over, sums, first, reverse)
        starts, _, _ = self._pass_segments(ends, totals, first, reverse, segment, keep=True)
        return starts, last

    def _pass_segments(
        self,
        ends: Tensor,
        totals: Tensor,
        first: Tensor | None,
        reverse: bool,
        segment: int,
        *,
        keep: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        tiles = ends.shape[2]
        segments, lanes, BE = -(-tiles // segment), self.N * self.channels, self.config.BE
        starts = torch.empty_like(ends) if keep else ends
        last = self.empty(self.batch, self.R, segments, self.N, self.channels)
        sums = self.empty(self.batch, self.R, segments, self.channels)
        kernels.pass_states[(-(-lanes // BE), self.batch * self.R, segments)](
            *(ends, totals, self.A, self._or_u(first), starts, last, sums),
            *(self.channels, tiles, segment, self.N),
            TC=min(self.config.TC, _power_of_two(segment)),
            BE=BE,
            R=self.R,
            REVERSE=reverse,
            HAS_FIRST=first is not None,
            KEEP_STARTS=keep,
            num_warps=4,
            enable_fp_fusion=True,
        )
        return starts, last, sums

    def _or_u(self, tensor: Tensor | None) -> Tensor:
        return self.u if tensor is None else tensor  # a pointer that is never read

    def arguments(self) -> tuple[Any, ...]:
        return (
            *(self.u, self.delta, self.A, self.B, self.C),
            *(self._or_u(self.D), self._or_u(self.bias), self._or_u(self.z)),
        )

    def strides(self) -> tuple[int, ...]:
        delta, B, C = (x.stride()[:3] for x in (self.delta, self.B, self.C))
        return (*self.u.stride()[:2], *delta, *B, *C, *self._or_u(self.z).stride()[:2])


def kept_shape(u: Tensor, A: Tensor) -> tuple[int, ...]:
    """(batch, R, tiles, N * channels): the state at the start of each tile."""
    batch, L, channels = u.shape
    R, _, N = A.shape
    tiles = -(-L // configuration(int(L), int(channels)).T)
    return batch, R, tiles, N * channels


@_on_its_device
def forward(inputs: Inputs, options: Options, *, keep: bool, want_state: bool) -> Outputs:
    """Return y (u's dtype), the last state, and the tiles' first states (empty unless wanted)."""
    p = _Problem(inputs, options)
    y = torch.empty(p.u.shape, dtype=p.u.dtype, device=p.u.device)
    state = p.empty(p.batch if want_state else 0, p.R, p.channels, p.N)
    kept = list(kept_shape(p.u, p.A))
    if p.u.numel() == 0:
        return y, state.zero_(), p.empty(*kept) if keep else p.empty(*kept[:2], 0, kept[3])
    starts = None
    if p.tiles > 1 or want_state:
        ends, totals = p.tile_states(x=p.u, weights=p.B, gradient=False)
        starts, last = p.pass_states(ends, totals, None, p.reverse)
        state = last.transpose(2, 3).contiguous() if want_state else state
    several = p.tiles > 1
    kernels.tile_outputs[p.grid](
        *(*p.arguments(), starts if starts is not None else p.u, y),
        *(p.L, p.channels, p.tiles, p.N, *p.strides()),
        **p.flags,
        HAS_D=p.D is not None,
        HAS_STARTS=several,
    )
    if not keep:
        return y, state, p.empty(*kept[:2], 0, kept[3])
    return y, state, starts.view(kept) if several and starts is not None else p.empty(*kept)


@_on_its_device
def backward(
    inputs: Inputs, options: Options, kept: Tensor, grad_y: Tensor, grad_state: Tensor | None
) -> Gradients:
    """Gradients of the seven inputs, and of z where y was gated, in float32."""
    p = _Problem(inputs, options)
    if p.u.numel() == 0:
        A, vector = p.A, p.A[..., 0]
        tensors = (p.u, p.delta, A, p.B, p.C, vector, vector, p.u)
        *zeros, grad_z = (torch.zeros_like(x, dtype=torch.float32) for x in tensors)
        return cast(Gradients, (*zeros, None if p.z is None else grad_z))
    grad_y = _row_contiguous(grad_y)
    carries = None
    if p.tiles > 1 or grad_state is not None:
        ends, totals = p.tile_states(x=grad_y, weights=p.C, gradient=True)
        first = None if grad_state is None else grad_state.float().transpose(2, 3).contiguous()
        carries, _ = p.pass_states(ends, totals, first, not p.reverse)
    grad_u = p.empty(p.batch, p.L, p.channels)
    grad_delta = p.empty(p.batch, p.L, p.R, p.channels)
    grad_A = p.empty(p.batch, p.R, p.tiles, p.N, p.channels)
    grad_B, grad_C = (p.empty(p.blocks, p.batch, p.L, p.R, p.N) for _ in range(2))
    grad_D, grad_bias = (p.empty(p.batch, p.R, p.tiles, p.channels) for _ in range(2))
    grad_z = p.empty(p.batch if p.z is not None else 0, p.L, p.channels)
    kernels.tile_gradients[p.grid](
        *(*p.arguments(), grad_y, kept, carries if carries is not None else p.u),
        *(grad_u, grad_delta, grad_A, grad_B, grad_C, grad_D, grad_bias, grad_z),
        *(p.batch, p.L, p.channels, p.tiles, p.N, *p.strides(), *grad_y.stride()[:2]),
        **p.flags,
        HAS_D=p.D is not None,
        HAS_STARTS=p.tiles > 1,
        HAS_CARRIES=carries is not None,
    )
    return (
        grad_u,
        grad_delta,
        grad_A.sum((0, 2)).transpose(1, 2),
        grad_B.sum(0),
        grad_C.sum(0),
        grad_D.sum((0, 2)),
        grad_bias.sum((0, 2)),
        None if p.z is None else grad_z,
    )
