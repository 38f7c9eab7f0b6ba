"""CAMs of networks of other kinds: axes, grid and prefix tokens against maps made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import timm
import torch
from torch import Tensor, nn

from ssmamba.errors import CheckpointError
from ssmamba.explain.cam import cam_maps
from ssmamba.explain.layers import check_cams
from ssmamba.explain.stitch import resize_map

FIRST, LAST = "BCHW", "BHWC"
# name -> (module of stage 4, how its output lies); a number counts prefix tokens before (B, N, C)
FAMILIES: dict[str, tuple[str, str | int]] = {
    "caformer_s18": ("stages.3", FIRST),
    "cait_xxs24_224": ("blocks.23.norm1", 0),
    "coat_lite_tiny": ("serial_blocks4.0", 1),
    "coatnet_nano_rw_224": ("norm", FIRST),
    "convit_tiny": ("blocks.11.norm1", 1),
    "convnext_atto": ("stages.3", FIRST),
    "davit_tiny": ("stages.3", FIRST),
    "deit_tiny_distilled_patch16_224": ("blocks.11.norm1", 2),
    "densenet121": ("features", FIRST),
    "edgenext_xx_small": ("stages.3", FIRST),
    "efficientformer_l1": ("norm", 0),
    "efficientformerv2_s0": ("norm", FIRST),
    "efficientnet_lite0": ("bn2", FIRST),
    "efficientvim_m1": ("norm.3", FIRST),
    "efficientvit_b0": ("head.in_conv", FIRST),
    "efficientvit_m0": ("stages.2", FIRST),
    "eva02_tiny_patch14_224": ("blocks.11.norm1", 1),
    "fasternet_t0": ("stages.3", FIRST),
    "fastvit_t8": ("final_conv", FIRST),
    "focalnet_tiny_srf": ("norm", FIRST),
    "gcvit_xxtiny": ("stages.3", FIRST),
    "ghostnet_100": ("blocks", FIRST),
    "gmlp_ti16_224": ("blocks.29.norm", 0),
    "hgnetv2_b0": ("stages.3", FIRST),
    "hiera_tiny_224": ("blocks.11", 0),
    "inception_next_atto": ("stages.3", FIRST),
    "inception_v3": ("Mixed_7c", FIRST),
    "lcnet_050": ("blocks", FIRST),
    "mambaout_femto": ("stages.3", LAST),
    "mixer_s16_224": ("blocks.7.norm1", 0),
    "mnasnet_small": ("bn2", FIRST),
    "mobilenetv3_small_050": ("blocks", FIRST),
    "mobileone_s0": ("final_conv", FIRST),
    "mobilevit_xxs": ("final_conv", FIRST),
    "nfnet_l0": ("final_act", FIRST),
    "poolformer_s12": ("stages.3", FIRST),
    "pvt_v2_b0": ("stages.3", FIRST),
    "regnetx_002": ("final_conv", FIRST),
    "repghostnet_050": ("blocks", FIRST),
    "repvgg_a0": ("final_conv", FIRST),
    "repvit_m1": ("stages.3", FIRST),
    "resmlp_12_224": ("blocks.11", 0),
    "resnet18": ("layer4", FIRST),
    "resnetv2_50": ("norm", FIRST),
    "rexnet_100": ("features", FIRST),
    "shvit_s1": ("stages.2", FIRST),
    "skresnet18": ("layer4", FIRST),
    "starnet_s1": ("norm", FIRST),
    "swiftformer_xs": ("norm", FIRST),
    "swin_tiny_patch4_window7_224": ("norm", LAST),
    "tiny_vit_5m_224": ("stages.3", FIRST),
    "tinynet_e": ("bn2", FIRST),
    "twins_svt_small": ("norm", 0),
    "vgg11": ("features", FIRST),
    "visformer_tiny": ("norm", FIRST),
    "vit_relpos_small_patch16_224": ("blocks.11.norm1", 0),
    "vit_tiny_patch16_224": ("blocks.11.norm1", 1),
    "vit_tiny_r_s16_p8_224": ("blocks.11.norm1", 1),
    "vovnet39a": ("stages.3", FIRST),
    "xcit_nano_12_p16_224": ("blocks.11.norm1", 0),
}


def untrained(name: str, side: int = 0, **options: Any) -> tuple[nn.Module, Tensor]:
    """A network whose head has weights, and a picture for it: of its own size, or with ``side``."""
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=3, **options).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1 and not weight.any():
                weight.normal_(std=0.02)
    side = side or options.get("img_size", model.default_cfg["input_size"][1])
    return model, torch.randn(1, 3, side, side)


def by_hand(model: nn.Module, layer: str, lies: str | int, images: Tensor) -> np.ndarray:
    """Grad-CAM (h, w) of class 1: activations times their mean gradients."""
    kept: list[Tensor] = []

    def cut(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        kept.append(output.detach().requires_grad_())
        return kept[0].clone()

    handle = model.get_submodule(layer).register_forward_hook(cut)
    model(images)[0, 1].backward()
    handle.remove()
    assert kept[0].grad is not None
    value, slope = kept[0].detach()[0], kept[0].grad[0]
    if lies == FIRST:
        value, slope = value.permute(1, 2, 0), slope.permute(1, 2, 0)
    elif isinstance(lies, int):
        side = int((len(value) - lies) ** 0.5)
        value, slope = (x[lies:].unflatten(0, (side, side)) for x in (value, slope))
    return (value * slope.mean((0, 1))).sum(-1).numpy()


def compare(model: nn.Module, images: Tensor, layer: str, lies: str | int, stage: int) -> None:
    seen, right = (
        cam_maps(model, images, "GradCAM", 1, stage)[0],
        by_hand(model, layer, lies, images),
    )
    assert seen.shape == right.shape and np.ptp(right) > 0
    np.testing.assert_allclose(seen, right, rtol=1e-3, atol=1e-4 * np.abs(right).max())


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_sixty_families_are_read_as_by_hand(name: str) -> None:
    model, images = untrained(name)
    compare(model, images, *FAMILIES[name], stage=4)


SMALL = {"img_size": 64, "embed_dim": 48, "num_heads": 3}


@pytest.mark.parametrize(
    ("name", "options", "places"),  # places: layer, how its output lies, stage
    [
        (
            "mambaout_femto",
            {"depths": (1, 1, 1, 1)},
            [("stages.0", LAST, 1), ("stages.3", LAST, 4)],
        ),
        ("focalnet_tiny_srf", {"side": 96}, [("layers.1", FIRST, 2), ("norm", FIRST, 4)]),
        ("xcit_nano_12_p16_224", {}, [("blocks.11.norm1", 0, 4)]),
        ("cait_xxs24_224", {**SMALL, "depth": 8}, [("blocks.1.norm1", 0, 1)]),
        (
            "vit_tiny_patch16_224",
            {**SMALL, "depth": 4, "reg_tokens": 4},
            [("blocks.3.norm1", 5, 4)],
        ),
        ("efficientvim_m1", {}, [("norm.3", FIRST, 4)]),
        ("levit_128s", {}, [("stages.0", 0, 4)]),
        ("hiera_tiny_224", {"stages": (1, 1, 1, 1)}, [("blocks.3", 0, 4)]),
    ],
)
def test_layouts_that_names_do_not_tell(
    name: str, options: dict[str, Any], places: list[tuple[str, str | int, int]]
) -> None:
    model, images = untrained(name, **options)
    for layer, lies, stage in places:
        compare(model, images, layer, lies, stage)


class Tokens(nn.Module):
    """A patch embedding, a row of blocks on tokens in some order, and their mean."""

    def __init__(self, cells: int, channels: int, shuffled: bool = False) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, channels, 8, 8)
        self.parts = nn.ModuleList(nn.Linear(channels, channels) for _ in range(4))
        self.fc = nn.Linear(channels, 2)
        order = torch.randperm(cells, generator=torch.Generator().manual_seed(0))
        self.order = order if shuffled else torch.arange(cells)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.embed(x).flatten(2).mT[:, self.order]
        for part in self.parts:
            tokens = part(tokens)
        return self.fc(tokens.mean(1))


def test_as_many_channels_as_cells_are_told_apart() -> None:
    """(B, 256, 256) could be read both ways."""
    torch.manual_seed(0)
    model, images = Tokens(256, 256).eval(), torch.randn(1, 3, 128, 128)
    compare(model, images, "parts.3", 0, stage=4)


def test_tokens_out_of_order_are_read_before_they_lose_it() -> None:
    """Their grid would have the right shape, and each cell another place."""
    model = Tokens(256, 64, shuffled=True).eval()
    seen = cam_maps(model, torch.randn(1, 3, 128, 128), "GradCAM", 1)
    assert seen.shape == (1, 16, 16)
    compare(model, torch.randn(1, 3, 128, 128), "embed", FIRST, stage=4)


def test_a_window_that_is_not_square_is_read_in_its_shape() -> None:
    torch.manual_seed(0)
    model = timm.create_model("mambaout_femto", num_classes=3, depths=(1, 1, 1, 1)).eval()
    assert cam_maps(model, torch.randn(1, 3, 128, 192), "GradCAM", 0, 4).shape == (1, 4, 6)


def test_a_module_that_changes_its_input_in_place_does_no_harm() -> None:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1), nn.ReLU(inplace=True))
    model = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2)).eval()
    assert np.ptp(cam_maps(model, torch.randn(1, 3, 128, 128), "GradCAM", 0)) > 0


def test_what_is_not_understood_is_one_sentence() -> None:
    flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 2)).eval()
    with pytest.raises(CheckpointError, match="No CAM is known for Sequential"):
        cam_maps(flat, torch.zeros(1, 3, 64, 64), "GradCAM", 0)
    assert check_cams(flat, 64).endswith("where CAMs are needed.")

    class NoGradient(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.fc = nn.Conv2d(3, 8, 8, 8), nn.Linear(8, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.conv(x).mean((2, 3)).detach()).detach()

    assert "No CAM is known for NoGradient" in check_cams(NoGradient(), 64)


def test_measuring_leaves_a_network_as_it_was() -> None:
    model, images = untrained("mambaout_femto", depths=(1, 1, 1, 1))
    with torch.no_grad():
        model.get_classifier().weight.zero_()
    model.train().requires_grad_(False)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    state = torch.get_rng_state()
    assert check_cams(model, images.shape[-1]) == ""
    assert model.training and not any(p.requires_grad for p in model.parameters())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert not any(m._forward_hooks for m in model.modules())


def test_a_map_laid_on_the_image_lies_where_the_evidence_is() -> None:
    """A bright corner, and a network that counts bright places."""
    model = nn.Sequential(
        nn.Conv2d(3, 1, 8, 8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2)
    )
    with torch.no_grad():
        for weight in model.parameters():
            weight.fill_(1.0)
    images = torch.zeros(1, 3, 128, 128)
    images[..., 96:, :32] = 1.0
    seen = resize_map(cam_maps(model.eval(), images, "GradCAM", 0)[0], 128, 128)
    assert seen[104:, :24].min() > seen[:64].max()
