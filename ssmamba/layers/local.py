"""Local perception: SSMamba's LPR and the embeddings it is compared with (Tables 2 and 5).

Every module takes and returns (B, H, W, C); convolutions see the same memory as channels-last.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssmamba.layers.linear import Linear, PatchConv, whole_patches
from ssmamba.ops.linear import linear


class LPR(nn.Module):
    """Local Perception Residual (§3.3, Eqs. 6-8): squeeze, depthwise 3x3, expand, plus input."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        half = dim // 2
        self.body = nn.Sequential(
            nn.Conv2d(dim, half, 1, bias=False),
            nn.BatchNorm2d(half),
            nn.ReLU(inplace=True),  # Eq. 6
            nn.Conv2d(half, half, 3, padding=1, groups=half, bias=False),
            nn.BatchNorm2d(half),  # Eq. 7
            nn.ReLU(inplace=True),
            nn.Conv2d(half, dim, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        parts: Any = self.body
        squeeze, norm, _, depthwise, second_norm, _, expand = parts
        if _is_constant(norm) and _is_constant(second_norm):
            y = linear(x, *folded(squeeze.weight.flatten(1), norm)).relu_()  # Eq. 6
            weight, bias = folded(depthwise.weight, second_norm)
            y = F.conv2d(y.permute(0, 3, 1, 2), weight, bias, padding=1, groups=weight.shape[0])
            y = y.relu_().permute(0, 2, 3, 1)  # Eq. 7
        else:
            y = linear(x, squeeze.weight.flatten(1)).permute(0, 3, 1, 2)
            y = parts[1:6](y).permute(0, 2, 3, 1)
        return x + linear(y, expand.weight.flatten(1), expand.bias)  # Eq. 8


def _is_constant(norm: nn.Module) -> bool:
    """Whether a BatchNorm is a fixed scale and shift, and nothing is differentiated."""
    return (
        type(norm) is nn.BatchNorm2d
        and not norm.training
        and norm.running_mean is not None
        and norm.affine
        and not torch.is_grad_enabled()
    )


def folded(
    weight: Tensor, norm: nn.BatchNorm2d, bias: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Weight (out, ...) and bias of a convolution with its BatchNorm inside."""
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None and variance is not None
    scale = norm.weight * torch.rsqrt(variance + norm.eps)
    shape = (-1,) + (1,) * (weight.ndim - 1)
    mean = mean if bias is None else mean - bias
    return weight * scale.view(shape), torch.addcmul(norm.bias, mean, scale, value=-1)


def _map_norm(dim: int, batch: bool) -> nn.Module:
    """A norm of the channels: by statistics of the batch, or of each token by itself."""
    return nn.BatchNorm2d(dim) if batch else nn.LayerNorm(dim)


def _normed(x: Tensor, norm: nn.Module) -> Tensor:
    """(B, H, W, C) through either norm."""
    if isinstance(norm, nn.LayerNorm):
        return norm(x)
    return norm(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def convolved(x: Tensor, conv: nn.Conv2d, norm: nn.Module) -> Tensor:
    """Convolution and norm, (B, C, H, W) -> (B, H/s, W/s, out)."""
    if isinstance(norm, nn.BatchNorm2d) and _is_constant(norm):
        weight, bias = folded(conv.weight, norm, conv.bias)
        y = F.conv2d(x, weight, bias, conv.stride, conv.padding)  # type: ignore[arg-type]
        return y.permute(0, 2, 3, 1)
    return _normed(conv(x).permute(0, 2, 3, 1), norm)


class LPU(nn.Module):
    """CMT's local perception unit: a depthwise 3x3 convolution plus the input."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(dim, dim, 3, padding=1, groups=dim)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class AbsolutePositions(nn.Module):
    """A learned table of absolute positions, resized to the grid (ViT's linear embedding)."""

    def __init__(self, dim: int, grid: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(1, dim, grid, grid))
        nn.init.trunc_normal_(self.table, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        table: Tensor = self.table
        if table.shape[2:] != x.shape[1:3]:
            size = (x.shape[1], x.shape[2])
            table = nn.functional.interpolate(table, size, mode="bicubic", align_corners=False)
        return x + table.permute(0, 2, 3, 1)


class ConvDownsample(nn.Module):
    """2x2 convolution with stride 2: half the grid, more channels."""

    def __init__(self, dim: int, out_dim: int, batch_norm: bool = False) -> None:
        super().__init__()
        self.norm = _map_norm(dim, batch_norm)
        self.conv = PatchConv(dim, out_dim, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(_normed(x, self.norm))


class PatchMerge(nn.Module):
    """Swin's patch merging: concatenate 2x2 tokens, normalise, one linear map."""

    def __init__(self, dim: int, out_dim: int, batch_norm: bool = False) -> None:
        super().__init__()
        self.norm = _map_norm(4 * dim, batch_norm)
        self.reduction = Linear(4 * dim, out_dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = whole_patches(x, 2)
        batch, height, width, dim = x.shape
        x = x.view(batch, height // 2, 2, width // 2, 2, dim).permute(0, 1, 3, 4, 2, 5)
        x = x.reshape(batch, height // 2, width // 2, 4 * dim)
        return self.reduction(_normed(x, self.norm))


class Stem(nn.Module):
    """4x4 convolution with stride 4 and a norm; no overlap, so no masked pixel leaks."""

    def __init__(self, dim: int, batch_norm: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, dim, 4, stride=4)
        self.norm = _map_norm(dim, batch_norm)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, ceil(H/4), ceil(W/4), dim)."""
        x = whole_patches(image.permute(0, 2, 3, 1), self.conv.stride[0]).contiguous()
        return convolved(x.permute(0, 3, 1, 2), self.conv, self.norm)


class OverlapStem(nn.Module):
    """Two 3x3 convolutions with stride 2, each with a norm, GELU between them."""

    def __init__(self, dim: int, batch_norm: bool = False) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, dim // 2, 3, stride=2, padding=1)
        self.norm1 = _map_norm(dim // 2, batch_norm)
        self.second = nn.Conv2d(dim // 2, dim, 3, stride=2, padding=1)
        self.norm2 = _map_norm(dim, batch_norm)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, ceil(H/4), ceil(W/4), dim)."""
        x = image.contiguous(memory_format=torch.channels_last)
        x = nn.functional.gelu(convolved(x, self.first, self.norm1))
        return convolved(x.permute(0, 3, 1, 2), self.second, self.norm2)


class DeepStem(nn.Module):
    """Three 3x3 convolutions at half the image's size, each with BatchNorm and ReLU; max-pool.

    The stem of later ResNets. Where images are few it makes the greatest difference of all parts
    (resources/models/README.md): cells are made out before anything is thrown away.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        widths = (3, 24, 32, dim)
        self.convs = nn.ModuleList(
            nn.Conv2d(narrow, wide, 3, stride=1 if at else 2, padding=1, bias=False)
            for at, (narrow, wide) in enumerate(pairwise(widths))
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(wide) for wide in widths[1:])

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, ceil(H/4), ceil(W/4), dim)."""
        x = image.contiguous(memory_format=torch.channels_last)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            assert isinstance(conv, nn.Conv2d)
            x = F.relu(convolved(x, conv, norm))  # not in place: autograd would copy the view back
            x = x.permute(0, 3, 1, 2)
        return F.max_pool2d(x, 3, stride=2, padding=1).permute(0, 2, 3, 1)


class OverlapDownsample(nn.Module):
    """3x3 convolution with stride 2 and a norm: half the grid, more channels."""

    def __init__(self, dim: int, out_dim: int, batch_norm: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(dim, out_dim, 3, stride=2, padding=1)
        self.norm = _map_norm(out_dim, batch_norm)

    def forward(self, x: Tensor) -> Tensor:
        return convolved(x.permute(0, 3, 1, 2), self.conv, self.norm)
