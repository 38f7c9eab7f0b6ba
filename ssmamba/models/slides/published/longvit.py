"""A transformer with dilated attention over all patches of a slide, as LongViT (Wang et al. 2023).

The published one reads a slide scaled to a square; this one reads the same regions as Pixel-Mamba.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssmamba.models.slides.config import LongViTConfig
from ssmamba.models.slides.encoder import Held, Layers, RegionEncoder, SlideTokens
from ssmamba.models.slides.published.longnet import LongNetLayer
from ssmamba.models.slides.serialise import join_class


class LongViT(RegionEncoder):
    """Patches, learned positions in a region, a class token in its middle; no region fusion."""

    alpha = 0.0

    def __init__(self, config: LongViTConfig) -> None:
        super().__init__()
        self.config = config
        self.num_features = config.dim
        self.patch = nn.Conv2d(3, config.dim, config.token, stride=config.token)
        count = (config.window // config.token) ** 2
        self.positions = nn.Parameter(torch.randn(count + 1, config.dim) * 0.02)
        self.cls_token = nn.Parameter(torch.randn(config.dim) * 0.02)
        self.blocks = nn.ModuleList(
            LongNetLayer(config.dim, config.heads, config.segments, config.ratios)
            for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.dim, eps=1e-6)

    def layers(self, regions: Tensor, seed: int | None = None) -> Layers:
        """Regions (N, 3, window, window), as ``forward_slide`` takes them."""
        window = self.config.window
        if regions.shape[-2:] != (window, window):
            raise ValueError(f"regions of {tuple(regions.shape[-2:])} px, expected {window}")
        image = self.patch(regions)  # (N, C, h, w)
        cls = self.cls_token.expand(len(image), 1, -1)
        tokens = join_class(image.flatten(2).mT, cls) + self.positions
        for layer, block in enumerate(self.blocks):
            tokens = self._block(block, tokens, layer)
            yield
        grid = (image.shape[2], image.shape[3])
        return SlideTokens(self.norm(tokens), grid, *Held.alone(regions))
