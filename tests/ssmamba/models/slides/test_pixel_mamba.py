"""Pixel-Mamba against its loops, its tables, and what fusion and shifts must leave alone."""

import math

import pytest
import torch

from ssmamba.errors import CheckpointError
from ssmamba.explain.measured import measure
from ssmamba.models.slides.block import BidirectionalBlock
from ssmamba.models.slides.config import SIZES, PixelMambaConfig, VimConfig
from ssmamba.models.slides.encoder import SlideModel
from ssmamba.models.slides.expansion import expand_tokens
from ssmamba.models.slides.fusion import fuse_regions, number_fused, regions_by_layer
from ssmamba.models.slides.images import PixelMambaClassifier
from ssmamba.models.slides.pixel_mamba import PixelMamba
from ssmamba.models.slides.serialise import serialise, split_class
from ssmamba.models.slides.vim import Vim
from tests.ssmamba.models.slides import plain

SMALL = PixelMambaConfig(expansions=("h-cat", "v-cat", "", "h-avg"), alpha=0.8, d_state=4)


def model(config: PixelMambaConfig = SMALL) -> PixelMamba:
    torch.manual_seed(0)
    made = PixelMamba(config).eval()
    torch.nn.init.normal_(made.cls_token)
    return made


def regions(count: int, side: int = 6, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


# -- tables


@pytest.mark.parametrize(("size", "millions"), [("6m", 6.23), ("21m", 20.49)])
def test_it_is_as_large_as_the_paper_says(size, millions):
    with torch.device("meta"):
        made = PixelMamba(PixelMambaConfig.of_size(size))
    assert sum(p.numel() for p in made.parameters()) / 1e6 == pytest.approx(millions, abs=0.005)


def test_channels_and_tokens_are_those_of_tables_7_and_8():
    small, large = (PixelMambaConfig.of_size(size) for size in ("6m", "21m"))
    start = (3, 6, 12, 24, 48, 48, 96, 96, 192, 192, 192)
    assert small.dims == (*start, *[192] * 11, 384, 384)
    assert large.dims == (*start, *[384] * 11, 768, 768)
    for config in (small, large):
        assert config.depth == 24
        assert config.reach == (32, 32)
        assert config.grid(224) == (7, 7)


@pytest.mark.parametrize(
    ("size", "projections", "products", "scan"),
    [("6m", 1.476, 1.92, 1.26), ("21m", 3.440, 4.12, 1.57)],
)
def test_its_operations_in_both_conventions(size, projections, products, scan):
    """Table 1's 1.4 and 3.4 G are the in and out projections alone, at 224 px and one region."""
    config, height, width = PixelMambaConfig.of_size(size), 224, 224
    totals = dict.fromkeys(("projections", "products", "scan"), 0)
    with torch.device("meta"):
        blocks = PixelMamba(config).blocks
    for block, kind in zip(blocks, config.expansions, strict=True):
        tokens = height * width + 1
        inner, p = block.out_proj.in_features, block.params
        own = block.in_proj.weight.numel() + block.out_proj.weight.numel()
        totals["projections"] += tokens * own
        mixed = block.conv.weight.numel() + p.x_proj.weight.numel() + p.dt_weight.numel()
        totals["products"] += tokens * (own + mixed)
        totals["scan"] += 9 * tokens * inner * p.states * 2
        width = width // 2 if kind.startswith("h") else width
        height = height // 2 if kind.startswith("v") else height
    assert totals["projections"] / 1e9 == pytest.approx(projections, abs=0.001)
    assert totals["products"] / 1e9 == pytest.approx(products, rel=0.015)
    assert totals["scan"] / 1e9 == pytest.approx(scan, rel=0.005)


# -- each part against its loops


def test_pixels_come_row_by_row_around_a_class_token():
    images, cls = regions(2, 4), torch.tensor([5.0, 6.0, 7.0])
    assert torch.equal(serialise(images[None], cls)[0], plain.serialise(images, cls))


@pytest.mark.parametrize("separate", [False, True], ids=["one conv", "two convs"])
def test_a_block_is_equation_1(separate):
    torch.manual_seed(0)
    module = BidirectionalBlock(5, d_state=3, separate_convs=separate).double()
    x, y = (torch.randn(1, 17, 5, dtype=torch.float64).requires_grad_() for _ in range(2))
    y.data.copy_(x.data)
    weights = torch.randn(1, 17, 5, dtype=torch.float64)
    parameters = list(module.parameters())
    expected = plain.block(module, x[0])[None]
    expected_grads = torch.autograd.grad((expected * weights).sum(), [x, *parameters])
    found = module(y)
    found_grads = torch.autograd.grad((found * weights).sum(), [y, *parameters])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    for mine, theirs in zip(found_grads, expected_grads, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("grid", [(4, 6), (5, 3), (1, 1)], ids=str)
@pytest.mark.parametrize("kind", ["h-cat", "v-cat", "h-avg", "v-avg"])
def test_token_expansion(kind, grid):
    torch.manual_seed(0)
    tokens = torch.randn(2, grid[0] * grid[1] + 1, 3, requires_grad=True)
    found, size = expand_tokens(tokens, grid, kind)
    expected = torch.stack([plain.expand(t, grid, kind) for t in tokens])
    torch.testing.assert_close(found, expected)
    assert size[0] * size[1] + 1 == found.shape[1]
    weights = torch.randn_like(found)
    (mine,) = torch.autograd.grad((found * weights).sum(), tokens)
    (theirs,) = torch.autograd.grad((expected * weights).sum(), tokens)
    torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("count", [1, 2, 3, 8, 13])
def test_fusion_averages_the_most_similar_regions(count):
    torch.manual_seed(count)
    tokens = torch.randn(count, 5, 4, requires_grad=True)
    fused = number_fused(count, 0.8, 2)
    found, owner = fuse_regions(tokens, torch.arange(count), fused)
    expected, members = plain.fuse(tokens, [{n} for n in range(count)], fused)
    torch.testing.assert_close(found, expected)
    assert [
        set((owner == row).nonzero().flatten().tolist()) for row in range(len(found))
    ] == members
    weights = torch.randn_like(found)
    (mine,) = torch.autograd.grad((found * weights).sum(), tokens)
    (theirs,) = torch.autograd.grad((expected * weights).sum(), tokens)
    torch.testing.assert_close(mine, theirs)


def test_equal_regions_fuse_in_the_order_of_the_slide():
    tokens = torch.ones(6, 3, 2)
    found, owner = fuse_regions(tokens, torch.arange(6), 2)
    assert torch.equal(found, torch.ones(4, 3, 2))
    assert owner.tolist() == [0, 0, 1, 0, 2, 3]  # 1 and 3 both into 0, the first of equals


def test_several_probes_of_one_region_are_averaged_by_their_count():
    cls = torch.tensor([[1.0, 0], [1, 0], [0, 1], [1, 0], [-1, -1], [-1, 0]])
    tokens = cls[:, None].repeat(1, 3, 1)
    tokens[:, 0] = torch.arange(6.0)[:, None]
    found, _ = fuse_regions(tokens, torch.arange(6), 2)
    assert found[0, 0].tolist() == pytest.approx([4 / 3, 4 / 3])  # regions 0, 1 and 3


@pytest.mark.parametrize("count", [1, 2, 7, 100])
def test_one_region_always_stays(count):
    for layers in (1, 24):
        assert count - number_fused(count, 0.99, layers) >= 1


@pytest.mark.parametrize("count", [1, 7, 25, 60])
def test_regions_left_are_those_that_fusion_leaves(count):
    tokens, owner, sizes = torch.randn(count, 3, 2), torch.arange(count), [count]
    for _ in range(24):
        tokens, owner = fuse_regions(tokens, owner, number_fused(len(tokens), 0.8, 24))
        sizes.append(len(tokens))
    assert regions_by_layer(count, 0.8, 24) == sizes
    assert (sizes[-1] == 1) == (count <= 25)  # each layer takes one at least


def test_a_random_half_is_probed_in_training_only():
    tokens = torch.randn(12, 3, 4)
    torch.manual_seed(0)
    owners = {
        tuple(fuse_regions(tokens, torch.arange(12), 3, shuffle=True)[1].tolist())
        for _ in range(20)
    }
    assert len(owners) > 1
    again = [fuse_regions(tokens, torch.arange(12), 3)[1] for _ in range(2)]
    assert torch.equal(*again)


# -- the whole


@pytest.mark.parametrize("count", [1, 5, 8])
def test_the_whole_model_is_its_loops(count):
    made, images = model(), regions(count)
    cls, members = plain.forward(made, images)
    found = made.forward_slide(images)
    torch.testing.assert_close(found.cls, cls, rtol=1e-4, atol=1e-5)
    assert rows_of(found.owner) == members
    torch.testing.assert_close(made.forward_features(images), cls.mean(0), rtol=1e-4, atol=1e-5)


def rows_of(owner: torch.Tensor) -> list[set[int]]:
    return [set((owner == row).nonzero().flatten().tolist()) for row in range(int(owner.max()) + 1)]


def test_owners_are_right_through_24_layers():
    """Regions of one colour each: a row's colour lies among those of its owners."""
    colours = torch.rand(40, 3) + 0.5
    tokens, owner, sizes = colours[:, None].repeat(1, 3, 1), torch.arange(40), []
    for _ in range(24):
        tokens, owner = fuse_regions(tokens, owner, number_fused(len(tokens), 0.8, 24))
        sizes.append(len(tokens))
    assert sizes[0] == 38
    assert 1 < sizes[-1] < 20
    rows = rows_of(owner)
    assert set().union(*rows) == set(range(40))
    assert len(rows) == len(tokens)
    assert any(len(row) > 2 for row in rows)
    for row, token in zip(rows, tokens, strict=True):
        own = colours[sorted(row)]
        assert ((token >= own.amin(0) - 1e-6) & (token <= own.amax(0) + 1e-6)).all()
        if len(row) == 1:
            assert torch.equal(token[0], own[0])


def test_recomputed_layers_change_no_gradient():
    made, images = SlideModel(model(), 3), regions(6)
    grads = []
    whole, short = made.encoder.segment, 1  # the shortest, 64 tokens: four segments here
    for layers, segment in ((0, whole), (2, whole), (SMALL.depth, whole), (SMALL.depth, short)):
        made.encoder.recomputed, made.encoder.segment = layers, segment
        made.zero_grad()
        made(images).square().sum().backward()
        grads.append([p.grad.clone() for p in made.parameters()])
    for others in grads[1:]:
        for mine, theirs in zip(grads[0], others, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


def test_recomputation_fuses_the_same_regions_in_training():
    made, images = SlideModel(model().train(), 3), regions(9)
    grads = []
    for layers in (0, SMALL.depth):
        made.encoder.recomputed = layers
        made.zero_grad()
        torch.manual_seed(5)
        made(images).square().sum().backward()
        grads.append([p.grad.clone() for p in made.parameters()])
    for mine, theirs in zip(*grads, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


def test_brightness_is_not_normalised_away():
    """A LayerNorm over three channels would make all greys equal."""
    made = model()
    dark, light = (torch.full((1, 3, 6, 6), value) for value in (0.1, 0.9))
    assert (made.forward_features(dark) - made.forward_features(light)).abs().max() > 1e-3


def test_regions_of_any_size_are_read():
    for side in (1, 5, 32, 50):
        found = model().forward_slide(regions(2, side))
        assert found.tokens.shape[1] == found.grid[0] * found.grid[1] + 1
        assert found.grid == (math.ceil(side / 2), math.ceil(math.ceil(side / 2) / 2))


@pytest.mark.parametrize(
    "wrong", [{"alpha": 1.0}, {"alpha": -0.1}, {"expansions": ()}, {"expansions": ("x",)}], ids=str
)
def test_configurations_that_cannot_be_are_refused(wrong):
    with pytest.raises(CheckpointError):
        PixelMambaConfig(**wrong)


def test_a_misspelt_field_is_named():
    with pytest.raises(CheckpointError, match=r"alpah.*alpha"):
        PixelMambaConfig.from_dict({"alpah": 0.5})
    assert PixelMambaConfig.from_dict({"expansions": list(SIZES["21m"])}).dims[-1] == 768


# -- Vision Mamba


def test_vim_is_as_large_as_the_paper_says():
    with torch.device("meta"):
        made = Vim(VimConfig())
    head = 192 * 1000 + 1000  # of ImageNet, which Table 1's 7.2 M hold
    assert (sum(p.numel() for p in made.parameters()) + head) / 1e6 == pytest.approx(7.2, abs=0.06)


@pytest.mark.parametrize("sides", [(4,), (8,), (4, 8)], ids=str)
def test_vim_reads_patches_of_one_or_two_sizes(sides):
    torch.manual_seed(0)
    made = Vim(VimConfig(tokens=sides, dim=8, depth=2, window=16, d_state=2)).eval()
    found = made.forward_slide(regions(3, 16))
    count = sum((16 // side) ** 2 for side in sides)
    assert found.tokens.shape == (3, count + 1, 8)
    assert made.forward_features(regions(3, 16)).shape == (8,)
    spatial, _ = split_class(found.tokens)
    assert spatial.shape[1] == count


def test_vim_refuses_regions_that_do_not_divide_into_patches():
    with pytest.raises(CheckpointError, match=r"50 px.*16"):
        VimConfig(window=50)


# -- single images


def test_an_image_is_a_slide_of_one_region():
    torch.manual_seed(0)
    images = regions(3, 8)
    classifier = PixelMambaClassifier(SMALL, 4).eval()
    slides = SlideModel(classifier.encoder, 0).eval()
    expected = torch.stack([slides(image[None]) for image in images])
    torch.testing.assert_close(classifier.forward_features(images), expected)
    assert classifier(images).shape == (3, 4)
    names = [name for name, _ in SlideModel(PixelMamba(SMALL), 4).named_parameters()]
    assert [name for name, _ in classifier.named_parameters()] == names


def test_a_map_of_evidence_finds_its_grids():
    """CAMs look at the last grid of tokens that the class token has yet to read."""
    config = PixelMambaConfig(
        expansions=("h-cat", "v-cat", "h-cat", "v-cat", "h-cat", "v-cat", "", ""), d_state=4
    )
    torch.manual_seed(0)
    made = PixelMambaClassifier(config, 3).eval()
    places = {place.name: place for place in measure(made, (128, 128)).places}
    assert places["taps.3"].grid == (32, 32) and places["taps.5"].grid == (16, 16)
    assert places["taps.5"].layout.axes == "BHWC" and places["taps.5"].answers
