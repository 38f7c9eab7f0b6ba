"""A slide's regions as sequences of tokens with a class token in the middle (Pixel-Mamba §3.2).

n regions, L tokens in each with its class token, C channels.
"""

from __future__ import annotations

import torch
from torch import Tensor


def serialise(regions: Tensor, cls_token: Tensor) -> Tensor:
    """Regions (B, n, 3, H, W) and a class token (3,) -> tokens (B, n, H·W + 1, 3).

    Regions keep their order, which is row by row over the slide; pixels come row by row inside.
    """
    pixels = regions.flatten(3).mT  # (B, n, H·W, 3)
    cls = cls_token.to(pixels.dtype).expand(*pixels.shape[:2], 1, -1)
    return join_class(pixels, cls)


def middle_of(tokens: Tensor) -> int:
    """Where the class token stands in (..., L, C)."""
    return (tokens.shape[-2] - 1) // 2


def class_tokens(tokens: Tensor) -> Tensor:
    """(..., L, C) -> the class tokens (..., C)."""
    return tokens[..., middle_of(tokens), :]


def split_class(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """(..., L, C) -> spatial tokens (..., L - 1, C), row by row, and class tokens (..., 1, C)."""
    at = middle_of(tokens)
    spatial = torch.cat([tokens[..., :at, :], tokens[..., at + 1 :, :]], dim=-2)
    return spatial, tokens[..., at : at + 1, :]


def join_class(spatial: Tensor, cls: Tensor) -> Tensor:
    """Put class tokens (..., 1, C) into the middle of spatial tokens (..., L - 1, C)."""
    at = spatial.shape[-2] // 2
    return torch.cat([spatial[..., :at, :], cls, spatial[..., at:, :]], dim=-2)
