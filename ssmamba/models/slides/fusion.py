"""Region fusion: like regions become one, layer by layer (Pixel-Mamba §3.3, Appendix A.3)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ssmamba.models.slides.serialise import class_tokens


def number_fused(regions: int, alpha: float, layers: int) -> int:
    """How many of n regions a layer takes away: ⌈α·n/L⌉, and at least one stays."""
    return min(math.ceil(alpha * regions / layers), regions // 2)


def regions_by_layer(regions: int, alpha: float, layers: int) -> list[int]:
    """How many of n regions are left before each layer, and after the last; ``layers`` + 1."""
    found = [regions]
    for _ in range(layers):
        found.append(found[-1] - number_fused(found[-1], alpha, layers))
    return found


def fuse_regions(
    tokens: Tensor,
    owner: Tensor,
    fused: int,
    *,
    shuffle: bool = False,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Average the ``fused`` most similar regions into their likes, as ``fuse_rows`` does.

    owner: (N,) int64, for each region of the slide the row of ``tokens`` that holds it. Returns
    tokens (n - fused, L, C), in order, and the new owners (N,).
    """
    merged, row, _ = fuse_rows(tokens, fused, shuffle=shuffle, generator=generator)
    return merged, row[owner]


def fuse_rows(
    tokens: Tensor,
    fused: int,
    *,
    shuffle: bool = False,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Average the ``fused`` most similar rows of tokens (n, L, C) into their likes.

    Half of the regions are probes, the others the gallery: every second one, or with ``shuffle``
    (training) a random half, drawn by ``generator`` (on the CPU) where there is one. Each probe has
    the gallery region whose class token is most like its own (cosine, float32; of equals the
    first), and the ``fused`` probes that are most like theirs are averaged into it, several into
    one by their count. Returns tokens (n - fused, L, C), in order; the new row of each (n,) int64;
    and which stay (n,) bool: a gallery region stays in its place, a fused probe does not.
    """
    count, device = len(tokens), tokens.device
    if fused <= 0 or count < 2:
        everyone = torch.ones(count, dtype=torch.bool, device=device)
        return tokens, torch.arange(count, device=device), everyone
    order = torch.randperm(count, generator=generator) if shuffle else torch.arange(count)
    order = order.to(device)
    gallery, probes = order[0::2], order[1::2]
    cls = normalize(class_tokens(tokens).detach().float(), dim=-1)
    likeness = cls[probes] @ cls[gallery].T
    at = likeness.argmax(1)  # of equals the first
    best = likeness.gather(1, at[:, None])[:, 0]
    chosen = torch.sort(best, descending=True, stable=True).indices[:fused]
    gone, target = probes[chosen], gallery[at[chosen]]

    shares = torch.ones(count, device=device).index_add_(
        0, target, torch.ones(len(gone), device=device)
    )
    merged = tokens.index_add(0, target, tokens[gone]) / shares[:, None, None].to(tokens.dtype)
    stays = torch.ones(count, dtype=torch.bool, device=device)
    stays[gone] = False
    row = torch.cumsum(stays, 0) - 1
    row[gone] = row[target]
    return merged[stays], row, stays
