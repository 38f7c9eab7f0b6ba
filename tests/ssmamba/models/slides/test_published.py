"""Dilated attention and the published slide encoders, against slow and obvious versions."""

import math

import pytest
import torch
from torch.nn.functional import gelu, interpolate, layer_norm, linear

from ssmamba.errors import CheckpointError
from ssmamba.models.slides.build import build_slide_model
from ssmamba.models.slides.config import LongViTConfig
from ssmamba.models.slides.mil import MILConfig, build_aggregator, reads_places
from ssmamba.models.slides.published.dilated import dilated_attention
from ssmamba.models.slides.published.longnet import segments_for, sines


def plain_dilated(q, k, v, segments, ratios):
    """Token by token, head by head: (L, H, d) each -> (L, H, d)."""
    length, heads, dim = q.shape
    out = torch.zeros_like(q)
    for head in range(heads):
        for at in range(length):
            values, weights = [], []
            for segment, ratio in zip(segments, ratios, strict=True):
                segment = min(segment, length)
                first = head * ratio // heads  # of the places that this head looks at
                start = at // segment * segment
                if (at - start) % ratio != first:
                    continue
                stride = math.ceil(segment / ratio)
                places = [start + first + n * ratio for n in range(stride)]
                real = [p < min(start + segment, length) for p in places]
                scores = torch.stack([
                    q[at, head] @ k[p, head] / dim**0.5 if ok else q.new_zeros(())
                    for p, ok in zip(places, real, strict=True)
                ])  # fmt: skip
                rows = [
                    v[p, head] if ok else v.new_zeros(dim)
                    for p, ok in zip(places, real, strict=True)
                ]
                values.append(scores.softmax(0) @ torch.stack(rows))
                weights.append(scores.exp().sum())
            total = torch.stack(weights)
            out[at, head] = (total / total.sum()).detach() @ torch.stack(values)
    return out


@pytest.mark.parametrize("length", [1, 5, 8, 13, 21])
@pytest.mark.parametrize(
    ("segments", "ratios"), [((4, 8, 16), (1, 2, 4)), ((6, 7), (1, 2)), ((64,), (1,))]
)
def test_dilated_attention_token_by_token(length, segments, ratios):
    generator = torch.Generator().manual_seed(length)
    q, k, v = (
        torch.randn(length, 4, 3, generator=generator, dtype=torch.float64).requires_grad_()
        for _ in range(3)
    )
    found = dilated_attention(q[None], k[None], v[None], segments, ratios)[0]
    expected = plain_dilated(q, k, v, segments, ratios)
    torch.testing.assert_close(found, expected)
    slope = torch.randn(found.shape, generator=generator, dtype=torch.float64)
    grads = torch.autograd.grad((found * slope).sum(), (q, k, v))
    plain = torch.autograd.grad((expected * slope).sum(), (q, k, v))
    for one, other in zip(grads, plain, strict=True):
        torch.testing.assert_close(one, other)


def test_one_segment_of_ratio_one_is_softmax_attention():
    q, k, v = torch.randn(3, 2, 9, 4, 8)
    found = dilated_attention(q, k, v, (100,), (1,))
    scores = torch.einsum("blhd,bmhd->bhlm", q, k) / 8**0.5
    torch.testing.assert_close(found, torch.einsum("bhlm,bmhd->blhd", scores.softmax(-1), v))


def test_segments_and_positions_are_those_of_the_published_code():
    """LongNet's segments for a slide of 262,144 px in tiles of 256; MAE's sines."""
    assert segments_for(1024**2) == (1024, 5792, 32768, 185363, 1048576)
    found = sines(torch.tensor([0.0, 3.0]), 8)
    assert found[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    rates = [1, 10_000**-0.25, 10_000**-0.5, 10_000**-0.75]
    expected = [math.sin(3 * r) for r in rates] + [math.cos(3 * r) for r in rates]
    assert found[1].tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "features", "dim", "parameters"),
    [("gigapath-slide", 1536, 768, 86_330_880), ("hipt", 384, 192, 2_781_504)],
)
def test_published_sizes(name, features, dim, parameters):
    with torch.device("meta"):
        model = build_aggregator(MILConfig(name, features, dim))
    own = model.local if name == "hipt" else model
    assert sum(p.numel() for p in own.parameters()) == parameters
    assert reads_places(name) and model.num_features == dim


