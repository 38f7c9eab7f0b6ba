"""SSMamba and MAMIM: sizes, invariances, ablations, masking."""

import pytest
import torch
from torch import nn

from ssmamba.config import MAMIMConfig, SSMambaConfig
from ssmamba.errors import CheckpointError
from ssmamba.models import MAMIM, SSMamba, random_unit_mask, ssmamba
from ssmamba.models.batchnorm import bn_statistics, load_bn_statistics, reestimate_bn
from ssmamba.models.macs import count_macs

VIT_S_MACS, VIT_B_MACS = 4.61e9, 17.58e9  # at 224 px
SMALL = {"dims": (16, 32, 48, 64), "depths": (1, 1, 2, 1), "d_state": 4}


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


@pytest.mark.parametrize("mixer", ["dms", "mamba", "ss2d"])
@pytest.mark.parametrize("embedding", ["lpr", "lpu", "linear", "patch_merge"])
def test_what_padding_shows_does_not_matter(mixer, embedding, monkeypatch):
    torch.manual_seed(0)
    model = SSMamba(small_config(mixer=mixer, embedding=embedding), num_classes=3).eval()
    image = torch.randn(1, 3, 44, 52)  # 11 x 13 tokens of 4 px, padded to 16 x 16
    with torch.inference_mode():
        own = model(image)

        def pad_with_noise(x):
            padded, valid = pad(x)
            return torch.where(valid, padded, 3 * torch.randn_like(padded)), valid

        pad = ssmamba._pad
        monkeypatch.setattr(ssmamba, "_pad", pad_with_noise)
        torch.testing.assert_close(model(image), own, rtol=0, atol=1e-6)
        monkeypatch.setattr(ssmamba, "_pad", lambda x: (pad_with_noise(x)[0], None))
        assert (model(image) - own).abs().max() > 1e-3  # unmasked it does


@pytest.mark.parametrize("mixer", ["dms", "mamba", "ss2d"])
def test_a_mixer_gives_with_padded_rows_what_it_gives_without(mixer):
    torch.manual_seed(0)
    config = small_config(mixer=mixer, column_scans=mixer == "dms")
    module = SSMamba(config).stages[1].blocks[0].mixer.eval()
    x = torch.randn(2, 12, 32)
    padded = torch.cat([x, torch.randn(2, 8, 32)], 1)
    with torch.inference_mode():
        real = module(padded, (5, 4), torch.arange(20) < 12)[:, :12]
        torch.testing.assert_close(real, module(x, (3, 4)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mixer", ["dms", "mamba", "ss2d"])
def test_alternate_blocks_read_the_grid_by_columns(mixer):
    """What such a block makes of a picture, another makes of the picture on its side."""
    torch.manual_seed(0)
    model = SSMamba(small_config(mixer=mixer, alternate_scans=True)).eval()
    blocks = [block for stage in model.stages for block in stage.blocks]
    assert [block.across for block in blocks] == [bool(n % 2) for n in range(len(blocks))]
    across, x = model.stages[1].blocks[0], torch.randn(2, 20, 32)
    real = torch.arange(20) < 12  # rows 1 to 3 of (5, 4)

    def turned(tokens, rows, columns):
        return tokens.unflatten(1, (rows, columns)).transpose(1, 2).flatten(1, 2)

    with torch.inference_mode():
        found = across(x, (5, 4), real)
        across.across = False
        sideways = across(turned(x, 5, 4), (4, 5), real.view(5, 4).T.flatten())
        plain = across(x, (5, 4), real)
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
    assert [len(stage.more_local) for stage in model.stages] == [0, 0, 1, 0]
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
    model = MAMIM(encoder, MAMIMConfig(mask_unit=16, decoder_dim=32)).eval()
    mask = random_unit_mask(1, 64, 64, 0.5, 16)
    pixels = mask.repeat_interleave(16, 1).repeat_interleave(16, 2).unsqueeze(1)
    image = torch.randn(1, 3, 64, 64)
    other = torch.where(pixels, torch.randn_like(image), image)
    with torch.inference_mode():
        assert torch.equal(model.reconstruct(image, mask), model.reconstruct(other, mask))
        seen = torch.where(pixels, image, image + 1)
        assert not torch.equal(model.reconstruct(image, mask), model.reconstruct(seen, mask))


def test_loss_counts_hidden_units_only():
    model = MAMIM(SSMamba(small_config()), MAMIMConfig(mask_unit=16, decoder_dim=32)).eval()
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
