"""VMamba: as large as SSMamba of the same size, with SS2D or DMS, in every place SSMamba goes."""

import pytest
import torch

from ssmamba.config import MIMConfig, SSMambaConfig
from ssmamba.errors import CheckpointError
from ssmamba.layers.mixers import DMS, SS2D
from ssmamba.models import SSMamba, random_unit_mask
from ssmamba.models.build import build_masked, build_network
from ssmamba.models.macs import count_macs
from ssmamba.models.vmamba import VMamba
from tests.ssmamba.models.test_masked import PLAIN

TINY = {"dims": (16, 32, 48, 64), "depths": (1, 1, 2, 2), "d_state": 4}


def tiny(**changes) -> VMamba:
    torch.manual_seed(0)
    return VMamba(SSMambaConfig.vmamba("nano", **{**TINY, **changes}), 3)


def parameters(model) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("size", ["nano", "tiny", "small", "base"])
def test_it_is_as_large_as_ssmamba(size):
    with torch.device("meta"):
        own = parameters(VMamba(SSMambaConfig.vmamba(size)))
        ssmamba = parameters(SSMamba(SSMambaConfig.of_size(size)))
        with_dms = parameters(VMamba(SSMambaConfig.vmamba(size, mixer="dms")))
    assert own == pytest.approx(ssmamba, rel=0.06)
    assert with_dms == pytest.approx(own, rel=0.10)


def test_its_macs_are_stated():
    """Stem, downsampling and four-way scans cost more than SSMamba's of like parameters."""
    ssmamba = count_macs(SSMamba(SSMambaConfig.of_size("nano")))
    assert 1.2 < count_macs(VMamba(SSMambaConfig.vmamba("nano"))) / ssmamba < 1.7


@pytest.mark.parametrize(("mixer", "kind"), [("ss2d", SS2D), ("dms", DMS)])
def test_its_blocks_hold_a_mixer_and_an_mlp_and_all_learn(mixer, kind):
    model = tiny(mixer=mixer)
    block = model.stages[2].blocks[1]
    assert isinstance(block.mixer, kind) and block.mlp is not None
    model(torch.randn(2, 3, 64, 64)).sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_any_size_of_image():
    model = tiny().eval()
    with torch.inference_mode():
        assert model(torch.randn(1, 3, 50, 96)).shape == (1, 3)
        shapes = [m.shape[1:] for m in model.forward_stages(torch.randn(1, 3, 64, 96))]
    assert shapes == [(16, 16, 24), (32, 8, 12), (48, 4, 6), (64, 2, 3)]


@pytest.mark.parametrize("config", [PLAIN, MIMConfig(mask_unit=32, decoder_dim=32)])
def test_its_overlapping_stem_lets_no_hidden_pixel_through(config):
    model = build_masked(VMamba(SSMambaConfig.vmamba("nano", **TINY)), config).eval()
    mask = random_unit_mask(1, 64, 64, 0.5, 32, torch.Generator().manual_seed(0))
    pixels = mask.repeat_interleave(32, 1).repeat_interleave(32, 2).unsqueeze(1)
    image = torch.randn(1, 3, 64, 64)
    other = torch.where(pixels, torch.randn_like(image), image)
    with torch.inference_mode():
        assert torch.equal(model.reconstruct(image, mask), model.reconstruct(other, mask))


def test_its_config_comes_back_from_a_card_and_refuses_a_local_module():
    config = SSMambaConfig.vmamba("nano")
    again = build_network("vmamba", vars(config), 3)
    assert type(again) is VMamba and again.config == config
    with pytest.raises(CheckpointError, match="omit --embedding"):
        build_network("vmamba", {**vars(config), "embedding": "lpr"}, 3)
    with pytest.raises(CheckpointError, match="did you mean 'nano'"):
        SSMambaConfig.vmamba("nan")