def bag(count, features, columns):
    """Tiles of a slide, some missing, in row-major order."""
    generator = torch.Generator().manual_seed(count)
    at = torch.randperm(columns * columns, generator=generator)[:count].sort().values
    places = torch.stack([at % columns, at // columns], 1).float()
    return torch.cat([torch.randn(count, features, generator=generator), places], 1)


def test_gigapath_layer_by_layer():
    torch.manual_seed(0)
    model = build_aggregator(MILConfig("gigapath-slide", 10, 32, depth=2)).eval()
    slide = bag(9, 10, 5)
    tokens = [model.cls_token[0]]
    for row in slide:
        x, y = row[-2:].tolist()
        known = torch.cat([sines(torch.tensor(y), 16), sines(torch.tensor(x), 16)])
        tokens.append(linear(row[:-2], model.embed.weight, model.embed.bias) + known)
    tokens = torch.stack(tokens)
    for block in model.blocks:
        y = layer_norm(tokens, (32,), block.norm1.weight, block.norm1.bias)
        parts = [p(y).view(len(y), 16, 2) for p in (block.q, block.k, block.v)]
        mixed = plain_dilated(*parts, block.segments, block.ratios).reshape(len(y), 32)
        tokens = tokens + block.out(block.inner1(mixed))
        tokens = tokens + block.fc2(block.inner2(gelu(block.fc1(block.norm2(tokens)))))
    torch.testing.assert_close(model.forward_features(slide), model.norm(model.last(tokens))[0])


def test_hipt_square_by_square():
    """Squares of 16 × 16 tiles, each a ViT with DINO's enlarged positions."""
    torch.manual_seed(0)
    model = build_aggregator(MILConfig("hipt", 10, 24, depth=2)).eval()
    slide = bag(60, 10, 20)
    slide[0, -2:] = 0.0  # squares count from the first tile
    found, local = model.local_features(slide), model.local
    grid = local.positions[1:].view(14, 14, 24).permute(2, 0, 1)[None]
    large = interpolate(grid, scale_factor=(16.1 / 14, 16.1 / 14), mode="bicubic")[0]
    number = 0
    for top in (0, 16):
        for left in (0, 16):
            x, y = slide[:, -2], slide[:, -1]
            own = slide[(x >= left) & (x < left + 16) & (y >= top) & (y < top + 16)]
            tokens = [local.cls_token[0] + local.positions[0]]
            for row in own:
                column, line = int(row[-2]) - left, int(row[-1]) - top
                tokens.append(gelu(local.embed(row[:-2])) + large[:, line, column])
            tokens = torch.stack(tokens)
            for block in local.blocks:
                q, k, v = block.qkv(block.norm1(tokens)).view(len(tokens), 3, 6, 4).unbind(1)
                weights = (torch.einsum("lhd,mhd->hlm", q, k) / 2).softmax(-1)
                mixed = torch.einsum("hlm,mhd->lhd", weights, v).reshape(len(tokens), 24)
                tokens = tokens + block.proj(mixed)
                tokens = tokens + block.fc2(gelu(block.fc1(block.norm2(tokens))))
            torch.testing.assert_close(found[number], local.norm(tokens)[0])
            number += 1
    assert number == len(found)


@pytest.mark.parametrize("name", ["gigapath-slide", "hipt"])
@pytest.mark.parametrize("count", [1, 2, 40])
def test_they_learn_from_bags_of_any_size(name, count):
    torch.manual_seed(0)
    config = {"aggregator": name, "features": 10, "hidden": 48, "depth": 1}
    model = build_slide_model("mil", config, 3)
    logits = model(bag(count, 10, 20))
    logits.square().sum().backward()
    assert logits.shape == (3,)
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_longvit_reads_regions_and_has_vit_s_size():
    with torch.device("meta"):
        whole = build_slide_model("longvit", {}, 0)
    assert sum(p.numel() for p in whole.parameters()) == pytest.approx(22e6, rel=0.03)
    torch.manual_seed(0)
    config = LongViTConfig(token=8, dim=32, depth=2, window=16, segments=(8, 16), ratios=(1, 2))
    model = build_slide_model("longvit", vars(config), 2)
    regions = torch.randn(3, 3, 16, 16)
    tokens = model.encoder.forward_slide(regions)
    assert tokens.tokens.shape == (3, 5, 32) and tokens.grid == (2, 2)
    model(regions).sum().backward()
    plain = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    model.encoder.recomputed = 2
    model(regions).sum().backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, plain[name])


@pytest.mark.parametrize(
    "values", [{"token": 30}, {"heads": 5}, {"ratios": (1, 2)}, {"ratios": (1, 3, 4, 8, 16)}]
)
def test_a_longvit_that_cannot_be_is_refused(values):
    with pytest.raises(CheckpointError, match="correct its configuration"):
        LongViTConfig(**values)
