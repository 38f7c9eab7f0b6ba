"""A convolutional network with its norms folded in answers as before."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ssmamba.explain.cam import cam_maps
from ssmamba.models.build import build_network
from ssmamba.models.convnets import fuse_batch_norm
from tests.ssmamba.layers.test_inference import trained_norms


def resnet() -> nn.Module:
    torch.manual_seed(0)
    return trained_norms(build_network("timm:resnet10t", {"channels": [8, 8, 16, 16]}, 3)).eval()


def test_answers_and_cams_are_the_same() -> None:
    plain, quick = resnet(), resnet()
    assert fuse_batch_norm(quick) == sum(
        isinstance(part, nn.BatchNorm2d) for part in plain.modules()
    )
    assert not any(isinstance(part, nn.BatchNorm2d) for part in quick.modules())
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(quick(images), plain(images), rtol=1e-4, atol=1e-4)
    for stage in (1, 4):
        found, expected = (cam_maps(m, images, "GradCAM", 1, stage) for m in (quick, plain))
        for own, its in zip(found, expected, strict=True):
            torch.testing.assert_close(
                torch.as_tensor(own), torch.as_tensor(its), rtol=1e-3, atol=1e-4
            )


def test_a_convolution_that_is_read_twice_keeps_its_norm() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.conv(x)
            return self.norm(y) + y

    model = trained_norms(Twice()).eval()
    image = torch.randn(1, 3, 8, 8)
    with torch.no_grad():
        before = model(image)
        assert fuse_batch_norm(model) == 0
        torch.testing.assert_close(model(image), before)


def test_a_network_in_training_or_that_cannot_be_followed_is_left_alone() -> None:
    class Asks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.norm(self.conv(x if x.sum() > 0 else -x))

    assert fuse_batch_norm(Asks().eval()) == 0 and fuse_batch_norm(resnet().train()) == 0


@pytest.mark.parametrize("arch", ["timm:vit_tiny_patch16_224", "timm:swin_tiny_patch4_window7_224"])
def test_transformers_with_a_convolutional_stem_answer_the_same(arch: str) -> None:
    own = {"embed_dim": 24, "img_size": 64, "conv_stem": True}
    depth = {"depth": 2, "num_heads": 2} if "vit" in arch else {"depths": [1, 1], "window_size": 4}
    heads = {} if "vit" in arch else {"num_heads": [2, 2]}
    torch.manual_seed(0)
    model = trained_norms(build_network(arch, {**own, **depth, **heads}, 3)).eval()
    image = torch.randn(1, 3, 64, 64)
    with torch.enable_grad():
        expected = model(image).detach()
    fuse_batch_norm(model)
    with torch.inference_mode():
        torch.testing.assert_close(model(image), expected, rtol=1e-4, atol=1e-4)
