"""Masked autoencoders beside MAMIM: what reaches the encoder and the decoder, and what is lost."""

import pytest
import timm
import torch

from ssmamba.config import MIMConfig, SSMambaConfig
from ssmamba.errors import CheckpointError
from ssmamba.models import MAE, MAMIM, SSMamba, ViTMAE, random_unit_mask
from ssmamba.models.build import build_masked
from ssmamba.models.mae import sine_positions

PLAIN = MIMConfig(mask_unit=32, decoder_dim=32, decoder_mixer="attention", from_mean=False)
VIT = {"img_size": 64, "depth": 2, "embed_dim": 48, "num_heads": 3, "num_classes": 0}


def four_stages() -> SSMamba:
    return SSMamba(SSMambaConfig(dims=(16, 32, 48, 64), depths=(1, 1, 1, 2), d_state=4))


def vit(**changes):
    torch.manual_seed(0)
    return timm.create_model("vit_tiny_patch16_224", **{**VIT, **changes})


def test_the_config_chooses_the_model():
    assert isinstance(build_masked(four_stages(), MIMConfig(decoder_dim=32)), MAMIM)
    assert isinstance(build_masked(four_stages(), PLAIN), MAE)
    assert isinstance(build_masked(vit(), PLAIN), ViTMAE)
    with pytest.raises(CheckpointError, match="ResNet cannot be pre-trained by masking"):
        build_masked(timm.create_model("resnet10t", num_classes=0), PLAIN)
    with pytest.raises(CheckpointError, match="multiple of 16"):
        build_masked(vit(), MIMConfig(mask_unit=24, decoder_dim=32, decoder_mixer="attention"))


@pytest.mark.parametrize(
    "make", [four_stages, vit, lambda: vit(reg_tokens=4, class_token=False, global_pool="avg")]
)
def test_hidden_pixels_never_reach_the_picture(make):
    torch.manual_seed(0)
    model = build_masked(make(), PLAIN).eval()
    mask = random_unit_mask(2, 64, 64, 0.5, 32)
    pixels = mask.repeat_interleave(32, 1).repeat_interleave(32, 2).unsqueeze(1)
    image = torch.randn(2, 3, 64, 64)
    other = torch.where(pixels, torch.randn_like(image), image)
    with torch.inference_mode():
        found = model.reconstruct(image, mask)
        assert found.shape == image.shape
        torch.testing.assert_close(found, model.reconstruct(other, mask), atol=0, rtol=0)
        seen = torch.where(pixels, image, image + 1)
        assert not torch.allclose(found, model.reconstruct(seen, mask))


def test_a_vit_works_on_the_visible_tokens_alone():
    model = build_masked(vit(reg_tokens=2), PLAIN)
    lengths = []
    model.encoder.blocks[0].register_forward_hook(lambda _m, i, _o: lengths.append(i[0].shape[1]))
    model(torch.randn(2, 3, 64, 64), random_unit_mask(2, 64, 64, 0.75, 32))
    assert lengths == [3 + 16 // 4]  # class and two registers, a quarter of 4 x 4 patches


def test_a_vit_that_is_told_how_much_is_hidden_does_not_ask_the_device(monkeypatch):
    """A GPU that is asked for a number makes Python wait for all that it was given."""
    model, image = build_masked(vit(), PLAIN).eval(), torch.randn(2, 3, 64, 64)
    mask = random_unit_mask(2, 64, 64, 0.75, 32)
    expected = model(image, mask)

    def asked(self):
        raise AssertionError("the device was asked")

    for name in ("item", "tolist", "__int__", "__bool__", "__index__", "nonzero"):
        monkeypatch.setattr(torch.Tensor, name, asked)
    with pytest.raises(AssertionError, match="was asked"):
        model(image, mask)
    found = model(image, mask, None, 3)
    monkeypatch.undo()
    assert torch.equal(found, expected)


def test_with_nothing_hidden_the_vit_sees_what_it_sees_in_use():
    model = build_masked(vit(), PLAIN).eval()
    image, kept = torch.randn(2, 3, 64, 64), torch.arange(16).expand(2, -1).unsqueeze(2)
    with torch.inference_mode():
        whole = model.encoder.forward_features(image)[:, 1:]
        torch.testing.assert_close(model._encode(image, kept), whole)


def test_every_weight_of_a_masked_vit_learns():
    model = build_masked(vit(), PLAIN)
    model(torch.randn(2, 3, 64, 64), random_unit_mask(2, 64, 64, 0.75, 32)).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_positions_tell_every_place_apart():
    found = sine_positions((3, 5), 32, torch.device("cpu"))
    assert found.shape == (15, 32)
    assert torch.cdist(found, found).fill_diagonal_(9).min() > 0.1
