"""Mamba masked image modelling: encoder, mask token and stage-by-stage decoder (SSMamba §3.4).

The encoder sees the full grid with a learnable token in place of every hidden unit; the decoder
takes the features of the four stages and recovers the picture from the coarsest to the finest.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssmamba.config import STRIDES, MIMConfig, SSMambaConfig
from ssmamba.layers.linear import Linear
from ssmamba.models.masked import MaskedModel
from ssmamba.models.ssmamba import Block, SSMamba, _init_weights

NARROWEST = 32  # channels of the finest decoder stage


class DecoderStage(nn.Module):
    """Mixer blocks at one stride, then twice the grid (a linear map and a pixel shuffle)."""

    def __init__(self, dim: int, out_dim: int, skip_dim: int, depth: int, mixer: str) -> None:
        super().__init__()
        config = SSMambaConfig(dims=(dim,) * 4, mixer="dms")
        self.skip = Linear(skip_dim, dim) if skip_dim else None
        if mixer == "dms":
            self.blocks = nn.ModuleList(Block(dim, config, 0.0) for _ in range(depth))
        else:
            self.blocks = nn.ModuleList()
        self.up = Linear(dim, 4 * out_dim) if out_dim else None

    def forward(self, x: Tensor, skip: Tensor | None) -> Tensor:
        """(B, H, W, dim) -> (B, 2H, 2W, out_dim), or the same size at the last stage."""
        if self.skip is not None and skip is not None:
            x = x + self.skip(skip)
        grid = (x.shape[1], x.shape[2])
        tokens = x.flatten(1, 2)
        for block in self.blocks:
            tokens = block(tokens, grid)
        x = tokens.unflatten(1, grid)
        return x if self.up is None else pixel_shuffle(self.up(x), 2)


class Decoder(nn.Module):
    """Recovers (B, 3, H, W) from the four stages' maps with DMS blocks (Fig. 1e)."""

    def __init__(self, encoder_dims: tuple[int, ...], config: MIMConfig) -> None:
        super().__init__()
        dims = [max(config.decoder_dim >> k, NARROWEST) for k in range(4)]  # coarse to fine
        self.entry = Linear(encoder_dims[-1], dims[0])
        self.stages = nn.ModuleList()
        for k, dim in enumerate(dims):
            skip_dim = encoder_dims[3 - k] if k and config.skips else 0
            out_dim = dims[k + 1] if k < 3 else 0
            self.stages.append(
                DecoderStage(dim, out_dim, skip_dim, config.decoder_depth, config.decoder_mixer)
            )
        self.norm = nn.LayerNorm(dims[-1])
        self.to_pixels = Linear(dims[-1], 3 * STRIDES[0] ** 2)
        self.apply(_init_weights)
        nn.init.trunc_normal_(self.to_pixels.weight, std=0.02)  # start near a flat picture

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Maps (B, C_k, H_k, W_k), fine to coarse -> pixels (B, 3, H, W), normalised units."""
        tokens = [m.permute(0, 2, 3, 1) for m in maps]
        x = self.entry(tokens[-1])
        for k, stage in enumerate(self.stages):
            x = stage(x, tokens[3 - k] if k else None)
        pixels = pixel_shuffle(self.to_pixels(self.norm(x)), STRIDES[0])
        return pixels.permute(0, 3, 1, 2)


class MAMIM(MaskedModel):
    """Masked pre-training of a four-stage encoder.

    Args:
        encoder: SSMamba without a head.
        config: masking and decoder.
    """

    encoder: SSMamba

    def __init__(self, encoder: SSMamba, config: MIMConfig) -> None:
        super().__init__(encoder, config)
        self.mask_token = nn.Parameter(torch.zeros(encoder.config.dims[0]))
        nn.init.trunc_normal_(self.mask_token, std=0.02)
        self.decoder = Decoder(encoder.config.dims, config)

    def _decoded(self, images: Tensor, unit_mask: Tensor, hidden_units: int | None) -> Tensor:
        return self.decoder(self.encoder.forward_stages(images, unit_mask, self.mask_token))

    def reconstruct_and_pool(self, images: Tensor, unit_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Predicted pixels, as from ``reconstruct``, and the pooled features (B, F) of what was
        seen."""
        maps, pooled = self.encoder.forward_stages_and_pool(images, unit_mask, self.mask_token)
        return self._completed(self.decoder(maps), images, unit_mask), pooled


def pixel_shuffle(x: Tensor, side: int) -> Tensor:
    """(B, H, W, side² · C) -> (B, side · H, side · W, C)."""
    batch, height, width, channels = x.shape
    x = x.view(batch, height, width, side, side, channels // side**2)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(batch, height * side, width * side, -1)
