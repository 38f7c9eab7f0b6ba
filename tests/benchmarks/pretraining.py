"""A pre-training step of MAMIM beside masked autoencoders on a ViT of equal MACs, on this CPU.

    python -m tests.benchmarks.pretraining [--size tiny] [--image-size 224] [--batch-size 8]

Forward, backward and AdamW in float32 on the same pictures. The ViT is timm's, twelve blocks on
patches of 16 px, as wide as brings its multiply-accumulates for a whole image nearest to SSMamba's.
It encodes the visible quarter of its patches alone (He et al. 2022); SSMamba convolves and scans
the whole grid. MAE's decoder is taken twice: one block, and eight of half the encoder's width.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from ssmamba import ops
from ssmamba.config import SIZES, MIMConfig, SSMambaConfig
from ssmamba.models import MaskedModel, SSMamba, random_unit_mask
from ssmamba.models.build import PLAIN, build_masked
from ssmamba.models.macs import count_macs
from tests.benchmarks.measuring import processor, time_shuffled

PATCH, HEAD_DIM = 16, 32
MAMIM = "MAMIM"


def main() -> None:
    asked = _arguments()
    torch.manual_seed(0)
    ops.compile_kernels()
    ops.warm_up()
    side = asked.image_size
    encoder = SSMamba(SSMambaConfig.of_size(asked.size), 0)
    macs = count_macs(encoder, side)
    width = min(
        range(2 * HEAD_DIM, 1025, HEAD_DIM),
        key=lambda dim: abs(count_macs(vit(side, dim), side) - macs),
    )
    half = max(width // 2 // HEAD_DIM, 1) * HEAD_DIM
    masked = partial(MIMConfig, mask_unit=PATCH, decoder_mixer=PLAIN)
    models = {
        MAMIM: build_masked(encoder, MIMConfig()),
        "MAE, decoder of 1 block, 96 wide": build_masked(vit(side, width), masked()),
        f"MAE, decoder of 8 blocks, {half} wide": build_masked(
            vit(side, width), masked(decoder_dim=half, decoder_depth=8)
        ),
    }
    images = torch.randn(asked.batch_size, 3, side, side)
    times = time_shuffled({k: _step(m, images) for k, m in models.items()}, asked.repeat)
    print(
        f"{processor()}; {torch.get_num_threads()} threads; medians of {asked.repeat}\n"
        f"SSMamba {asked.size} ({macs / 1e6:.0f} M MACs at {side} px) and a ViT {width} wide "
        f"({count_macs(vit(side, width), side) / 1e6:.0f} M); batch {asked.batch_size}"
    )
    for name, value in times.items():
        pace = times[MAMIM] / value
        print(f"  {name:36} {value / asked.batch_size:8.1f} ms/image   {pace:.2f} x as many")


def vit(side: int, width: int) -> nn.Module:
    """timm's plain ViT without a head, untrained."""
    from timm.models.vision_transformer import VisionTransformer

    heads = width // HEAD_DIM
    return VisionTransformer(
        img_size=side, patch_size=PATCH, embed_dim=width, depth=12, num_heads=heads, num_classes=0
    )


def _step(model: MaskedModel, images: Tensor) -> Callable[[], None]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    side, config = images.shape[-1], model.config
    mask = random_unit_mask(
        len(images), side, side, config.mask_ratio, config.mask_unit,
        torch.Generator().manual_seed(0),
    )  # fmt: skip

    def run() -> None:
        model(images, mask, images, int(mask[0].sum())).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return run


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", default="tiny", choices=tuple(SIZES))
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--repeat", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
