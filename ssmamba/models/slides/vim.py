"""Vision Mamba on a slide's regions, with patches of one or several sizes (Tables 3 and 4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssmamba.models.slides.block import BidirectionalBlock
from ssmamba.models.slides.config import VimConfig
from ssmamba.models.slides.encoder import Held, Layers, RegionEncoder, SlideTokens, generator_of
from ssmamba.models.slides.serialise import join_class


class Vim(RegionEncoder):
    """Vim-Ti by default: patches, learned positions in a region, a class token in its middle.

    Patches of several sizes stand one size after the other in a region's sequence.
    """

    def __init__(self, config: VimConfig) -> None:
        super().__init__()
        self.config, self.alpha = config, config.alpha
        self.num_features = config.dim
        self.patches = nn.ModuleList(
            nn.Conv2d(3, config.dim, side, stride=side) for side in config.tokens
        )
        count = sum((config.window // side) ** 2 for side in config.tokens)
        self.positions = nn.Parameter(torch.zeros(count + 1, config.dim))
        self.cls_token = nn.Parameter(torch.zeros(config.dim))
        for parameter in (self.positions, self.cls_token):
            nn.init.trunc_normal_(parameter, std=0.02)
        self.blocks = nn.ModuleList(
            BidirectionalBlock(
                config.dim,
                d_state=config.d_state,
                expand=config.expand,
                conv_width=config.conv_width,
                separate_convs=True,
            )
            for _ in range(config.depth)
        )
        self.norm = nn.RMSNorm(config.dim, eps=1e-5)

    def layers(self, regions: Tensor, seed: int | None = None) -> Layers:
        """Regions (N, 3, window, window), as ``forward_slide`` takes them.

        ``grid`` is that of one size of patches; of several, one row of all tokens.
        """
        window = self.config.window
        if regions.shape[-2:] != (window, window):
            raise ValueError(f"regions of {tuple(regions.shape[-2:])} px, expected {window}")
        maps = [patch(regions) for patch in self.patches]  # (N, C, h, w) each
        spatial = torch.cat([m.flatten(2).mT for m in maps], dim=1)
        cls = self.cls_token.expand(len(spatial), 1, -1)
        tokens = join_class(spatial, cls.to(spatial.dtype)) + self.positions
        held, generator = Held.alone(regions), generator_of(seed)
        for layer, block in enumerate(self.blocks):
            tokens = self._block(block, tokens, layer)
            tokens, held = self._fuse(tokens, held, self.config.depth, generator)
            yield
        grid = (maps[0].shape[2], maps[0].shape[3]) if len(maps) == 1 else (1, spatial.shape[1])
        return SlideTokens(self.norm(tokens), grid, *held)
