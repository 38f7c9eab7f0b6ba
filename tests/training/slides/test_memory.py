"""The counted memory of a step against what torch allocates, and what is said of it."""

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from ssmamba.models.slides.block import BidirectionalBlock
from ssmamba.models.slides.config import PixelMambaConfig
from ssmamba.models.slides.memory import Load, most_regions
from ssmamba.models.slides.pixel_mamba import PixelMamba
from training.slides import fit
from training.slides.config import SlideFinetuneConfig, SlidePretrainConfig
from training.slides.memory import dino_bytes, latentmim_bytes, parameters, supervised_bytes

SMALL = PixelMambaConfig(expansions=("h-cat", "v-cat", "h-cat", "v-cat", "", ""), alpha=0.5)
PAPER = PixelMambaConfig.of_size("6m")
SHORT = 1 << 17  # floats of a segment, so that a few small regions have several


@pytest.mark.parametrize("half", [False, True], ids=["float32", "bf16"])
@pytest.mark.parametrize("dim", [3, 12, 48])
def test_what_a_block_keeps_is_counted(dim, half):
    block, tokens = BidirectionalBlock(dim), 1024
    weights = {p.untyped_storage().data_ptr() for p in block.parameters()}
    kept: dict[int, int] = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights and storage.nbytes() >= 2 * tokens:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    x = torch.randn(1, tokens, dim, requires_grad=True)
    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=half),
    ):
        y = block(x)
    assert y.requires_grad
    counted = Load(PAPER, 224, half=half).saved(dim) * 4 * tokens
    # what depends on the weights alone is small: a transform of them, or a copy in bf16
    assert sum(kept.values()) == pytest.approx(counted, rel=0.04)


@pytest.fixture(autouse=True)
def kernels(monkeypatch):
    """The compiled scan, whose bytes are counted; the plain one keeps many times as much."""
    pytest.importorskip("numba", reason="needs the compiled kernels")
    monkeypatch.setenv("SSMAMBA_SCAN", "cpu")


def allocated(regions: int, window: int, recomputed: int, segment: int) -> int:
    """Peak bytes of torch's allocator over a forward and backward pass."""
    torch.manual_seed(0)
    model = PixelMamba(SMALL).train()
    model.recomputed, model.segment = recomputed, segment
    model.forward_features(torch.randn(1, 3, 8, 8), 0).sum().backward()  # gradients are there
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        pixels = torch.randn(regions, 3, window, window)
        model.forward_features(pixels, 0).sum().backward()
    assert seen.profiler is not None
    events = [e for e in seen.profiler.kineto_results.events() if e.name() == "[memory]"]
    total = most = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        total += event.nbytes()
        most = max(most, total)
    return most


@pytest.mark.parametrize("recomputed", [0, 2, 6])
def test_the_peak_is_what_torch_allocates(recomputed):
    """By the slope between two sizes, and in all."""
    load = Load(SMALL, 32, recomputed, segment=SHORT)
    few, many = (allocated(n, 32, recomputed, SHORT) for n in (4, 12))
    assert load.peak(12) - load.peak(4) == pytest.approx(many - few, rel=0.1)
    assert load.peak(12) == pytest.approx(many, rel=0.1)


def test_weights_are_counted():
    for config in (PAPER, PixelMambaConfig.of_size("21m"), SMALL):
        with torch.device("meta"):
            assert parameters(config) == sum(p.numel() for p in PixelMamba(config).parameters())


def test_regions_and_tokens_of_each_layer_are_the_models():
    load, seen = Load(SMALL, 12), []
    model = PixelMamba(SMALL).eval()
    for block in model.blocks:
        block.register_forward_pre_hook(lambda _, given: seen.append(tuple(given[0].shape)))
    found = model.forward_slide(torch.randn(9, 3, 12, 12))
    shapes = zip(load.regions(9), load.shapes, strict=True)
    assert seen == [(1, n * t, c) for n, (t, c) in shapes]
    assert load.left(9) == len(found.tokens)


def test_the_thesis_measured_as_much():
    """Table 4.2: DINO in mixed precision on an A100, its worst case, up to 4 layers computed again.

    (Its row of 16 layers needs twice what is counted here.)
    """
    head = 384 * 2048 + 2048**2 + 256 * (2048 + 65_536)
    table = {0: (110, 76.41), 1: (135, 74.26), 2: (155, 72.22), 4: (200, 77.38)}
    for layers, (regions, measured) in table.items():
        load = Load(PAPER, 224, layers, half=True)
        counted = dino_bytes(load, fit.views_of(regions, 6), 2, head)
        assert counted / 1e9 == pytest.approx(measured, rel=0.07)


def test_the_most_regions_are_found_by_halving():
    assert most_regions(lambda n: 10 * n, 99) == 9
    assert most_regions(lambda n: 10 * n, 20) == 2
    assert most_regions(lambda n: 10 * n, 19) == 0
    load = Load(PAPER, 224)
    for need in (lambda n: supervised_bytes(load, n),
                 lambda n: latentmim_bytes(load, n, 0.75, 512, 3)):  # fmt: skip
        most = most_regions(need, 8 << 30)
        assert need(most) <= 8 << 30 < need(most + 1)


@pytest.mark.parametrize("half", [False, True], ids=["float32", "bf16"])
def test_many_times_the_regions_fit_where_all_layers_are_computed_again(half):
    plain, again = (
        most_regions(lambda n, r=r: supervised_bytes(Load(PAPER, 224, r, half), n), 24 << 30)
        for r in (0, 24)
    )
    assert again >= 12 * plain


@pytest.mark.parametrize("method", ["latentmim", "dino", None])
def test_it_says_whether_a_slide_fits(monkeypatch, tmp_path, method):
    free = [16 << 30]
    monkeypatch.setattr(fit, "free_memory", lambda device: free[0])
    shared = {"cohort": tmp_path, "out": tmp_path}
    config = (
        SlidePretrainConfig(method=method, **shared) if method else SlideFinetuneConfig(**shared)
    )
    device = torch.device("cpu")
    fits = fit.told_fit(config, 4, device)
    assert fits.startswith("A step with the largest slide (4 regions of 224 px) needs about")
    assert "16.0 GiB are free, enough for" in fits
    tight = fit.told_fit(config, 100_000, device)
    assert tight.startswith("Careful:") and "--most-regions" in tight and "--recompute 24" in tight
    number = int(tight.split("--most-regions ")[1].split(",")[0])
    assert f"enough for {number} regions" in tight
    free[0] = 1 << 20
    assert "smaller --window" in fit.told_fit(config, 4, device)
    free[0] = None
    assert fit.told_fit(config, 4, device).endswith("GiB.")


def test_of_the_plain_scan_nothing_is_predicted(monkeypatch, tmp_path):
    monkeypatch.setenv("SSMAMBA_SCAN", "torch")
    config = SlideFinetuneConfig(cohort=tmp_path, out=tmp_path)
    assert "plain scan" in fit.told_fit(config, 4, torch.device("cpu"))


def test_other_models_are_not_counted(tmp_path):
    config = SlideFinetuneConfig(cohort=tmp_path, out=tmp_path, model="vim-ti")
    assert fit.told_fit(config, 4, torch.device("cpu")) == ""
