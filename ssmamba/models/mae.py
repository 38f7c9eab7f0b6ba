"""Masked autoencoders (He et al. 2022): MAMIM's counterpart without its decoder (Table 7).

The decoder is plain: transformer blocks over one grid of tokens and a linear map to pixels. A
ViT encoder sees the visible tokens alone. A four-stage encoder convolves and scans a whole grid,
so there a learnable token stands in for hidden units, as in MAMIM, and only the last stage
reaches the decoder.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssmamba.config import STRIDES, MIMConfig
from ssmamba.errors import CheckpointError
from ssmamba.models.conv_stem import has_conv_stem
from ssmamba.models.mamim import pixel_shuffle
from ssmamba.models.masked import MaskedModel
from ssmamba.models.ssmamba import SSMamba, _init_weights, _spread

HEAD_DIM = 32  # channels of an attention head in the decoder


class PlainDecoder(nn.Module):
    """Transformer blocks over a grid of tokens, then the pixels of each token's patch."""

    def __init__(self, encoder_dim: int, patch: int, config: MIMConfig) -> None:
        super().__init__()
        dim, self.patch = config.decoder_dim, patch
        if dim % HEAD_DIM:
            raise CheckpointError(
                "A plain decoder's width must be a multiple of {head_dim}, not {dim}; "
                "give another --decoder-dim.",
                head_dim=HEAD_DIM,
                dim=dim,
            )
        self.entry = nn.Linear(encoder_dim, dim)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                dim, dim // HEAD_DIM, 4 * dim, 0.0, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(config.decoder_depth)
        )
        self.norm = nn.LayerNorm(dim)
        self.to_pixels = nn.Linear(dim, 3 * patch**2)
        self.apply(_init_weights)
        nn.init.trunc_normal_(self.to_pixels.weight, std=0.02)  # start near a flat picture

    def forward(self, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        """(B, h·w, dim) behind ``entry`` -> (B, 3, h · patch, w · patch), normalised units."""
        x = tokens + sine_positions(grid, tokens.shape[2], tokens.device).to(tokens.dtype)
        for block in self.blocks:
            x = block(x)
        x = self.to_pixels(self.norm(x)).unflatten(1, grid)
        return pixel_shuffle(x, self.patch).permute(0, 3, 1, 2)


class MAE(MaskedModel):
    """A four-stage encoder with a plain decoder behind its last stage."""

    encoder: SSMamba

    def __init__(self, encoder: SSMamba, config: MIMConfig) -> None:
        super().__init__(encoder, config)
        dims = encoder.config.dims
        self.mask_token = nn.Parameter(torch.zeros(dims[0]))
        nn.init.trunc_normal_(self.mask_token, std=0.02)
        self.decoder = PlainDecoder(dims[-1], STRIDES[-1], config)

    def _decoded(self, images: Tensor, unit_mask: Tensor, hidden_units: int | None) -> Tensor:
        last = self.encoder.forward_stages(images, unit_mask, self.mask_token)[-1]
        grid = (last.shape[2], last.shape[3])
        return self.decoder(self.decoder.entry(last.flatten(2).transpose(1, 2)), grid)


class ViTMAE(MaskedModel):
    """A ViT that sees the visible tokens alone; the decoder gets a token for each hidden one.

    Args:
        encoder: timm's VisionTransformer without a head, its class and register tokens included.
        config: ``mask_unit`` is a multiple of the ViT's patch.
    """

    def __init__(self, encoder: nn.Module, config: MIMConfig) -> None:
        super().__init__(encoder, config)
        patch = vit_patch(encoder)
        if config.mask_unit % patch:
            raise CheckpointError(
                "A mask unit of {mask_unit} px does not hold whole patches of {patch} px; "
                "give a multiple of {patch} as --mask-unit.",
                mask_unit=config.mask_unit,
                patch=patch,
            )
        width = int(encoder.embed_dim)  # type: ignore[arg-type]
        self.decoder = PlainDecoder(width, patch, config)
        self.mask_token = nn.Parameter(torch.zeros(config.decoder_dim))
        nn.init.trunc_normal_(self.mask_token, std=0.02)

    def _decoded(self, images: Tensor, unit_mask: Tensor, hidden_units: int | None) -> Tensor:
        """Every image hides the same count."""
        patch = self.decoder.patch
        grid = (images.shape[2] // patch, images.shape[3] // patch)
        hidden = _spread(unit_mask, *grid).flatten(1)
        if hidden_units is None:
            hidden_units = int(unit_mask[0].sum())
        patches = hidden.shape[1]
        count = patches - hidden_units * (patches // unit_mask[0].numel())
        kept = hidden.int().argsort(dim=1, stable=True)[:, :count].unsqueeze(2)
        seen = self.decoder.entry(self._encode(images, kept))
        dim = seen.shape[2]
        blank = self.mask_token.to(seen.dtype).expand(len(images), hidden.shape[1], dim)
        tokens = blank.scatter(1, kept.expand(-1, -1, dim), seen)
        return self.decoder(tokens, grid)

    def _encode(self, images: Tensor, kept: Tensor) -> Tensor:
        """Tokens (B, n, C) of the kept patches (B, n, 1) behind the last block."""
        vit: nn.Module = self.encoder
        x = vit._pos_embed(vit.patch_embed(images))  # type: ignore[operator]
        prefix = int(vit.num_prefix_tokens)  # type: ignore[arg-type]
        patches = x[:, prefix:].gather(1, kept.expand(-1, -1, x.shape[2]))
        x = torch.cat([x[:, :prefix], patches], dim=1)
        x = vit.norm(vit.blocks(vit.norm_pre(x)))  # type: ignore[operator]
        return x[:, prefix:]


def is_vit(model: nn.Module) -> bool:
    """Whether a model is one of timm's plain vision transformers.

    With a convolutional stem it is none: hidden pixels would reach visible tokens.
    """
    parts = ("blocks", "_pos_embed", "norm_pre")
    return all(hasattr(model, name) for name in parts) and not has_conv_stem(model)


def vit_patch(model: nn.Module) -> int:
    """Side of a ViT's patch, pixels."""
    return int(model.patch_embed.patch_size[0])  # type: ignore[union-attr, index]


def sine_positions(grid: tuple[int, int], dim: int, device: torch.device) -> Tensor:
    """Fixed 2-D positions (h·w, dim): sines and cosines of the row, then of the column."""
    frequency = 1e4 ** -(torch.arange(dim // 4, device=device) / (dim // 4))
    rows, columns = (torch.arange(n, device=device).outer(frequency) for n in grid)
    row = torch.cat([rows.sin(), rows.cos()], 1)[:, None].expand(-1, grid[1], -1)
    column = torch.cat([columns.sin(), columns.cos()], 1)[None].expand(grid[0], -1, -1)
    return torch.cat([row, column], dim=2).flatten(0, 1)
