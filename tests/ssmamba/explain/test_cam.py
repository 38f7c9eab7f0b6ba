"""CAMs against their definitions and grad-cam, and the traps of that package."""

import numpy as np
import pytest
import torch
from torch import nn

from ssmamba.errors import CheckpointError, InputError
from ssmamba.explain import cam
from ssmamba.explain.cam import cam_maps, spanned_cells
from ssmamba.explain.methods import METHODS
from ssmamba.explain.stitch import resize_map
from tests.ssmamba.checkpoints.made import tiny_model

CLOSE = {"rtol": 1e-4, "atol": 1e-6}  # float32 in another order of additions


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture(scope="module")
def batch():
    torch.manual_seed(1)
    return torch.randn(2, 3, 64, 64)


def activation_and_gradient(model, batch, class_index, stage):
    """(B, C, h, w) each, by autograd alone; the last stage behind the final norm."""
    kept = {}

    def keep(_module, _inputs, output):
        output.retain_grad()
        kept["map"] = output

    layer = model.norm if stage == 4 else model.cam_layer(stage)
    handle = layer.register_forward_hook(keep)
    model(batch)[:, class_index].sum().backward()
    handle.remove()
    model.zero_grad()
    found, gradient = kept["map"].detach(), kept["map"].grad
    if stage == 4:
        found, gradient = found.unflatten(1, (2, 2)), gradient.unflatten(1, (2, 2))
    return found.permute(0, 3, 1, 2), gradient.permute(0, 3, 1, 2)


