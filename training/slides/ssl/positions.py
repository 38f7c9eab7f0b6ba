"""Where the tokens of a slide stand, and their sinusoidal embedding (thesis §3.2)."""

from __future__ import annotations

import torch
from torch import Tensor

LONGEST = 10_000.0  # wavelength of the slowest sinusoid over 2π, tokens


def token_places(cells: Tensor, grid: tuple[int, int]) -> Tensor:
    """Rows and columns of the tokens of m regions, (m, h·w + 1, 2) float32, in tokens.

    cells: (m, 2) row and column of each region among the slide's regions. grid: h and w of the
    tokens in a region. The class token in a region's middle stands at the region's centre.
    """
    height, width = grid
    size = torch.tensor([height, width], device=cells.device)
    corner = (cells * size).float()[:, None]  # (m, 1, 2)
    down = torch.arange(height, device=cells.device).repeat_interleave(width)
    across = torch.arange(width, device=cells.device).repeat(height)
    spatial = corner + torch.stack([down, across], -1)
    centre = corner + (size - 1) / 2
    at = height * width // 2
    return torch.cat([spatial[:, :at], centre, spatial[:, at:]], dim=1)


def sinusoidal(places: Tensor, dim: int) -> Tensor:
    """Rows and columns (..., 2) -> (..., dim) float32: sines and cosines of both, a half each.

    dim: a multiple of 4.
    """
    rates = LONGEST ** -(torch.arange(dim // 4, device=places.device) / (dim // 4))
    angles = places.float()[..., None] * rates  # (..., 2, dim / 4)
    return torch.cat([angles.sin(), angles.cos()], dim=-1).flatten(-2)
