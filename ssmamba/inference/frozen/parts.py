"""SSMamba's layers with fixed weights; each works on the stream in the dtype that it is told."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssmamba.inference.frozen.products import Conv, Dense
from ssmamba.inference.frozen.stream import Norm, Stream
from ssmamba.layers.local import (
    LPR,
    ConvDownsample,
    DeepStem,
    OverlapDownsample,
    Stem,
    folded,
    whole_patches,
)
from ssmamba.layers.mixers import DMS, silu
from ssmamba.layers.scan_params import ScanParameters
from ssmamba.layers.sequence_conv import SequenceConv
from ssmamba.ops.cpu import passes
from ssmamba.ops.cpu.scan import forward_low_rank


def batch_normed(conv: nn.Conv2d, norm: nn.Module, act: str = "none") -> Conv:
    """A convolution with its BatchNorm inside."""
    assert isinstance(norm, nn.BatchNorm2d)
    weight, bias = folded(conv.weight, norm, conv.bias)
    return Conv(weight, bias, stride=conv.stride, padding=conv.padding, groups=conv.groups, act=act)


class FrozenLPR:
    """Eqs. 6-8; the input is added by the stream."""

    def __init__(self, lpr: LPR) -> None:
        squeeze, norm, _, depthwise, second, _, expand = lpr.body
        weight, bias = folded(squeeze.weight.flatten(1), norm)  # type: ignore[arg-type, operator, union-attr]
        self.squeeze = Dense(weight, bias, "relu")  # Eq. 6
        self.depthwise = batch_normed(depthwise, second, "relu")  # type: ignore[arg-type]
        self.expand = Dense(expand.weight.flatten(1), expand.bias)  # type: ignore[arg-type, operator, union-attr]

    def __call__(self, stream: Stream, dtype: torch.dtype) -> Tensor:
        return self.expand(self.depthwise(self.squeeze(stream.read(dtype))))


class FrozenDMS:
    """Eqs. 3-5 behind the block's norm."""

    def __init__(self, norm: nn.LayerNorm, dms: DMS) -> None:
        self.norm = Norm(norm)
        half = dms.pointwise.in_features
        weight, bias = dms.in_proj.weight, dms.in_proj.bias
        self.first, self.second = (
            Dense(weight[:half], bias[:half]),
            Dense(weight[half:], bias[half:]),
        )
        self.depthwise, self.regular = (_along(convs[0]) for convs in (dms.depthwise, dms.regular))
        self.pointwise = Dense(dms.pointwise.weight, dms.pointwise.bias)
        self.out = Dense(dms.out_proj.weight, dms.out_proj.bias)
        self.scan = FrozenScan(dms.params[0])  # type: ignore[arg-type]

    @staticmethod
    def fits(mixer: nn.Module) -> bool:
        return (
            isinstance(mixer, DMS)
            and mixer.act is silu
            and len(mixer.depthwise) == len(mixer.params) == 1
            and isinstance(mixer.norm, nn.Identity)
        )

    def branches(self, stream: Stream, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Both branches before their activations, (B, 1, L, C/2)."""
        x = stream.read(dtype, self.norm).flatten(1, 2).unsqueeze(1)
        return self.pointwise(self.depthwise(self.first(x))), self.regular(self.second(x))

    def joined(self, x1: Tensor, x2: Tensor, dtype: torch.dtype) -> Tensor:
        """Eq. 5 of the branches' sums, (B, L, C)."""
        u = torch.empty(x1.shape[0], x1.shape[2], x1.shape[3])
        passes.run(passes.SILU, x1, out=u)
        y = self.scan(u)
        half = u.shape[-1]
        both = torch.empty(*u.shape[:2], 2 * half, dtype=dtype)
        passes.run(passes.IDENTITY, y, out=both[..., :half])
        passes.run(passes.SILU, x2, out=both[..., half:])
        return self.out(both)


class FrozenScan:
    """The two-way scan with its input-dependent parameters; the mean of both directions."""

    def __init__(self, params: ScanParameters) -> None:
        groups, rank, states = params.directions, params.rank, params.states
        self._shape = groups, rank, states
        weight = params.x_proj.weight.detach().float().clone()
        maps = weight[groups * rank :].view(groups, 2 * states, -1)
        maps[:, states:] *= 0.5  # C, and D below: halved sums are sums of halves, bit by bit
        self._project = Dense(weight, None)  # delta's path stays in float32
        self._A, self._D = params.A.detach().contiguous(), params.D.detach().float() * 0.5
        self._bias = params.dt_bias.detach().float()
        self._weight = params.dt_weight.detach().float()

    def __call__(self, u: Tensor) -> Tensor:
        groups, rank, states = self._shape
        dt, bc = self._project(u).split([groups * rank, groups * 2 * states], dim=-1)
        bc = bc.unflatten(-1, (groups, 2 * states))
        dt = dt.unflatten(-1, (groups, rank))
        inputs = (u, dt, self._A, bc[..., :states], bc[..., states:], self._D, self._bias)
        return forward_low_rank(inputs, self._weight, True)


def _along(conv: nn.Module) -> Conv:
    """A 1-D convolution of tokens as one of (B, 1, L, C)."""
    assert isinstance(conv, SequenceConv)
    padding = (0, conv.before)
    return Conv(conv.weight.unsqueeze(2), conv.bias, padding=padding, groups=conv.groups)


class FrozenDeepStem:
    def __init__(self, stem: DeepStem) -> None:
        pairs = zip(stem.convs, stem.norms, strict=True)
        self.convs = [batch_normed(conv, norm, "relu") for conv, norm in pairs]  # type: ignore[arg-type]

    def __call__(self, image: Tensor, dtype: torch.dtype) -> Tensor:
        x = image.to(dtype, memory_format=torch.channels_last).permute(0, 2, 3, 1)
        for conv in self.convs:
            x = conv(x)
        return passes.max_pool(x)


class FrozenOverlapDownsample:
    def __init__(self, down: OverlapDownsample) -> None:
        self.conv = batch_normed(down.conv, down.norm)

    def __call__(self, stream: Stream, dtype: torch.dtype) -> Tensor:
        return self.conv(stream.read(dtype))


class FrozenConvDownsample:
    def __init__(self, down: ConvDownsample) -> None:
        assert isinstance(down.norm, nn.LayerNorm)
        conv = down.conv
        self.norm = Norm(down.norm)
        self.side = conv.stride[0]
        self.conv = Conv(conv.weight, conv.bias, stride=conv.stride)

    def __call__(self, stream: Stream, dtype: torch.dtype) -> Tensor:
        return self.conv(whole_patches(stream.read(dtype, self.norm), self.side).contiguous())


class FrozenStem:
    """4x4 patches and a norm of each."""

    def __init__(self, stem: Stem) -> None:
        conv, norm = stem.conv, stem.norm
        self.norm = Norm(norm) if isinstance(norm, nn.LayerNorm) else None
        self.side = conv.stride[0]
        self.conv = (
            batch_normed(conv, norm)
            if self.norm is None
            else Conv(conv.weight, conv.bias, stride=conv.stride)
        )

    def __call__(self, image: Tensor, dtype: torch.dtype) -> Tensor:
        x = image.to(dtype, memory_format=torch.channels_last).permute(0, 2, 3, 1)
        x = self.conv(whole_patches(x, self.side).contiguous())
        return x if self.norm is None else Stream(x).read(torch.float32, self.norm)
