"""LatentMIM and DINO as modules: what learns, what follows, and what a shift leaves alone."""

import pytest
import torch

from ssmamba.models.slides.config import PixelMambaConfig
from ssmamba.models.slides.pixel_mamba import PixelMamba
from ssmamba.models.slides.serialise import split_class
from tests.training.slides.ssl import plain
from training.slides.ssl.dino import Dino, DinoConfig
from training.slides.ssl.distillation import momentum_at
from training.slides.ssl.latentmim import LatentMIM, LatentMIMConfig

SMALL = PixelMambaConfig(expansions=("h-cat", "v-cat", "", "h-avg"), alpha=0.8, d_state=4)


def encoder(alpha: float = 0.8) -> PixelMamba:
    torch.manual_seed(0)
    return PixelMamba(PixelMambaConfig(expansions=SMALL.expansions, alpha=alpha, d_state=4))


def latent(alpha: float = 0.8, passes: int = 1, **changes) -> LatentMIM:
    config = LatentMIMConfig(width=32, depth=1, **changes)
    return LatentMIM(encoder(alpha), config, 0.9, 10, passes)


def given(count: int = 9, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    regions = torch.randn(count, 3, 4, 4, generator=generator)
    cells = torch.stack([torch.arange(count) // 3, torch.arange(count) % 3], 1)
    hidden = torch.arange(count) % 4 != 0
    return regions, cells, hidden


@pytest.mark.parametrize("predicts", ["spatial", "all", "class"])
@pytest.mark.parametrize("alpha", [0.0, 0.8])
def test_the_loss_is_put_together_as_written(alpha, predicts):
    """Teacher on the hidden, student on the visible, each merged region where its gallery was."""
    model = latent(alpha, predicts=predicts, position_penalty=0.5).eval()
    regions, cells, hidden = given(16)
    terms = model.terms(regions, cells, hidden)
    sides = {}
    for name, part in (("seen", ~hidden), ("asked", hidden)):
        slide = model.encoder.forward_slide(regions[part])
        own, (height, width) = cells[part], slide.grid
        rows = []
        for tokens, lead in zip(slide.tokens, slide.lead.tolist(), strict=True):
            assert slide.owner[lead] == len({r for r, *_ in rows})  # a gallery region owns itself
            row, column = own[lead].tolist()
            places = [(row * height + y, column * width + x)
                      for y in range(height) for x in range(width)]  # fmt: skip
            middle = (row * height + (height - 1) / 2, column * width + (width - 1) / 2)
            places.insert(len(places) // 2, middle)
            rows += [(lead, t, at, n == height * width // 2)
                     for n, (t, at) in enumerate(zip(tokens, places, strict=True))]  # fmt: skip
        sides[name] = rows
    keep = {"all": (True, False), "spatial": (False,), "class": (True,)}[predicts]
    seen = [r for r in sides["seen"] if predicts != "class" or r[3]]
    asked = [r for r in sides["asked"] if r[3] in keep]
    context = torch.stack([r[1] for r in seen])
    predicted = plain.predict(
        model.predictor, context, [r[2] for r in seen], [r[2] for r in asked], [r[3] for r in asked]
    )
    torch.testing.assert_close(terms.predicted, predicted, rtol=1e-4, atol=1e-5)
    target = torch.stack([r[1] for r in asked]).detach()  # nothing is learnt by the teacher
    torch.testing.assert_close(terms.taught, target)
    where = torch.stack([plain.position(*r[2], 32) for r in asked])
    excess = (plain.cka(predicted, where) - plain.cka(target, where)).clamp(min=0)
    expected = plain.patch_discrimination(predicted, target, 0.2) + 0.5 * excess
    torch.testing.assert_close(terms.loss, expected, rtol=1e-4, atol=1e-5)
    if predicts == "all":
        weights = [p for p in model.parameters() if p.requires_grad]
        mine = torch.autograd.grad(terms.loss, weights, allow_unused=True)
        theirs = torch.autograd.grad(expected, weights, allow_unused=True)
        for one, other in zip(mine, theirs, strict=True):
            assert (one is None) == (other is None)
            if one is not None:
                torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-5)


def test_a_slide_shifted_by_whole_regions_has_the_same_loss():
    model = latent().eval()
    regions, cells, hidden = given()
    shifted = model(regions, cells + torch.tensor([40, 3]), hidden, 0)
    assert torch.equal(model(regions, cells, hidden, 0), shifted)
    assert not torch.equal(model(regions, cells * 2, hidden, 0), shifted)


@pytest.mark.parametrize("made", ["latentmim", "dino"])
def test_the_student_learns_and_the_teacher_follows_once_a_step(made):
    passes = 3
    if made == "latentmim":
        model, batch = latent(passes=passes), (*given(), 0)
    else:
        model = Dino(encoder(), DinoConfig(prototypes=7, hidden=8, bottleneck=4), 0.9, 10, passes)
        batch = (given(12)[0], torch.tensor([5, 4, 2, 1]), 2, 0)
    model.train()
    assert not model.teacher.training
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.5)
    for step in range(2):
        before = {k: v.clone() for k, v in model.teacher.state_dict().items()}
        student = {k: v.clone() for k, v in model.encoder.state_dict().items()}
        for _ in range(passes):
            (model(*batch) / passes).backward()
        share = 1 - momentum_at(step, 10, 0.9)
        for name, value in model.teacher.state_dict().items():
            expected = before[name] + share * (student[name] - before[name])
            torch.testing.assert_close(value, expected)
        assert all(p.grad is None for p in model.teacher.parameters())
        assert int(model.step) == step + 1
        optimizer.step()
        optimizer.zero_grad()
    watched = model.take_watched()
    assert set(watched) == set(model.WATCHED) and model.take_watched() == {}
    still = [k for k, v in model.encoder.state_dict().items() if torch.equal(v, student[k])]
    assert not {"cls_token", "blocks.0.in_proj.weight", "blocks.3.out_proj.weight"} & {*still}
    model.eval()
    model(*batch)
    assert int(model.step) == 2 and model.take_watched() == {}  # validation leaves it alone


def test_the_momentum_rises_to_one():
    assert momentum_at(0, 10, 0.9) == pytest.approx(0.9)
    assert momentum_at(5, 10, 0.9) == pytest.approx(0.95)
    assert momentum_at(10, 10, 0.9) == momentum_at(99, 10, 0.9) == 1


def test_the_loss_of_views_is_dinos():
    model = Dino(encoder(), DinoConfig(prototypes=7, hidden=8, bottleneck=4), 0.9, 10).eval()
    torch.nn.init.normal_(model.centre, std=0.3)
    regions, sizes = given(12)[0], torch.tensor([5, 4, 2, 1])
    found = model(regions, sizes, 2, 0)
    logits, taught, start = [], [], 0
    for size in sizes.tolist():
        view = regions[start : start + size]
        start += size
        for net, head, out in ((model.encoder, model.head, logits),
                               (model.teacher, model.teacher_head, taught)):  # fmt: skip
            feature = net.forward_slide(view).cls.mean(0)
            x = head.mlp(feature)
            rows = [plain.cosine(x, p) for p in head.prototypes]
            out.append(torch.stack(rows))
    expected = plain.dino(torch.stack(logits), torch.stack(taught[:2]), model.centre, 0.1, 0.04)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    weights = [p for p in model.parameters() if p.requires_grad]
    mine = torch.autograd.grad(found, weights)
    theirs = torch.autograd.grad(expected, weights)
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-6)


def test_the_centre_is_the_mean_of_what_a_whole_step_was_taught():
    config = DinoConfig(prototypes=5, hidden=8, bottleneck=4, centre_momentum=0.75)
    model = Dino(encoder(), config, 1.0, 10, passes=2).train()  # a teacher that stands still
    sizes, seen = torch.tensor([5, 4, 2, 1]), []
    for step in range(2):
        for turn in range(2):
            regions = given(12, seed=10 * step + turn)[0]
            if step == 0:
                views = regions.split([5, 4, 3])[:2]
                pooled = torch.stack([model.teacher.forward_features(v) for v in views])
                seen.append(model.teacher_head(pooled))
            model(regions, sizes, 2, 0)
            expected = torch.zeros(5) if step == 0 else 0.25 * torch.cat(seen).mean(0)
            torch.testing.assert_close(model.centre, expected)


def test_the_prototypes_wait():
    config = DinoConfig(prototypes=5, hidden=8, bottleneck=4, frozen_steps=1)
    model = Dino(encoder(), config, 0.9, 10).train()
    for expected in (True, False):
        model.zero_grad()
        model(given(12)[0], torch.tensor([5, 4, 2, 1]), 2, 0).backward()
        assert (model.head.prototypes.grad is None) == expected


def test_lead_and_owner_agree():
    made = encoder().train()
    for seed in range(4):
        found = made.forward_slide(given(12)[0], seed)
        assert len(found.lead) == len(found.tokens) == int(found.owner.max()) + 1
        assert found.owner[found.lead].tolist() == list(range(len(found.lead)))
        spatial, _ = split_class(found.tokens)
        assert spatial.shape[1] == found.grid[0] * found.grid[1]
