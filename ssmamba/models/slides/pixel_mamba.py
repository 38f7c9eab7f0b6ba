"""Pixel-Mamba: from pixels to a slide in one model (Pixel-Mamba §3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssmamba.models.slides.block import BidirectionalBlock
from ssmamba.models.slides.config import PixelMambaConfig
from ssmamba.models.slides.encoder import Held, Layers, RegionEncoder, SlideTokens, generator_of
from ssmamba.models.slides.expansion import expand_tokens
from ssmamba.models.slides.serialise import serialise


class PixelMamba(RegionEncoder):
    """Layers of Mamba block, region fusion and token expansion (Tables 7 and 8).

    Regions of any size are read; the paper's are of 224 px.
    """

    def __init__(self, config: PixelMambaConfig) -> None:
        super().__init__()
        self.config, self.alpha = config, config.alpha
        self.num_features = config.num_features
        self.cls_token = nn.Parameter(torch.zeros(3))
        nn.init.trunc_normal_(self.cls_token, std=0.02)
        self.blocks = nn.ModuleList(
            BidirectionalBlock(
                dim, d_state=config.d_state, expand=config.expand, conv_width=config.conv_width
            )
            for dim in config.dims
        )
        self.norm = nn.RMSNorm(self.num_features, eps=1e-5)

    def layers(self, regions: Tensor, seed: int | None = None) -> Layers:
        config, grid = self.config, (regions.shape[-2], regions.shape[-1])
        tokens = serialise(regions[None], self.cls_token)[0]  # (N, H·W + 1, 3)
        held, generator = Held.alone(regions), generator_of(seed)
        for layer, (block, kind) in enumerate(zip(self.blocks, config.expansions, strict=True)):
            tokens = self._block(block, tokens, layer)
            tokens, held = self._fuse(tokens, held, config.depth, generator)
            tokens, grid = expand_tokens(tokens, grid, kind, config.shift_merge)
            yield
        return SlideTokens(self.norm(tokens), grid, *held)
