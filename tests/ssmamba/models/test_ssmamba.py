"""SSMamba and MAMIM: sizes, invariances, ablations, masking."""

import math

import pytest
import torch
from torch import nn

from ssmamba.config import MIMConfig, SSMambaConfig
from ssmamba.errors import CheckpointError
from ssmamba.layers.local import (
    LPR,
    LPU,
    DeepStem,
    OverlapDownsample,
    OverlapStem,
    PatchMerge,
)
from ssmamba.models import MAMIM, SSMamba, random_unit_mask
from ssmamba.models.batchnorm import bn_statistics, load_bn_statistics, reestimate_bn
from ssmamba.models.macs import count_macs
from tests.ssmamba.layers.test_inference import trained_norms

CLOSE = {"rtol": 1e-3, "atol": 1e-4}  # float32 in another order of additions
VIT_S_MACS, VIT_B_MACS = 4.61e9, 17.58e9  # at 224 px
SMALL = {"dims": (16, 32, 48, 64), "depths": (1, 1, 2, 2), "d_state": 4}


def small_config(**changes) -> SSMambaConfig:
    return SSMambaConfig(**{**SMALL, **changes})


@pytest.mark.parametrize(
    ("size", "millions", "most_macs"),
    [
        ("nano", 1, None),
        ("tiny", 6, None),
        ("small", 16, 0.59 * VIT_S_MACS),
        ("base", 60, 0.59 * VIT_B_MACS),
    ],
)
def test_parameters_and_macs_of_the_sizes(size, millions, most_macs):
    model = SSMamba(SSMambaConfig.of_size(size))
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(millions * 1e6, rel=0.1)
    if most_macs is not None:
        assert 0.3 * most_macs < count_macs(model) <= most_macs


def test_dms_and_mamba_have_matching_parameters():
    count = {
        mixer: sum(
            p.numel() for p in SSMamba(SSMambaConfig.of_size("tiny", mixer=mixer)).parameters()
        )
        for mixer in ("dms", "mamba", "ss2d")
    }
    assert count["mamba"] == pytest.approx(count["dms"], rel=0.06)
    assert count["ss2d"] == pytest.approx(count["dms"], rel=0.20)  # four directions


@pytest.mark.parametrize("mixer", ["dms", "mamba", "ss2d"])
@pytest.mark.parametrize("embedding", ["lpr", "lpu", "linear", "patch_merge"])
def test_every_ablation_trains(mixer, embedding):
    torch.manual_seed(0)
    model = SSMamba(small_config(mixer=mixer, embedding=embedding, act="gelu"), num_classes=3)
    model(torch.randn(2, 3, 64, 64)).sum().backward()
    idle = [name for name, p in model.named_parameters() if p.grad is None]
    assert idle == []


@pytest.mark.parametrize("pool", ["cls", "both"])
def test_class_token_is_read_and_trained(pool):
    model = SSMamba(small_config(pool=pool, column_scans=True), num_classes=3)
    model(torch.randn(2, 3, 64, 64)).sum().backward()
    assert model.cls_token is not None and model.cls_token.grad.abs().max() > 0


@pytest.mark.parametrize("pool", ["cls", "both"])
@pytest.mark.parametrize("local_every_block", [False, True])
def test_every_block_updates_the_class_token(pool, local_every_block):
    """The paper's anchor gathers in all blocks of a stage, wherever a CAM looks."""
    torch.manual_seed(0)
    config = small_config(pool=pool, local_every_block=local_every_block)
    stage = SSMamba(config).eval().stages[3]
    x, token = torch.randn(2, 4, 6, 48), torch.randn(2, 1, 48)
    with torch.inference_mode():
        _, found = stage(x, token)
        tokens, token = stage.local(stage.down(x)).flatten(1, 2), stage.cls_map(token)
        for number, block in enumerate(stage.blocks):
            if number and local_every_block:
                local = stage.more_local[number - 1]
                tokens = local(tokens.unflatten(1, (2, 3))).flatten(1, 2)
            tokens = block(torch.cat([tokens[:, :3], token, tokens[:, 3:]], 1), (2, 3))
            token, tokens = tokens[:, 3:4], torch.cat([tokens[:, :3], tokens[:, 4:]], 1)
    torch.testing.assert_close(found, token)


PARTS = [  # without overlap a partial patch is filled with zeros
    {},
    {"embedding": "patch_merge"},
    {"embedding": "linear", "mixer": "mamba"},
    {"embedding": "lpu", "batch_norm": True},
    {"overlap": True, "local_every_block": True},
    {"overlap": True, "deep_stem": True, "batch_norm": True, "local_every_block": True},
    {"overlap": True, "deep_stem": True, "alternate_scans": True, "mixer": "mamba"},
    {"overlap": True, "embedding": "none", "mixer": "ss2d"},
]