@pytest.mark.parametrize("stage", [1, 2, 3, 4])
@pytest.mark.parametrize("class_index", [0, 2])
def test_gradcam_is_activations_weighed_by_mean_gradients(model, batch, stage, class_index):
    activation, gradient = activation_and_gradient(model, batch, class_index, stage)
    expected = (activation * gradient.mean((2, 3), keepdim=True)).sum(1).numpy()
    got = cam_maps(model, batch, "GradCAM", class_index, stage)
    assert got.shape == (2, 64 // 2 ** (stage + 1), 64 // 2 ** (stage + 1))
    np.testing.assert_allclose(got, expected, atol=1e-6, rtol=1e-4)
    assert got.min() != 0 and got.max() != 1  # raw: neither clipped nor stretched to 0..1


@pytest.mark.parametrize("stage", [2, 4])
def test_hirescam_and_layercam_weigh_each_place_by_its_own_gradient(model, batch, stage):
    activation, gradient = activation_and_gradient(model, batch, 1, stage)
    hires = (activation * gradient).sum(1).numpy()
    if stage < 4:  # a residual stream has no zero of its own: an empty image gives it
        empty, _ = activation_and_gradient(model, torch.zeros(1, 3, 64, 64), 1, stage)
        activation = activation - empty.mean((2, 3), keepdim=True)
    layer = (activation * gradient.clamp_min(0)).sum(1).numpy()
    np.testing.assert_allclose(cam_maps(model, batch, "HiResCAM", 1, stage), hires, **CLOSE)
    np.testing.assert_allclose(cam_maps(model, batch, "LayerCAM", 1, stage), layer, **CLOSE)


class MeanThenLinear(nn.Module):
    """The kind of model for which HiResCAM is exact: mean pooling and one linear layer."""

    def __init__(self):
        super().__init__()
        self.layer1 = self.layer2 = self.layer3 = nn.Identity()
        self.layer4 = nn.Conv2d(3, 6, 3, padding=1)
        self.fc = nn.Linear(6, 4)

    def forward(self, x):
        return self.fc(self.layer4(x).mean((2, 3)))


def test_hirescam_adds_up_to_the_logit_without_its_bias():
    torch.manual_seed(0)
    model, images = MeanThenLinear().eval(), torch.randn(3, 3, 8, 8)
    maps = cam_maps(model, images, "HiResCAM", 2)
    logits = (model(images)[:, 2] - model.fc.bias[2]).detach().numpy()
    np.testing.assert_allclose(maps.sum((1, 2)), logits, atol=1e-5)


def test_hirescam_of_the_last_stage_adds_up_to_the_logit_of_a_real_model(model, batch):
    maps = cam_maps(model, batch, "HiResCAM", 1, 4)
    logits = (model(batch)[:, 1] - model.head.bias[1]).detach().numpy()
    np.testing.assert_allclose(maps.sum((1, 2)), logits, atol=1e-5)


@pytest.mark.parametrize("method", list(METHODS))
@pytest.mark.parametrize("stage", [1, 4])
def test_every_method_gives_finite_maps_that_depend_on_the_class_as_it_says(
    model, batch, method, stage
):
    first, second = (cam_maps(model, batch, method, k, stage) for k in (0, 1))
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    assert np.ptp(first) > 0
    assert np.allclose(first, second) != METHODS[method].uses_class
    assert METHODS[method].signed or first.min() >= 0


@pytest.mark.slow
def test_the_formulas_are_those_of_grad_cam():
    """Slow, because that package takes seconds to import."""
    package = pytest.importorskip("pytorch_grad_cam", reason="needs grad-cam, of .[test]")
    rng = np.random.default_rng(0)
    found, gradient = rng.normal(size=(2, 2, 8, 5, 6)).astype(np.float32)
    gradient[0, :, 2:4] = 0
    network = nn.Conv2d(3, 8, 1)
    for name, method in (
        ("GradCAM", package.GradCAM),
        ("GradCAM++", package.GradCAMPlusPlus),
        ("HiResCAM", package.HiResCAM),
        ("LayerCAM", package.LayerCAM),
        ("ElementWise", package.GradCAMElementWise),
    ):
        theirs = method(network, [network])
        expected = theirs.get_cam_image(None, None, None, found, gradient, False)
        theirs.activations_and_grads.release()
        np.testing.assert_allclose(cam._FORMULAS[name](found, gradient), expected, rtol=1e-6)


def test_a_batch_gives_each_image_its_own_map(model, batch):
    both = cam_maps(model, batch, "GradCAM", 0, 3)
    alone = cam_maps(model, batch[1:], "GradCAM", 0, 3)
    np.testing.assert_allclose(both[1:], alone, atol=1e-6)


def test_eigencam_points_to_the_strong_side(model):
    """A principal axis has no sign of its own; the map must not come out inverted."""

    class Spot(MeanThenLinear):
        def forward(self, x):
            return self.fc(self.layer4(x).mean((2, 3)))

    torch.manual_seed(0)
    spot = Spot().eval()
    image = torch.zeros(1, 3, 8, 8)
    image[..., 5:7, 1:3] = 4.0
    found = cam_maps(spot, image, "EigenCAM", 0)[0]
    assert found[5:7, 1:3].mean() > found[:4].mean()


def test_a_blank_image_gives_a_flat_map_not_a_stretched_one(model):
    flat = cam_maps(model, torch.zeros(1, 3, 64, 64), "HiResCAM", 0, 4)
    lively = cam_maps(model, torch.randn(1, 3, 64, 64) * 2, "HiResCAM", 0, 4)
    assert np.ptp(flat) < 0.5 * np.ptp(lively)


def test_the_model_is_left_as_it_was(model, batch):
    model.train()
    model.head.weight.grad = torch.ones_like(model.head.weight)
    try:
        cam_maps(model, batch, "GradCAM", 0, 4)
        assert model.training
        assert all(p.requires_grad for p in model.parameters())
        assert not model.cam_layer(4)._forward_hooks
    finally:
        model.eval()
        model.zero_grad()


def test_frozen_weights_do_not_matter(batch):
    """The engine freezes its models; a map needs no weight's gradient."""
    free, frozen = tiny_model(), tiny_model().requires_grad_(False)
    np.testing.assert_allclose(
        cam_maps(frozen, batch, "GradCAM", 0, 2), cam_maps(free, batch, "GradCAM", 0, 2), **CLOSE
    )
    assert not any(p.requires_grad for p in frozen.parameters())


def test_autocast_around_the_call_does_no_harm(model, batch):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = cam_maps(model, batch, "GradCAM", 0, 4)
    np.testing.assert_allclose(inside, cam_maps(model, batch, "GradCAM", 0, 4), **CLOSE)


@pytest.mark.parametrize("class_index", [-1, -3, 3, 7])
def test_a_class_that_is_not_there_is_an_error(model, batch, class_index):
    with pytest.raises(InputError, match=f"no class number {class_index}; choose one from 0 to 2"):
        cam_maps(model, batch, "GradCAM", class_index, 4)
    assert cam_maps(model, batch, "GradCAM", 0, 4).shape == (2, 2, 2)  # hooks are gone again


def test_unknown_names_are_answered_with_near_ones(model, batch):
    with pytest.raises(InputError, match=r"did you mean 'HiResCAM'\?"):
        cam_maps(model, batch, "HiResCMA", 0, 4)
    with pytest.raises(InputError, match="no stage 5"):
        cam_maps(model, batch, "GradCAM", 0, 5)


def test_padding_is_cut_off_the_map(model):
    assert cam_maps(model, torch.randn(1, 3, 80, 96), "GradCAM", 0, 2).shape == (1, 10, 12)


@pytest.mark.parametrize(("side", "spanned"), [(240, 7.5), (112, 3.5), (224, None), (96, None)])
def test_the_last_cells_of_an_odd_window_reach_beyond_the_image(model, side, spanned):
    """A map laid on the image alone would be shifted by up to 14 %."""
    shape = cam_maps(model, torch.randn(1, 3, side, side), "EigenCAM", 0, 4).shape[1:]
    found = spanned_cells(model, 4, (side, side), shape)
    assert found == (None if spanned is None else (spanned, spanned))
    assert spanned_cells(model, 1, (side, side), (side // 4, side // 4)) is None


def test_what_the_peak_says_of_an_odd_window_lies_where_it_is(model):
    """The cell from 64 to 96 px of a window of 112 px, laid on the window."""
    batch = torch.zeros(1, 3, 112, 112)
    maps = cam_maps(model, batch, "EigenCAM", 0, 4)
    values = np.zeros(maps.shape[1:], np.float32)
    values[2, 2] = 1.0
    laid = resize_map(values, 112, 112, spanned_cells(model, 4, (112, 112), values.shape))
    assert np.argwhere(laid > 0.95).mean(axis=0) == pytest.approx((79.5, 79.5), abs=0.51)


def test_a_class_token_model_is_read_where_patches_have_gradients(batch):
    model = tiny_model(pool="cls")
    assert np.abs(cam_maps(model, batch, "GradCAM", 0, 4)).max() > 0


@pytest.mark.parametrize(
    ("name", "options", "grids"),
    [
        ("vit_tiny_patch16_224", {"img_size": 64, "depth": 4, "embed_dim": 48, "num_heads": 3},
         {1: 4, 4: 4}),
        ("swin_tiny_patch4_window7_224",
         {"img_size": 64, "embed_dim": 24, "depths": (1, 1, 1, 1), "num_heads": (1, 1, 2, 2),
          "window_size": 4}, {1: 16, 2: 8, 4: 2}),
        ("resnet10t", {}, {1: 16, 4: 2}),
    ],
)  # fmt: skip
def test_timm_baselines_have_maps_too(batch, name, options, grids):
    import timm

    torch.manual_seed(0)
    baseline = timm.create_model(name, num_classes=3, **options).eval()
    with torch.no_grad():
        baseline.get_classifier().weight.normal_()
    for stage, side in grids.items():
        found = cam_maps(baseline, batch, "GradCAM", 1, stage)
        assert found.shape == (2, side, side)
        assert np.ptp(found) > 0


def test_an_architecture_without_known_layers_is_named():
    with pytest.raises(CheckpointError, match="Sequential"):
        cam_maps(
            nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), torch.zeros(1, 3, 2, 2), "GradCAM", 0
        )
