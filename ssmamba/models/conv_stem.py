"""A convolutional stem in place of a transformer's patch embedding.

Early convolutions help small transformers (Xiao et al. 2021). SSMamba's DeepStem was chosen on its
own validation images, so a ViT or Swin with it is the like-for-like row beside the published one.
"""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from ssmamba.errors import CheckpointError
from ssmamba.layers.local import DeepStem, convolved

STRIDE = 4  # of DeepStem


class ConvStem(nn.Module):
    """DeepStem, then for each further halving a 3x3 convolution with BatchNorm and ReLU.

    Args:
        dim: channels that go out.
        patch: pixels a side of the patch that it stands in for; 4, 8, 16 or 32.
    """

    def __init__(self, dim: int, patch: int) -> None:
        super().__init__()
        halvings = (patch // STRIDE).bit_length() - 1
        widths = [dim >> left for left in range(halvings, -1, -1)]
        self.start = DeepStem(widths[0])
        self.convs, self.norms = nn.ModuleList(), nn.ModuleList()
        for narrow, wide in pairwise(widths):
            self.convs.append(nn.Conv2d(narrow, wide, 3, stride=2, padding=1, bias=False))
            self.norms.append(nn.BatchNorm2d(wide))
        self.out = nn.Conv2d(dim, dim, 1)  # so that tokens may be negative too

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, dim, H/patch, W/patch)."""
        x = self.start(image).permute(0, 3, 1, 2)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            assert isinstance(conv, nn.Conv2d)
            x = F.relu(convolved(x, conv, norm)).permute(0, 3, 1, 2)
        return self.out(x)


def give_conv_stem(model: nn.Module) -> None:
    """Replace the patch embedding of one of timm's transformers. Raises CheckpointError."""
    embedding = getattr(model, "patch_embed", None)
    patches = getattr(embedding, "proj", None)
    side = patches.kernel_size[0] if isinstance(patches, nn.Conv2d) else 0
    if embedding is None or not isinstance(patches, nn.Conv2d) or side not in (4, 8, 16, 32):
        raise CheckpointError(
            "{name} has no patch embedding in whose place a convolutional stem "
            "could stand; leave --conv-stem away.",
            name=type(model).__name__,
        )
    embedding.proj = ConvStem(patches.out_channels, side)


def has_conv_stem(model: nn.Module) -> bool:
    """Whether the patch embedding was replaced, so that neighbouring patches see each other."""
    return isinstance(getattr(getattr(model, "patch_embed", None), "proj", None), ConvStem)