def on_its_own_grid(model: SSMamba, image: torch.Tensor) -> list[torch.Tensor]:
    """The four stages' maps (B, H, W, C) with torch's own convolutions and their zero borders."""

    def filled(x, side):
        return nn.functional.pad(x, (0, -x.shape[3] % side, 0, -x.shape[2] % side))

    def normed(x, norm):
        if isinstance(norm, nn.BatchNorm2d):
            return norm(x)
        return norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    def conv(x, module):
        return nn.functional.conv2d(x, module.weight, module.bias, module.stride, module.padding)

    x, stem, maps = image, model.stem, []
    if isinstance(stem, DeepStem):
        for module, norm in zip(stem.convs, stem.norms, strict=True):
            x = normed(conv(x, module), norm).relu()
        x = nn.functional.max_pool2d(x, 3, stride=2, padding=1)
    elif isinstance(stem, OverlapStem):
        x = nn.functional.gelu(normed(conv(x, stem.first), stem.norm1))
        x = normed(conv(x, stem.second), stem.norm2)
    else:
        x = normed(conv(filled(x, 4), stem.conv), stem.norm)
    for stage in model.stages:
        down = stage.down
        if isinstance(down, OverlapDownsample):
            x = normed(conv(x, down.conv), down.norm)
        elif isinstance(down, PatchMerge):
            x = filled(x, 2)
            four = torch.stack([x[:, :, r::2, c::2] for c in (0, 1) for r in (0, 1)], 1)
            tokens = normed(four.flatten(1, 2), down.norm).permute(0, 2, 3, 1)
            x = (tokens @ down.reduction.weight.T).permute(0, 3, 1, 2)
        elif down is not None:
            x = conv(filled(normed(x, down.norm), 2), down.conv)
        grid = (x.shape[2], x.shape[3])
        for number, block in enumerate(stage.blocks):
            local = stage.more_local[number - 1] if number and stage.more_local else stage.local
            if number == 0 or stage.more_local:
                if isinstance(local, LPR):
                    x = x + local.body(x)
                elif isinstance(local, LPU):
                    x = x + local.conv(x)
                else:
                    x = local(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            tokens = block(x.flatten(2).mT, grid)
            x = tokens.mT.unflatten(2, grid)
        maps.append(x.permute(0, 2, 3, 1))
    return maps


@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("size", [(44, 52), (64, 47), (33, 96)])
def test_a_picture_ends_at_its_border(parts, size):
    """Where sides are no multiple of 32 nothing lies beyond the picture but the zeros that a
    convolution has around it: nothing of it is normalised, scanned, pooled or counted as style.
    """
    torch.manual_seed(0)
    model = trained_norms(SSMamba(small_config(**parts), num_classes=3)).eval()
    image = torch.randn(2, 3, *size)
    with torch.no_grad():
        maps = on_its_own_grid(model, image)
        pooled = model.norm(maps[-1].flatten(1, 2)).mean(1)
        logits, features = model.forward_with_features(image)
        stages = model.forward_stages(image)
    for index, (found, expected) in enumerate(zip(stages, maps, strict=True)):
        assert found.shape[2:] == tuple(math.ceil(side / 4 / 2**index) for side in size)
        torch.testing.assert_close(found.permute(0, 2, 3, 1), expected, **CLOSE)
    torch.testing.assert_close(logits, model.head(pooled), **CLOSE)
    statistics = [s for m in maps[:2] for s in (m.mean((1, 2)), m.std((1, 2)))]
    torch.testing.assert_close(features, torch.cat([*statistics, pooled], 1), **CLOSE)


@pytest.mark.parametrize("mixer", ["dms", "mamba", "ss2d"])
def test_alternate_blocks_read_the_grid_by_columns(mixer):
    """What such a block makes of a picture, another makes of the picture on its side."""
    torch.manual_seed(0)
    model = SSMamba(small_config(mixer=mixer, alternate_scans=True)).eval()
    blocks = [block for stage in model.stages for block in stage.blocks]
    assert [block.across for block in blocks] == [bool(n % 2) for n in range(len(blocks))]
    across, x = model.stages[1].blocks[0], torch.randn(2, 20, 32)

    def turned(tokens, rows, columns):
        return tokens.unflatten(1, (rows, columns)).transpose(1, 2).flatten(1, 2)

    with torch.inference_mode():
        found = across(x, (5, 4))
        across.across = False
        sideways = across(turned(x, 5, 4), (4, 5))
        plain = across(x, (5, 4))
    torch.testing.assert_close(found, turned(sideways, 4, 5), rtol=1e-5, atol=1e-6)
    assert (found - plain).abs().max() > 1e-4


@pytest.mark.parametrize("mixer", ["dms", "mamba"])
def test_a_norm_behind_the_scan_takes_its_scale_away(mixer):
    """Ten times the scan's output changes nothing behind the norm, and much without."""
    x = torch.randn(2, 16, 32)
    for scan_norm in (True, False):
        torch.manual_seed(0)
        config = small_config(mixer=mixer, scan_norm=scan_norm)
        module = SSMamba(config).stages[1].blocks[0].mixer.eval()
        louder = nn.Sequential(Times(10.0), module.norm)
        with torch.inference_mode():
            before = module(x, (4, 4))
            module.norm = louder
            same = torch.allclose(module(x, (4, 4)), before, rtol=1e-2, atol=1e-3)
        assert same is scan_norm


@pytest.mark.parametrize("mixer", ["dms", "mamba"])
def test_a_norm_behind_the_scan_in_half_precision(mixer):
    """The scan gives float32; weights kept in bfloat16 meet their own kind."""
    config = small_config(mixer=mixer, scan_norm=True)
    model = SSMamba(config, num_classes=3).bfloat16().eval()
    logits = model(torch.randn(1, 3, 64, 64, dtype=torch.bfloat16))
    assert logits.dtype == torch.bfloat16 and logits.isfinite().all()


class Times(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.factor


def test_dms_sees_both_ways_and_mamba_only_back():
    """A change in the last token reaches the first through DMS, never through causal Mamba."""
    grid = (4, 4)
    x = torch.randn(1, 16, 32)
    y = x.clone()
    y[:, -1] += 1.0
    for mixer, reaches in (("dms", True), ("mamba", False)):
        module = SSMamba(small_config(mixer=mixer)).stages[1].blocks[0].mixer.eval()
        with torch.inference_mode():
            moved = (module(x, grid) - module(y, grid))[:, 0].abs().max() > 0
        assert bool(moved) is reaches


@pytest.mark.parametrize("embedding", ["lpr", "lpu"])
def test_a_local_module_before_every_block(embedding):
    """One more module for each block but a stage's first, and it is trained."""
    torch.manual_seed(0)
    config = small_config(embedding=embedding, local_every_block=True, pool="both")
    model = SSMamba(config, num_classes=3)
    assert [len(stage.more_local) for stage in model.stages] == [0, 0, 1, 1]
    model(torch.randn(2, 3, 64, 64)).sum().backward()
    again, first = model.stages[2].more_local[0], model.stages[2].local
    assert again.state_dict().keys() == first.state_dict().keys()
    assert all(p.grad is not None for p in model.stages[2].more_local.parameters())


def test_embeddings_without_local_modules_have_none_to_repeat():
    for embedding in ("linear", "patch_merge"):
        model = SSMamba(small_config(embedding=embedding, local_every_block=True))
        assert not any(len(stage.more_local) for stage in model.stages)


def test_any_size_of_image():
    model = SSMamba(small_config(), num_classes=2).eval()
    with torch.inference_mode():
        assert model(torch.randn(1, 3, 96, 160)).shape == (1, 2)
        shapes = [m.shape[1:] for m in model.forward_stages(torch.randn(1, 3, 64, 96))]
    assert shapes == [(16, 16, 24), (32, 8, 12), (48, 4, 6), (64, 2, 3)]


def test_random_unit_mask_hides_the_asked_share():
    mask = random_unit_mask(5, 128, 128, 0.75, 16, torch.Generator().manual_seed(0))
    assert mask.shape == (5, 8, 8)
    assert (mask.sum((1, 2)) == 48).all()
    assert not torch.equal(mask[0], mask[1])


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("stem", [{}, {"overlap": True}, {"deep_stem": True}])
def test_hidden_pixels_never_reach_the_reconstruction(stem, batch_norm):
    torch.manual_seed(0)
    encoder = SSMamba(small_config(**stem, batch_norm=batch_norm))
    model = MAMIM(encoder, MIMConfig(mask_unit=16, decoder_dim=32)).eval()
    mask = random_unit_mask(1, 64, 64, 0.5, 16)
    pixels = mask.repeat_interleave(16, 1).repeat_interleave(16, 2).unsqueeze(1)
    image = torch.randn(1, 3, 64, 64)
    other = torch.where(pixels, torch.randn_like(image), image)
    with torch.inference_mode():
        assert torch.equal(model.reconstruct(image, mask), model.reconstruct(other, mask))
        seen = torch.where(pixels, image, image + 1)
        assert not torch.equal(model.reconstruct(image, mask), model.reconstruct(seen, mask))


def test_loss_counts_hidden_units_only():
    model = MAMIM(SSMamba(small_config()), MIMConfig(mask_unit=16, decoder_dim=32)).eval()
    mask = random_unit_mask(2, 64, 64, 0.75, 16)
    pixels = mask.repeat_interleave(16, 1).repeat_interleave(16, 2).unsqueeze(1)
    image = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        error = (model.reconstruct(image, mask) - image).square()
        expected = (error * pixels).sum() / (pixels.sum() * 3)
        torch.testing.assert_close(model(image, mask), expected)


def test_batchnorm_statistics_are_reestimated_and_restored():
    torch.manual_seed(0)
    model = SSMamba(small_config())
    before = bn_statistics(model)
    reestimate_bn(model, [torch.randn(8, 3, 64, 64) for _ in range(2)])
    after = bn_statistics(model)
    assert before.keys() == after.keys() and before
    assert any(not torch.equal(before[k], after[k]) for k in before)
    load_bn_statistics(model, before)
    assert all(torch.equal(v, before[k]) for k, v in bn_statistics(model).items())


def test_unknown_size_suggests_a_near_one():
    with pytest.raises(CheckpointError, match="did you mean 'tiny'"):
        SSMambaConfig.of_size("tinny")
