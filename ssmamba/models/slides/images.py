"""Pixel-Mamba on single images: one region each, as it is pre-trained (Pixel-Mamba §4.2, A.2)."""

from __future__ import annotations

from torch import Tensor, nn

from ssmamba.models.slides.config import PixelMambaConfig
from ssmamba.models.slides.expansion import expand_tokens
from ssmamba.models.slides.pixel_mamba import PixelMamba
from ssmamba.models.slides.serialise import class_tokens, join_class, serialise, split_class

FIRST_TAP = 4  # pixels a side from which on a token's grid can be looked at


class PixelMambaClassifier(nn.Module):
    """Pixel-Mamba with a head over images of one region, without fusion.

    Its encoder is that of a slide model: ``training.slide_finetune --init`` starts from it.

    Args:
        config: architecture; ``alpha`` plays no part.
        classes: logits of the head; 0 = features.
    """

    def __init__(self, config: PixelMambaConfig, classes: int) -> None:
        super().__init__()
        self.encoder = PixelMamba(config)
        self.num_features = config.num_features
        self.taps = nn.ModuleList(nn.Identity() for _ in config.expansions)  # where a CAM looks
        self.head: nn.Module
        self.reset_classifier(classes)

    def reset_classifier(self, classes: int) -> None:
        """A new head, or none."""
        self.head = nn.Linear(self.num_features, classes) if classes else nn.Identity()

    def get_classifier(self) -> nn.Module:
        return self.head

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) float32, normalised -> logits (B, K)."""
        return self.head(self.forward_features(images))

    def forward_features(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> the class tokens (B, C)."""
        encoder, grid, side = self.encoder, (images.shape[2], images.shape[3]), 1
        tokens = serialise(images[:, None], encoder.cls_token)[:, 0]  # (B, H·W + 1, 3)
        layers = zip(encoder.blocks, encoder.config.expansions, self.taps, strict=True)
        for block, kind, tap in layers:
            tokens = block(tokens)
            tokens, grid = expand_tokens(tokens, grid, kind, encoder.config.shift_merge)
            side *= 2 if kind.startswith("v") else 1
            if kind.startswith("v") and side >= FIRST_TAP:
                spatial, cls = split_class(tokens)
                cells = tap(spatial.unflatten(1, grid))  # (B, h, w, C)
                tokens = join_class(cells.flatten(1, 2), cls)
        return encoder.norm(class_tokens(tokens))
